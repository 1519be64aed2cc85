//! Files of YAML documents.

use ichor_yaml::{Document, Layout, Map, Node, Value, emit, parse};

use crate::Entropy;
use crate::age::Identity;
use crate::content::Content;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::metadata::KEY;
use crate::open::{Opened, Opener, unseal};
use crate::plaintext::Plaintext;
use crate::rules::Rules;
use crate::seal::{Previous, Sealer, Terms, seal_content};
use crate::timestamp::Timestamp;
use crate::walk::walk;

/// Decrypts a file and checks that nothing was changed.
pub fn open(text: &str, identities: &[Identity]) -> Result<Opened, Error> {
    unseal(text, identities).map(Opened::from)
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
    seal_content(previous, Plaintext::new(documents.to_vec()), terms, entropy, now)
}

impl Content for Plaintext {
    fn unnamed_rules() -> Rules {
        Rules::default()
    }

    fn rules(terms: &Terms, _held: Option<&Rules>) -> Rules {
        terms.rules.clone()
    }

    fn parse(text: &str) -> Result<Vec<Document>, Error> {
        Ok(parse(text)?)
    }

    fn emit(documents: &[Node], layout: Layout) -> String {
        documents.iter().map(|document| emit(document, layout)).collect::<Vec<_>>().join("---\n")
    }

    /// Puts each comment where the emitter and `sops` agree on the mapping that it belongs to.
    fn settled(mut self) -> Result<Self, Error> {
        let wrong = |message: &str, help: &str, node: &Node| Err(Error::new(ErrorKind::Plaintext, message, help).at(node.span));
        for root in self.documents_mut() {
            if root.is_null() {
                root.value = Value::Map(Map::new());
            }
            let Some(map) = root.as_map() else {
                return wrong("a SOPS file holds mappings only", "put the values under keys", root);
            };
            if let Some(node) = map.get(KEY) {
                return wrong(
                    "the key `sops` is taken by the format: the file may be encrypted already",
                    "decrypt it or rename the key",
                    node,
                );
            }
            settle_comments(root, false);
        }
        if self.documents().is_empty() {
            return Err(Error::new(ErrorKind::Plaintext, "there is no document to encrypt", "give at least one mapping"));
        }
        Ok(self)
    }

    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        Fingerprint::of(self.documents())
    }

    fn encrypt(self, rules: &Rules, sealer: &mut Sealer<'_>) -> Result<Vec<Node>, Error> {
        let mut documents = self.into_documents();
        documents.iter_mut().try_for_each(|document| walk(document, rules, sealer))?;
        Ok(documents)
    }

    fn decrypt(documents: Vec<Node>, rules: &Rules, opener: &mut Opener<'_>) -> Result<Self, Error> {
        let mut plaintext = Self::new(documents);
        plaintext.documents_mut().iter_mut().try_for_each(|document| walk(document, rules, opener))?;
        Ok(plaintext)
    }
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
