//! From an encrypted file to its plaintext, checked.

use ichor_yaml::{Document, Map, Node, Value, parse};

use crate::age::{Identity, Recipient};
use crate::binary::{PlainBytes, is_binary};
use crate::cipher::{Ciphertexts, DataKey, Refusal, is_encrypted_comment};
use crate::content::Content;
use crate::error::{Error, ErrorKind};
use crate::mac::Mac;
use crate::metadata::{KEY, Metadata};
use crate::plaintext::Plaintext;
use crate::rules::Rules;
use crate::scalar::{Kind, Scalar};
use crate::timestamp::Timestamp;
use crate::walk::{Path, Visit, aad};

/// What a file says about itself without being opened.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Everybody in the file's age list, in its spelling.
    pub recipients: Vec<String>,
    /// Key services that only `sops` can use, such as `pgp (2)`.
    pub foreign: Vec<String>,
    pub rules: Rules,
    pub last_modified: Timestamp,
    pub version: String,
}

/// A file that was opened and found untouched.
#[derive(Debug)]
pub struct Opened<P = Plaintext> {
    pub plaintext: P,
    /// The recipients that are supported here, in the file's order.
    pub recipients: Vec<Recipient>,
    pub summary: Summary,
    /// What was left as it is, such as a comment that does not open.
    pub warnings: Vec<String>,
}

/// Whether a text is YAML, or JSON, with a `sops` block.
pub fn is_sealed(text: &str) -> bool {
    parse(text).is_ok_and(|documents| documents.first().is_some_and(|document| document.root.get(KEY).is_some()))
}

/// Reads what a file says about itself; nothing is decrypted and nothing is checked.
pub fn inspect(text: &str) -> Result<Summary, Error> {
    let (_, metadata) = if is_binary(text) { split::<PlainBytes>(text) } else { split::<Plaintext>(text) }?;
    Ok(summary(&metadata))
}

impl<C> From<Unsealed<C>> for Opened<C> {
    fn from(unsealed: Unsealed<C>) -> Self {
        Self {
            plaintext: unsealed.content,
            recipients: unsealed.metadata.recipients(),
            summary: summary(&unsealed.metadata),
            warnings: unsealed.warnings,
        }
    }
}

fn summary(metadata: &Metadata) -> Summary {
    Summary {
        recipients: metadata.keys.iter().map(|key| key.recipient.clone()).collect(),
        foreign: metadata.foreign.clone(),
        rules: metadata.rules.clone(),
        last_modified: metadata.last_modified.clone(),
        version: metadata.version.clone(),
    }
}

/// An opened file with all that is needed to seal it again.
pub(crate) struct Unsealed<C> {
    pub(crate) content: C,
    pub(crate) metadata: Metadata,
    pub(crate) key: DataKey,
    pub(crate) ciphertexts: Ciphertexts,
    pub(crate) warnings: Vec<String>,
}

pub(crate) fn unseal<C: Content>(text: &str, identities: &[Identity]) -> Result<Unsealed<C>, Error> {
    let (documents, metadata) = split::<C>(text)?;
    let key = metadata.data_key(identities)?;
    let mut opener =
        Opener { key: &key, mac: Mac::start(&metadata.rules), ciphertexts: Ciphertexts::default(), warnings: Vec::new(), last: Vec::new() };
    let content = C::decrypt(documents, &metadata.rules, &mut opener)?;
    let Opener { mac, ciphertexts, warnings, .. } = opener;
    check_mac(&metadata, &key, &mac.finish())?;
    Ok(Unsealed { content, metadata, key, ciphertexts, warnings })
}

/// The documents without their `sops` blocks, and the block of the first.
fn split<C: Content>(text: &str) -> Result<(Vec<Node>, Metadata), Error> {
    let mut metadata = None;
    let mut documents = Vec::new();
    for (index, Document { mut root, duplicates }) in C::parse(text)?.into_iter().enumerate() {
        if let Some(duplicate) = duplicates.first() {
            let message = format!("the key `{}` stands here twice", duplicate.key);
            return Err(Error::new(ErrorKind::Syntax, message, "remove one of them").at(duplicate.second));
        }
        if root.is_null() {
            root.value = Value::Map(Map::new());
        }
        let span = root.span;
        let not_a_map = || Error::new(ErrorKind::Unsupported, "a SOPS file holds mappings only", "put the values under keys").at(span);
        let map = root.as_map_mut().ok_or_else(not_a_map)?;
        if let Some(mut block) = map.remove(KEY) {
            map.tail.splice(0..0, block.before.drain(..));
            if index == 0 {
                metadata = Some(Metadata::read(&block, C::unnamed_rules())?);
            }
        }
        documents.push(root);
    }
    Ok((documents, metadata.ok_or_else(not_sealed)?))
}

