//! The `sops` block at the end of each document.

use ichor_yaml::{Entry, Map, Node, Span, Value};
use zeroize::Zeroizing;

use crate::Entropy;
use crate::age::{self, Identity, Recipient};
use crate::cipher::DataKey;
use crate::error::{Error, ErrorKind};
use crate::rules::Rules;
use crate::timestamp::Timestamp;

/// The top-level key of the block.
pub(crate) const KEY: &str = "sops";
/// The release of `sops` whose format is written.
const VERSION: &str = "3.13.3";
/// Lists of keys that only `sops` itself can use.
const FOREIGN: [&str; 6] = ["pgp", "kms", "gcp_kms", "hckms", "azure_kv", "hc_vault"];
const COMMENT_RULES: [&str; 2] = ["encrypted_comment_regex", "unencrypted_comment_regex"];

/// What a file says about itself.
pub(crate) struct Metadata {
    pub(crate) rules: Rules,
    pub(crate) last_modified: Timestamp,
    /// Encrypted.
    pub(crate) mac: String,
    pub(crate) version: String,
    pub(crate) keys: Vec<WrappedKey>,
    /// Key services that only `sops` can use, and how many keys each has.
    pub(crate) foreign: Vec<String>,
    /// The block as read: what is not understood is kept.
    block: Map,
    span: Span,
}

/// The data key, wrapped for one recipient.
pub(crate) struct WrappedKey {
    /// As the file spells it, which may be a kind of recipient that is not supported here.
    pub(crate) recipient: String,
    enc: String,
    node: Node,
}

impl Metadata {
    /// Reads the block; `unnamed` are the rules if it names none.
    pub(crate) fn read(node: &Node, unnamed: Rules) -> Result<Self, Error> {
        let wrong = |message: &str| Error::new(ErrorKind::Metadata, message, "restore the `sops` block from Git").at(node.span);
        let block = node.as_map().ok_or_else(|| wrong("`sops` is not a mapping"))?;
        let text = |key: &str| block.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
        let last_modified = text("lastmodified").ok_or_else(|| wrong("`sops.lastmodified` is missing"))?;
        let last_modified = Timestamp::parse(last_modified).map_err(|_| wrong("`sops.lastmodified` is not an RFC 3339 time"))?;
        refuse_unsupported(block)?;
        let metadata = Self {
            rules: rules(block, unnamed).map_err(|error| Error { kind: ErrorKind::Metadata, ..error }.at(node.span))?,
            last_modified,
            mac: text("mac").unwrap_or_default().to_owned(),
            version: text("version").unwrap_or(VERSION).to_owned(),
            keys: wrapped_keys(block)?,
            foreign: foreign(block),
            block: block.clone(),
            span: node.span,
        };
        if metadata.keys.is_empty() && metadata.foreign.is_empty() {
            return Err(wrong("`sops` names nobody who could open the file"));
        }
        Ok(metadata)
    }

    /// The block of a file that did not exist before.
    pub(crate) fn fresh(rules: &Rules, now: &Timestamp) -> Self {
        Self {
            rules: rules.clone(),
            last_modified: now.clone(),
            mac: String::new(),
            version: VERSION.to_owned(),
            keys: Vec::new(),
            foreign: Vec::new(),
            block: Map::new(),
            span: Span::default(),
        }
    }

    /// The recipients that are supported here.
    pub(crate) fn recipients(&self) -> Vec<Recipient> {
        self.keys.iter().filter_map(WrappedKey::native).collect()
    }

    /// Whether the file is sealed for exactly these; keys of other services do not count.
    pub(crate) fn is_for(&self, recipients: &[Recipient]) -> bool {
        let held = self.recipients();
        held.iter().all(|recipient| recipients.contains(recipient)) && recipients.iter().all(|recipient| held.contains(recipient))
    }

    /// Unwraps the data key with the first identity that fits.
    pub(crate) fn data_key(&self, identities: &[Identity]) -> Result<DataKey, Error> {
        for (index, key) in self.keys.iter().enumerate() {
            let bytes = match age::unwrap(&key.enc, identities) {
                Ok(bytes) => bytes,
                Err(age::Refusal::Damaged) if key.native().is_some() => return Err(self.damaged(index)),
                Err(_) => continue,
            };
            let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(bytes.as_slice().try_into().map_err(|_| self.damaged(index))?);
            return Ok(DataKey::new(*bytes));
        }
        Err(self.no_identity(identities.len()))
    }

    fn damaged(&self, index: usize) -> Error {
        let recipient = self.keys.get(index).map_or("", |key| key.recipient.as_str());
        let span = self.keys.get(index).map_or(self.span, |key| key.node.span);
        Error::tampered(format!("the data key in `sops.age[{index}].enc`, for {recipient}, is damaged")).at(span)
    }

    fn no_identity(&self, given: usize) -> Error {
        let age = self.keys.iter().map(|key| key.recipient.as_str());
        let whom = age.chain(self.foreign.iter().map(String::as_str)).collect::<Vec<_>>().join(", ");
        let message = match given {
            0 => format!("no age identity is at hand; the file can be opened by: {whom}"),
            1 => format!("the age identity at hand does not open the file, which can be opened by: {whom}"),
            _ => format!("none of the {given} age identities at hand opens the file, which can be opened by: {whom}"),
        };
        let mut help = "put the identity of one of them into SOPS_AGE_KEY_FILE, SOPS_AGE_KEY or the default age key file".to_owned();
        if !self.foreign.is_empty() {
            help.push_str("; keys of other services work with `sops` only");
        }
        Error::new(ErrorKind::NoIdentity, message, help).at(self.span)
    }

