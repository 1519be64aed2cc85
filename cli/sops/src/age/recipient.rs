//! Whom a file is sealed for.

use std::fmt;
use std::str::FromStr;

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};

const HRP: &str = "age";

/// A native age recipient, an X25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient(pub(super) [u8; 32]);

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(kind) = unsupported(text) {
            let help = "use a native recipient, which `age-keygen` makes and which starts with age1 and has 62 characters";
            return Err(Error::new(ErrorKind::Unsupported, format!("the recipient `{text}` is {kind}, which is not supported"), help));
        }
        let help = "a recipient starts with age1 and has 62 characters; `age-keygen -y KEYFILE` prints it";
        let wrong = || Error::new(ErrorKind::Argument, format!("`{text}` is not an age recipient"), help);
        decode(text, HRP).map(|bytes| Self(*bytes)).ok_or_else(wrong)
    }
}

fn unsupported(text: &str) -> Option<&'static str> {
    if text.starts_with("ssh-") {
        Some("an SSH key")
    } else if text.starts_with("age1pq1") {
        Some("a post-quantum key")
    } else if text.strip_prefix("age1").is_some_and(|rest| rest.contains('1')) {
        Some("one of an age plugin")
    } else {
        None
    }
}

/// 32 bytes out of Bech32 with this prefix.
pub(super) fn decode(text: &str, hrp: &str) -> Option<Zeroizing<[u8; 32]>> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    if checked.hrp().to_string() != hrp {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let mut data = checked.byte_iter();
    for byte in bytes.iter_mut() {
        *byte = data.next()?;
    }
    data.next().is_none().then_some(bytes)
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hrp = bech32::Hrp::parse(HRP).map_err(|_| fmt::Error)?;
        f.write_str(&bech32::encode_lower::<Bech32>(hrp, &self.0).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}