pub(crate) fn not_sealed() -> Error {
    Error::new(ErrorKind::NotSealed, "the file has no `sops` block: it is not encrypted", "encrypt it with `sops -e`")
}

fn check_mac(metadata: &Metadata, key: &DataKey, computed: &str) -> Result<(), Error> {
    if metadata.mac.is_empty() {
        return Err(Error::tampered("`sops.mac` is missing"));
    }
    let held = key
        .decrypt(&metadata.mac, metadata.last_modified.as_str())
        .map_err(|_| Error::tampered("`sops.mac` does not open: it, or `sops.lastmodified`, was changed"))?;
    if held.bytes.as_slice() == computed.as_bytes() {
        return Ok(());
    }
    let since = &metadata.last_modified;
    Err(Error::tampered(format!(
        "the values do not agree with `sops.mac`: since {since} one was changed, added, removed or moved without `sops`"
    )))
}

/// Decrypts the values of one file.
pub(crate) struct Opener<'a> {
    key: &'a DataKey,
    mac: Mac,
    ciphertexts: Ciphertexts,
    warnings: Vec<String>,
    /// The keys of the last value, for comments that belonged there.
    last: Vec<String>,
}

impl Opener<'_> {
    /// Opens a value and adds it to the MAC.
    pub(crate) fn decrypt(&mut self, path: &Path<'_>, node: &Node) -> Result<Scalar, Error> {
        let name = path.name();
        let clear = || Error::tampered(format!("the value of `{name}` is clear, though the file's rules have it encrypted")).at(node.span);
        let text = node.as_str().ok_or_else(clear)?;
        let scalar = self.key.decrypt(text, &path.aad()).map_err(|refusal| match refusal {
            Refusal::Form => clear(),
            Refusal::Tag => {
                let message = format!("the value of `{name}` does not open: it was changed, or belongs to another key or file");
                Error::tampered(message).at(node.span)
            }
            Refusal::Type => Error::tampered(format!("the value of `{name}` is not of the type that it claims")).at(node.span),
        })?;
        if scalar.kind == Kind::Comment {
            return Err(Error::tampered(format!("the value of `{name}` claims to be a comment")).at(node.span));
        }
        self.ciphertexts.keep(&path.aad(), &scalar, text);
        self.mac.add(path, &scalar);
        Ok(scalar)
    }

    /// A comment is bound to the mapping or list it stood in, which an editor may have moved it out of.
    fn comment_text(&self, path: &Path<'_>, text: &str) -> Option<(String, Scalar)> {
        let prefixes = |keys: &[String]| (0..=keys.len()).rev().filter_map(|len| keys.get(..len).map(aad)).collect::<Vec<_>>();
        let places = prefixes(path.keys()).into_iter().chain(prefixes(&self.last));
        places.into_iter().find_map(|aad| Some((aad.clone(), self.key.decrypt(text, &aad).ok()?)))
    }
}

impl Visit for Opener<'_> {
    fn value(&mut self, path: &Path<'_>, node: &mut Node) -> Result<(), Error> {
        self.last = path.keys().to_vec();
        let not_held = |what: &str| {
            let message = format!("`{}` is {what}, which is not supported", path.name());
            Error::new(ErrorKind::Unsupported, message, "use `sops` for this file").at(node.span)
        };
        if path.is_encrypted() {
            node.value = self.decrypt(path, node)?.to_value().ok_or_else(|| not_held("binary data"))?;
        } else if let Some(scalar) = Scalar::of(&node.value).map_err(not_held)? {
            self.mac.add(path, &scalar);
        }
        Ok(())
    }

    fn comment(&mut self, path: &Path<'_>, text: &mut String) -> Result<(), Error> {
        if !path.is_encrypted() || text.is_empty() {
            return Ok(());
        }
        match self.comment_text(path, text) {
            Some((_, scalar)) if scalar.kind != Kind::Comment => {
                return Err(Error::tampered(format!("a comment at `{}` holds an encrypted value", path.name())));
            }
            Some((aad, scalar)) => {
                self.ciphertexts.keep(&aad, &scalar, text);
                // A line break inside would end the comment when it is written.
                *text = String::from_utf8_lossy(&scalar.bytes).replace(['\n', '\r'], " ");
            }
            // A comment that an editor moved out of a clear list is clear; the MAC covers none of them.
            None if !is_encrypted_comment(text) => {}
            None => self.warnings.push(format!("a comment at `{}` does not open and stays as it is", path.name())),
        }
        Ok(())
    }

    fn is_comment_item(&self, path: &Path<'_>, item: &Node) -> bool {
        path.is_encrypted() && item.as_str().is_some_and(is_encrypted_comment)
    }
}
