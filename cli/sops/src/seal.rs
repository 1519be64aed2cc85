//! From a plaintext to an encrypted file that differs from the one before only where the plaintext does.

use ichor_yaml::{Layout, Node, Value};

use crate::Entropy;
use crate::age::{Identity, Recipient};
use crate::binary::{PlainBytes, is_binary};
use crate::cipher::{Ciphertexts, DataKey};
use crate::content::Content;
use crate::error::{Error, ErrorKind};
use crate::mac::Mac;
use crate::metadata::{KEY, Metadata};
use crate::open::{Unsealed, unseal};
use crate::plaintext::Plaintext;
use crate::rules::Rules;
use crate::scalar::Scalar;
use crate::timestamp::Timestamp;
use crate::walk::{Path, Visit};

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

/// Encrypts a file again, with a new data key; foreign key services cannot follow and are refused.
pub fn rotate(previous: Previous<'_>, terms: &Terms, entropy: &mut Entropy<'_>, now: &Timestamp) -> Result<String, Error> {
    match is_binary(previous.text) {
        true => rotate_content::<PlainBytes>(previous, terms, entropy, now),
        false => rotate_content::<Plaintext>(previous, terms, entropy, now),
    }
}

fn rotate_content<C: Content>(previous: Previous<'_>, terms: &Terms, entropy: &mut Entropy<'_>, now: &Timestamp) -> Result<String, Error> {
    check_terms(terms)?;
    let held = unseal::<C>(previous.text, previous.identities)?;
    if !held.metadata.foreign.is_empty() {
        let message = format!("a new data key cannot be wrapped for {}", held.metadata.foreign.join(", "));
        return Err(Error::new(ErrorKind::Unsupported, message, "use `sops rotate`, or remove these keys with `sops updatekeys` first"));
    }
    fresh(held.content.settled()?, terms, entropy, now)
}

/// Keeps the data key and the ciphertexts of unchanged values, or the whole file if nothing changed.
pub(crate) fn seal_content<C: Content>(
    previous: Option<Previous<'_>>,
    content: C,
    terms: &Terms,
    entropy: &mut Entropy<'_>,
    now: &Timestamp,
) -> Result<String, Error> {
    let content = content.settled()?;
    check_terms(terms)?;
    let wanted = content.fingerprint()?;
    let Some(previous) = previous else {
        return fresh(content, terms, entropy, now);
    };
    let Unsealed { content: held, mut metadata, key, ciphertexts, .. } = unseal::<C>(previous.text, previous.identities)?;
    let rules = C::rules(terms, Some(&metadata.rules));
    let same = metadata.rules == rules && held.settled()?.fingerprint()? == wanted;
    if same && metadata.is_for(&terms.recipients) {
        return Ok(previous.text.to_owned());
    }
    metadata.set_recipients(&terms.recipients, &key, entropy);
    let sealer = Sealer { key: &key, ciphertexts: &ciphertexts, mac: Mac::start(&rules), entropy };
    metadata.rules = rules;
    // A change of recipients alone leaves the values and their MAC, as `sops updatekeys` does.
    sealer.write(content, metadata, terms.layout, (!same).then_some(now))
}

fn fresh<C: Content>(content: C, terms: &Terms, entropy: &mut Entropy<'_>, now: &Timestamp) -> Result<String, Error> {
    let (key, rules) = (DataKey::draw(entropy), C::rules(terms, None));
    let mut metadata = Metadata::fresh(&rules, now);
    metadata.set_recipients(&terms.recipients, &key, entropy);
    let sealer = Sealer { key: &key, ciphertexts: &Ciphertexts::default(), mac: Mac::start(&rules), entropy };
    sealer.write(content, metadata, terms.layout, Some(now))
}

fn check_terms(terms: &Terms) -> Result<(), Error> {
    if terms.recipients.is_empty() {
        return Err(Error::new(ErrorKind::Argument, "a file cannot be sealed for nobody", "name at least one age recipient"));
    }
    Ok(())
}

/// Encrypts the values of one file.
pub(crate) struct Sealer<'a> {
    key: &'a DataKey,
    ciphertexts: &'a Ciphertexts,
    mac: Mac,
    entropy: &'a mut Entropy<'a>,
}

impl Sealer<'_> {
    /// `now` is `None` when the values, and so the MAC and its time, are those of the previous file.
    fn write<C: Content>(mut self, content: C, mut metadata: Metadata, layout: Layout, now: Option<&Timestamp>) -> Result<String, Error> {
        let mut documents = content.encrypt(&metadata.rules, &mut self)?;
        if let Some(now) = now {
            let mac = Scalar::of(&Value::Str(self.mac.finish())).ok().flatten();
            metadata.mac = mac.map(|mac| self.key.encrypt(&mac, now.as_str(), self.entropy)).unwrap_or_default();
            metadata.last_modified = now.clone();
        }
        let block = metadata.to_node();
        documents.iter_mut().for_each(|document| add_block(document, &block));
        Ok(C::emit(&documents, layout))
    }

    /// Adds a value to the MAC and returns its ciphertext, if the rules encrypt it.
    pub(crate) fn encrypt(&mut self, path: &Path<'_>, scalar: &Scalar) -> Option<String> {
        self.mac.add(path, scalar);
        path.is_encrypted().then(|| self.text(path, scalar))
    }

    fn text(&mut self, path: &Path<'_>, scalar: &Scalar) -> String {
        let aad = path.aad();
        match self.ciphertexts.find(&aad, scalar) {
            Some(text) => text.to_owned(),
            None => self.key.encrypt(scalar, &aad, self.entropy),
        }
    }
}

fn add_block(document: &mut Node, block: &Node) {
    if let Some(map) = document.as_map_mut() {
        let before = std::mem::take(&mut map.tail);
        map.set(KEY, Node { before, ..block.clone() });
    }
}

impl Visit for Sealer<'_> {
    fn value(&mut self, path: &Path<'_>, node: &mut Node) -> Result<(), Error> {
        // The fingerprint has refused what cannot be held.
        let Ok(Some(scalar)) = Scalar::of(&node.value) else { return Ok(()) };
        if let Some(text) = self.encrypt(path, &scalar) {
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
