//! The secret halves, and the text files that hold them.

use std::fmt;

use bech32::{Bech32, Hrp};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::recipient::{Recipient, decode};
use crate::Entropy;
use crate::error::{Error, ErrorKind};

const HRP: &str = "AGE-SECRET-KEY-";

/// A native age identity, an X25519 private key.
#[derive(Clone)]
pub struct Identity(pub(super) StaticSecret);

/// What an identity file holds.
#[derive(Clone, Debug, Default)]
pub struct Identities {
    pub usable: Vec<Identity>,
    /// Identities of kinds that are not supported, in words, such as `line 3: an identity of an age plugin`.
    pub unusable: Vec<String>,
}

impl Identity {
    /// A new identity.
    pub fn generate(entropy: &mut Entropy<'_>) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy(&mut *bytes);
        Self(StaticSecret::from(*bytes))
    }

    /// The recipient whose files this identity opens.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0).to_bytes())
    }

    /// The secret as an identity file holds it.
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        let text = Hrp::parse(HRP).ok().and_then(|hrp| bech32::encode_upper::<Bech32>(hrp, self.0.as_bytes()).ok());
        Zeroizing::new(text.unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Self> {
        // Age writes the secret in capitals only; Bech32 itself would take small letters too.
        text.starts_with(HRP).then(|| decode(text, HRP)).flatten().map(|bytes| Self(StaticSecret::from(*bytes)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity(redacted, of {})", self.recipient())
    }
}

/// Reads the text of an identity file or of `SOPS_AGE_KEY`: identities between white space, `#` starts a comment line.
///
/// Plugin, post-quantum and SSH identities and files that a passphrase protects are named in `unusable`.
pub fn parse_identities(text: &str) -> Result<Identities, Error> {
    let mut identities = Identities::default();
    if let Some(kind) = whole_file(text.trim_start()) {
        identities.unusable.push(kind.to_owned());
        return Ok(identities);
    }
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
        let line_number = index + 1;
        for word in line.split_whitespace() {
            if let Some(identity) = Identity::parse(word) {
                identities.usable.push(identity);
            } else if let Some(kind) = unsupported(word) {
                identities.unusable.push(format!("line {line_number}: {kind}"));
            } else {
                let message = format!("line {line_number} of the identity file is not an age identity");
                let help = "an identity starts with AGE-SECRET-KEY-1; `age-keygen` makes one";
                return Err(Error::new(ErrorKind::Argument, message, help));
            }
        }
    }
    Ok(identities)
}

fn whole_file(text: &str) -> Option<&'static str> {
    if text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") || text.starts_with("age-encryption.org/") {
        Some("the file is protected by a passphrase")
    } else if text.starts_with("-----BEGIN ") {
        Some("an SSH or PEM key")
    } else {
        None
    }
}

fn unsupported(word: &str) -> Option<&'static str> {
    if word.starts_with("AGE-PLUGIN-") {
        Some("an identity of an age plugin")
    } else if word.starts_with("AGE-SECRET-KEY-PQ-1") {
        Some("a post-quantum identity")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `age-keygen` writes it.
    fn file() -> String {
        let identity = Identity::generate(&mut |bytes| bytes.fill(3));
        format!(
            "# created: 2026-11-21T12:00:00Z
# public key: {}
{}
",
            identity.recipient(),
            *identity.to_secret_text()
        )
    }

    #[test]
    fn as_age_keygen_writes() {
        let file = file();
        let identities = parse_identities(&file).unwrap();
        let [identity] = identities.usable.as_slice() else { panic!("one identity") };
        let recipient = identity.recipient().to_string();
        assert!(file.contains(&format!("# public key: {recipient}\n")));
        assert!(file.ends_with(&format!("{}\n", *identity.to_secret_text())));
        assert_eq!(recipient.parse::<Recipient>().unwrap(), identity.recipient());
        assert!(!format!("{identity:?}").contains("SECRET"));
    }

    #[test]
    fn several_on_one_line_as_in_the_environment() {
        let file = file();
        let secret = file.lines().last().unwrap();
        assert_eq!(parse_identities(&format!("{secret} {secret}")).unwrap().usable.len(), 2);
        assert!(parse_identities("").unwrap().usable.is_empty());
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let text = "AGE-PLUGIN-YUBIKEY-1XYZ\n\nAGE-SECRET-KEY-PQ-1XYZ";
        assert_eq!(parse_identities(text).unwrap().unusable, ["line 1: an identity of an age plugin", "line 3: a post-quantum identity"]);
        assert_eq!(parse_identities("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n").unwrap().unusable, ["an SSH or PEM key"]);
        let ciphered = parse_identities("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n").unwrap();
        assert_eq!(ciphered.unusable, ["the file is protected by a passphrase"]);
    }

    #[test]
    fn a_damaged_identity_is_refused_and_not_shown() {
        let file = file();
        let secret = file.lines().last().unwrap();
        let damaged = secret.replacen("KEY-1", "KEY-1Q", 1);
        for text in [damaged.as_str(), &secret.to_lowercase(), "hunter2"] {
            let error = parse_identities(text).unwrap_err().to_string();
            assert!(error.contains("line 1") && !error.contains(text), "{error}");
        }
    }

    #[test]
    fn recipients_of_other_kinds_are_named() {
        for (text, word) in [
            ("ssh-ed25519 AAAA", "SSH"),
            ("age1pq1abc", "post-quantum"),
            ("age1yubikey1qwe", "plugin"),
            ("age1short", "not an age recipient"),
            ("", "not an age recipient"),
        ] {
            let error = text.parse::<Recipient>().unwrap_err();
            assert!(error.message.contains(word), "{error}");
        }
    }
}
