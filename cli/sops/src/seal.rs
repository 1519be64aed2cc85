//! From a plaintext to an encrypted file that differs from the one before only where the plaintext does.

use ichor_yaml::{Layout, Map, Node, Value, emit};
use sha2::{Digest, Sha512};

use crate::Entropy;
use crate::age::{Identity, Recipient};
use crate::cipher::{Ciphertexts, DataKey};
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::metadata::{KEY, Metadata};
use crate::open::{Unsealed, mac_start, mac_text, unseal};
use crate::plaintext::Plaintext;
use crate::rules::Rules;
use crate::scalar::Scalar;
use crate::timestamp::Timestamp;
use crate::walk::{Path, Visit, walk};

/// For whom and how a file is sealed.
#[derive(Clone, Debug)]
pub struct Terms {
    pub recipients: Vec<Recipient>,
    pub rules: Rules,
    pub layout: Layout,
}

/// The file that is there already, and who opens it.
#[derive(Clone, Copy, Debug)]
pub struct Previous<'a> {
    pub text: &'a str,
    pub identities: &'a [Identity],
}

/// Encrypts documents.
///
/// A previous file with the same plaintext, recipients and rules is returned as it is; otherwise its data key
/// and the ciphertexts of unchanged values are kept. A previous file that was tampered with is refused.
pub fn seal(
    previous: Option<Previous<'_>>,
    documents: &[Node],
    terms: &Terms,
    entropy: &mut Entropy<'_>,
    now: &Timestamp,
) -> Result<String, Error> {
    let plaintext = prepare(documents)?;
    check_terms(terms)?;
    let wanted = Fingerprint::of(plaintext.documents())?;
    let Some(previous) = previous else {
        return fresh(plaintext, terms, entropy, now);
    };
    let Unsealed { plaintext: held, mut metadata, key, ciphertexts, .. } = unseal(previous.text, previous.identities)?;
    let same = metadata.rules == terms.rules && Fingerprint::of(prepare(held.documents())?.documents())? == wanted;
    if same && metadata.is_for(&terms.recipients) {
        return Ok(previous.text.to_owned());
    }
    metadata.rules = terms.rules.clone();
    metadata.set_recipients(&terms.recipients, &key, entropy);
    let sealer = Sealer { key: &key, ciphertexts: &ciphertexts, mac: mac_start(&terms.rules), entropy };
    // A change of recipients alone leaves the values and their MAC, as `sops updatekeys` does.
    sealer.write(plaintext, metadata, terms.layout, (!same).then_some(now))
}

/// Encrypts a file again, with a new data key; foreign key services cannot follow and are refused.
pub fn rotate(previous: Previous<'_>, terms: &Terms, entropy: &mut Entropy<'_>, now: &Timestamp) -> Result<String, Error> {
    check_terms(terms)?;
    let held = unseal(previous.text, previous.identities)?;
    if !held.metadata.foreign.is_empty() {
        let message = format!("a new data key cannot be wrapped for {}", held.metadata.foreign.join(", "));
        return Err(Error::new(ErrorKind::Unsupported, message, "use `sops rotate`, or remove these keys with `sops updatekeys` first"));
    }
    fresh(prepare(held.plaintext.documents())?, terms, entropy, now)
}

fn fresh(plaintext: Plaintext, terms: &Terms, entropy: &mut Entropy<'_>, now: &Timestamp) -> Result<String, Error> {
    let key = DataKey::draw(entropy);
    let mut metadata = Metadata::fresh(&terms.rules, now);
    metadata.set_recipients(&terms.recipients, &key, entropy);
    let sealer = Sealer { key: &key, ciphertexts: &Ciphertexts::default(), mac: mac_start(&terms.rules), entropy };
    sealer.write(plaintext, metadata, terms.layout, Some(now))
}

fn check_terms(terms: &Terms) -> Result<(), Error> {
    if terms.recipients.is_empty() {
        return Err(Error::new(ErrorKind::Argument, "a file cannot be sealed for nobody", "name at least one age recipient"));
    }
    Ok(())
}

