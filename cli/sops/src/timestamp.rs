//! The time of the last change, as the file writes it.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// An RFC 3339 time in whole seconds, normalised as `sops` prints it, for the MAC is bound to these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp(String);

impl Timestamp {
    /// Reads RFC 3339; fractions of a second are dropped and a zero offset becomes `Z`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || {
            let help = "write it like 2026-11-21T12:00:00Z";
            Error::new(ErrorKind::Argument, format!("`{text}` is not an RFC 3339 time"), help)
        };
        if !text.is_ascii() || text.len() < 20 {
            return Err(wrong());
        }
        let (seconds, rest) = text.split_at(19);
        if !fits(seconds, "dddd-dd-ddTdd:dd:dd") {
            return Err(wrong());
        }
        let zone = match rest.strip_prefix('.') {
            Some(fraction) => {
                let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
                if zone.len() == fraction.len() {
                    return Err(wrong());
                }
                zone
            }
            None => rest,
        };
        match zone {
            "Z" | "+00:00" | "-00:00" => Ok(Self(format!("{seconds}Z"))),
            _ if fits(zone, "+dd:dd") || fits(zone, "-dd:dd") => Ok(Self(format!("{seconds}{zone}"))),
            _ => Err(wrong()),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Compares with a shape in which `d` stands for a digit.
fn fits(text: &str, shape: &str) -> bool {
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(|(b, s)| if s == b'd' { b.is_ascii_digit() } else { b == s })
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalised_as_the_mac_needs_it() {
        for (text, want) in [
            ("2026-11-21T11:49:55Z", "2026-11-21T11:49:55Z"),
            ("2026-11-21T11:49:55.123456789Z", "2026-11-21T11:49:55Z"),
            ("2026-11-21T11:49:55+00:00", "2026-11-21T11:49:55Z"),
            ("2026-11-21T11:49:55.5-07:00", "2026-11-21T11:49:55-07:00"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().as_str(), want);
        }
        for text in ["", "2026-11-21", "2026-11-21 11:49:55Z", "2026-11-21T11:49:55", "2026-11-21T11:49:55.Z", "2026-11-21T11:49:5éZ"] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