    /// Wraps the data key for new recipients and drops those that are not asked for; foreign ones stay.
    pub(crate) fn set_recipients(&mut self, recipients: &[Recipient], key: &DataKey, entropy: &mut Entropy<'_>) {
        self.keys.retain(|held| held.native().is_none_or(|native| recipients.contains(&native)));
        for recipient in recipients {
            if self.recipients().contains(recipient) {
                continue;
            }
            let (recipient, enc) = (recipient.to_string(), age::wrap(key.as_bytes(), recipient, entropy));
            let node = Node::from(Map::new().with("enc", enc.as_str()).with("recipient", recipient.as_str()));
            self.keys.push(WrappedKey { recipient, enc, node });
        }
    }

    /// The block as it is written.
    pub(crate) fn to_node(&self) -> Node {
        let mut block = self.block.clone();
        let rule = self.rules.key_and_text();
        let is_current = |key: &str| rule.is_some_and(|(current, _)| current == key);
        block.entries.retain(|entry| is_current(&entry.key) || !Rules::KEYS.contains(&entry.key.as_str()));
        if let Some((key, text)) = rule {
            place(&mut block, key, Node::from(text));
        }
        place(&mut block, "age", Node::from(self.keys.iter().map(|key| key.node.clone()).collect::<Vec<_>>()));
        place(&mut block, "lastmodified", Node::from(self.last_modified.as_str()));
        place(&mut block, "mac", Node::from(self.mac.as_str()));
        place(&mut block, "version", Node::from(self.version.as_str()));
        block.remove("mac_only_encrypted");
        if self.rules.is_mac_only_encrypted() {
            place(&mut block, "mac_only_encrypted", Node::from(true));
        }
        Node::from(block)
    }
}

impl WrappedKey {
    fn native(&self) -> Option<Recipient> {
        self.recipient.parse().ok()
    }
}

/// Replaces a value where it stands; a new one goes where the alphabet puts it, as `sops` orders its block.
fn place(block: &mut Map, key: &str, node: Node) {
    if let Some(held) = block.get_mut(key) {
        *held = node;
        return;
    }
    let index = block.entries.iter().position(|entry| entry.key.as_str() > key).unwrap_or(block.entries.len());
    block.entries.insert(index, Entry { key: key.to_owned(), key_span: Span::default(), node });
}

fn refuse_unsupported(block: &Map) -> Result<(), Error> {
    let unsupported =
        |message: String, node: &Node| Err(Error::new(ErrorKind::Unsupported, message, "use `sops` for this file").at(node.span));
    if let Some(node) = block.get("key_groups").filter(|node| node.as_seq().is_some_and(|groups| !groups.is_empty())) {
        return unsupported("the data key is split among `sops.key_groups`, which is not supported".into(), node);
    }
    for key in COMMENT_RULES {
        if let Some(node) = block.get(key).filter(|node| node.as_str().is_some_and(|text| !text.is_empty())) {
            return unsupported(format!("`sops.{key}` is not supported"), node);
        }
    }
    Ok(())
}

fn rules(block: &Map, unnamed: Rules) -> Result<Rules, Error> {
    let mut found = None;
    for key in Rules::KEYS {
        let Some(text) = block.get(key).and_then(Node::as_str).filter(|text| !text.is_empty()) else { continue };
        if let Some((other, _)) = found.replace((key, text)) {
            let message = format!("`sops` has both `{other}` and `{key}`");
            return Err(Error::new(ErrorKind::Metadata, message, "restore the `sops` block from Git"));
        }
    }
    let rules = found.map_or(Ok(unnamed), |(key, text)| Rules::from_key(key, text))?;
    Ok(rules.mac_only_encrypted(block.get("mac_only_encrypted").and_then(Node::as_bool).unwrap_or_default()))
}

fn wrapped_keys(block: &Map) -> Result<Vec<WrappedKey>, Error> {
    let items = block.get("age").and_then(Node::as_seq).unwrap_or_default();
    items.iter().enumerate().map(|(index, node)| wrapped_key(index, node)).collect()
}

fn wrapped_key(index: usize, node: &Node) -> Result<WrappedKey, Error> {
    let text = |key: &str| {
        let message = format!("`sops.age[{index}].{key}` is missing");
        let missing = || Error::new(ErrorKind::Metadata, message, "restore the `sops` block from Git").at(node.span);
        node.get(key).and_then(Node::as_str).map(str::to_owned).ok_or_else(missing)
    };
    Ok(WrappedKey { recipient: text("recipient")?, enc: text("enc")?, node: node.clone() })
}

fn foreign(block: &Map) -> Vec<String> {
    let count = |key: &str| match block.get(key).map(|node| &node.value) {
        Some(Value::Seq(items)) => items.len(),
        _ => 0,
    };
    FOREIGN.iter().map(|key| (key, count(key))).filter(|(_, count)| *count > 0).map(|(key, count)| format!("{key} ({count})")).collect()
}