/// A copy in which each comment stands where the emitter and `sops` agree on the mapping that it belongs to.
fn prepare(documents: &[Node]) -> Result<Plaintext, Error> {
    let wrong = |message: &str, help: &str, node: &Node| Err(Error::new(ErrorKind::Plaintext, message, help).at(node.span));
    let mut copy = documents.to_vec();
    for root in &mut copy {
        if root.is_null() {
            root.value = Value::Map(Map::new());
        }
        let Some(map) = root.as_map() else {
            return wrong("a SOPS file holds mappings only", "put the values under keys", root);
        };
        if let Some(node) = map.get(KEY) {
            return wrong("the key `sops` is taken by the format: the file may be encrypted already", "decrypt it or rename the key", node);
        }
        settle_comments(root, false);
    }
    if copy.is_empty() {
        return Err(Error::new(ErrorKind::Plaintext, "there is no document to encrypt", "give at least one mapping"));
    }
    Ok(Plaintext::new(copy))
}

/// A comment beside the key of a mapping or list goes above it; one with several lines becomes several.
fn settle_comments(node: &mut Node, in_list: bool) {
    let is_collection = match &node.value {
        Value::Map(map) => !map.entries.is_empty(),
        Value::Seq(items) => !items.is_empty(),
        _ => false,
    };
    if is_collection || node.right.as_ref().is_some_and(|text| text.contains('\n')) {
        node.before.extend(node.right.take());
    }
    settle_lines(&mut node.before, in_list);
    node.right.take_if(|text| in_list && text.is_empty());
    match &mut node.value {
        Value::Map(map) => {
            settle_lines(&mut map.tail, in_list);
            map.entries.iter_mut().for_each(|entry| settle_comments(&mut entry.node, in_list));
        }
        Value::Seq(items) => items.iter_mut().for_each(|item| settle_comments(item, true)),
        _ => {}
    }
}

fn settle_lines(comments: &mut Vec<String>, in_list: bool) {
    if comments.iter().any(|text| text.contains('\n')) {
        *comments = comments.iter().flat_map(|text| text.split('\n')).map(str::to_owned).collect();
    }
    // `sops` takes an empty comment of an encrypted list for one more item.
    comments.retain(|text| !(in_list && text.is_empty()));
}

struct Sealer<'a> {
    key: &'a DataKey,
    ciphertexts: &'a Ciphertexts,
    mac: Sha512,
    entropy: &'a mut Entropy<'a>,
}

impl Sealer<'_> {
    /// `now` is `None` when the values, and so the MAC and its time, are those of the previous file.
    fn write(mut self, plaintext: Plaintext, mut metadata: Metadata, layout: Layout, now: Option<&Timestamp>) -> Result<String, Error> {
        let mut documents = plaintext.into_documents();
        for document in &mut documents {
            walk(document, &metadata.rules, &mut self)?;
        }
        if let Some(now) = now {
            let mac = Scalar::of(&Value::Str(mac_text(self.mac))).ok().flatten();
            metadata.mac = mac.map(|mac| self.key.encrypt(&mac, now.as_str(), self.entropy)).unwrap_or_default();
            metadata.last_modified = now.clone();
        }
        let block = metadata.to_node();
        let texts = documents.into_iter().map(|document| emit(&with_block(document, &block), layout));
        Ok(texts.collect::<Vec<_>>().join("---\n"))
    }

    fn text(&mut self, path: &Path<'_>, scalar: &Scalar) -> String {
        let aad = path.aad();
        match self.ciphertexts.find(&aad, scalar) {
            Some(text) => text.to_owned(),
            None => self.key.encrypt(scalar, &aad, self.entropy),
        }
    }
}

fn with_block(mut document: Node, block: &Node) -> Node {
    if let Some(map) = document.as_map_mut() {
        let before = std::mem::take(&mut map.tail);
        map.set(KEY, Node { before, ..block.clone() });
    }
    document
}

impl Visit for Sealer<'_> {
    fn value(&mut self, path: &Path<'_>, node: &mut Node) -> Result<(), Error> {
        // The fingerprint has refused what cannot be held.
        let Ok(Some(scalar)) = Scalar::of(&node.value) else { return Ok(()) };
        if path.is_covered() {
            self.mac.update(&*scalar.bytes);
        }
        if path.is_encrypted() {
            let text = self.text(path, &scalar);
            crate::scalar::wipe(&mut node.value);
            node.value = Value::Str(text);
        }
        Ok(())
    }

    fn comment(&mut self, path: &Path<'_>, text: &mut String) -> Result<(), Error> {
        if path.is_encrypted() && !text.is_empty() {
            *text = self.text(path, &Scalar::comment(text));
        }
        Ok(())
    }
}
