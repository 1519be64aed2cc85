//! Files of any bytes, which `sops` holds as the one value of a JSON document.

use std::fmt;

use ichor_yaml::{Document, Layout, Map, Node, parse, to_json};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::Entropy;
use crate::age::Identity;
use crate::content::Content;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::metadata::KEY;
use crate::open::{Opened, Opener, not_sealed, unseal};
use crate::rules::Rules;
use crate::scalar::{Kind, Scalar};
use crate::seal::{Previous, Sealer, Terms, seal_content};
use crate::timestamp::Timestamp;
use crate::walk::Path;

/// The key of the one value.
const DATA: &str = "data";

/// The content of a decrypted file of bytes; wiped when dropped, silent in `Debug`.
pub struct PlainBytes(Scalar);

impl PlainBytes {
    fn new(bytes: &[u8]) -> Self {
        Self(Scalar { kind: Kind::Str, bytes: Zeroizing::new(bytes.to_vec()) })
    }

    /// The file, byte for byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl fmt::Debug for PlainBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainBytes({} bytes, redacted)", self.0.bytes.len())
    }
}

/// Decrypts a file of bytes and checks that nothing was changed.
pub fn open_binary(text: &str, identities: &[Identity]) -> Result<Opened<PlainBytes>, Error> {
    unseal(text, identities).map(Opened::from)
}

/// Encrypts bytes, as [`crate::seal`] does documents; the rules and the layout of the terms have no meaning here.
pub fn seal_binary(
    previous: Option<Previous<'_>>,
    bytes: &[u8],
    terms: &Terms,
    entropy: &mut Entropy<'_>,
    now: &Timestamp,
) -> Result<String, Error> {
    seal_content(previous, PlainBytes::new(bytes), terms, entropy, now)
}

/// Whether a text has the form of a sealed file of bytes.
pub(crate) fn is_binary(text: &str) -> bool {
    let Ok(Json::Object(object)) = serde_json::from_str(text) else { return false };
    object.len() == 2 && object.contains_key(KEY) && object.get(DATA).is_some_and(Json::is_string)
}

impl Content for PlainBytes {
    fn unnamed_rules() -> Rules {
        Rules::everything()
    }

    /// `sops` adds its default rule when it changes a file, which selects nothing here and stays.
    fn rules(_terms: &Terms, held: Option<&Rules>) -> Rules {
        held.cloned().unwrap_or_else(Rules::everything)
    }

    /// YAML that is not JSON is refused, for `sops` does not read it under the name of such a file.
    fn parse(text: &str) -> Result<Vec<Document>, Error> {
        match serde_json::from_str::<Json>(text) {
            Ok(_) => Ok(parse(text)?),
            Err(_) if !text.trim_start().starts_with('{') => Err(not_sealed()),
            Err(error) => Err(Error::new(ErrorKind::Syntax, format!("the file is not JSON: {error}"), "restore the file from Git")),
        }
    }

    fn emit(documents: &[Node], _layout: Layout) -> String {
        let mut text = String::new();
        for document in documents {
            // A string has no line break in JSON, so that the spaces at the start of a line are its indentation.
            for line in format!("{:#}", to_json(document)).lines() {
                let content = line.trim_start_matches(' ');
                let depth = (line.len() - content.len()) / 2;
                text.extend(["\t".repeat(depth).as_str(), content, "\n"]);
            }
        }
        text
    }

    fn settled(self) -> Result<Self, Error> {
        Ok(self)
    }

    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        Ok(Fingerprint::of_bytes(self.as_bytes()))
    }

    fn encrypt(self, rules: &Rules, sealer: &mut Sealer<'_>) -> Result<Vec<Node>, Error> {
        let text = sealer.encrypt(&path(rules)?, &self.0);
        Ok(vec![Node::from(Map::new().with(DATA, text.unwrap_or_default()))])
    }

    fn decrypt(documents: Vec<Node>, rules: &Rules, opener: &mut Opener<'_>) -> Result<Self, Error> {
        let mut entries = documents.iter().filter_map(Node::as_map).flat_map(|map| &map.entries);
        if let Some(other) = entries.clone().find(|entry| entry.key != DATA) {
            let message = format!("`{}` was added: beside `sops`, a file of bytes has `{DATA}` only", other.key);
            return Err(Error::tampered(message).at(other.key_span));
        }
        let data = entries.next().ok_or_else(|| Error::tampered(format!("`{DATA}` is missing")))?;
        let scalar = opener.decrypt(&path(rules)?, &data.node)?;
        if scalar.kind != Kind::Str {
            let message =
                format!("the value of `{DATA}` claims to be of the type `{}`, and is `str` in a file of bytes", scalar.kind.label());
            return Err(Error::tampered(message).at(data.node.span));
        }
        Ok(Self(scalar))
    }
}

/// The place of the one value, which no rule leaves clear.
fn path(rules: &Rules) -> Result<Path<'_>, Error> {
    let mut path = Path::root(rules);
    path.push(DATA);
    match rules.key_and_text() {
        Some((key, _)) if !path.is_encrypted() => Err(Error::tampered(format!("`sops.{key}` would leave `{DATA}` clear"))),
        _ => Ok(path),
    }
}
