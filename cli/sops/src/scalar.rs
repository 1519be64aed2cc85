//! Scalars in the one spelling that the MAC and the ciphertext are computed over.

use ichor_yaml::Value;
use zeroize::{Zeroize, Zeroizing};

/// The word behind `type:` in an encrypted value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Str,
    Int,
    Float,
    Bool,
    Bytes,
    Time,
    Comment,
}

impl Kind {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Bytes => "bytes",
            Self::Time => "time",
            Self::Comment => "comment",
        }
    }

    pub(crate) fn from_label(label: &str) -> Option<Self> {
        [Self::Str, Self::Int, Self::Float, Self::Bool, Self::Bytes, Self::Time, Self::Comment]
            .into_iter()
            .find(|kind| kind.label() == label)
    }
}

/// A value that is no list, mapping or null.
pub(crate) struct Scalar {
    pub(crate) kind: Kind,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl Scalar {
    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, bytes: Zeroizing::new(text.into().into_bytes()) }
    }

    pub(crate) fn comment(text: &str) -> Self {
        Self::new(Kind::Comment, text)
    }

    /// `None` for what is not a scalar; an error for one that `sops` cannot hold.
    pub(crate) fn of(value: &Value) -> Result<Option<Self>, &'static str> {
        Ok(Some(match value {
            Value::Null | Value::Seq(_) | Value::Map(_) => return Ok(None),
            Value::Str(text) => Self::new(Kind::Str, text.as_str()),
            Value::Bool(value) => Self::new(Kind::Bool, bool_text(*value)),
            Value::Int(value) => {
                let small = i64::try_from(*value).map_err(|_| "an integer of more than 64 bits, sign included")?;
                Self::new(Kind::Int, small.to_string())
            }
            Value::Float(text) => Self::new(Kind::Float, float_text(float(text).ok_or("a number outside the range of a double")?)),
        }))
    }

    /// Checks decrypted bytes against their type; `None` when they do not fit.
    pub(crate) fn decrypted(kind: Kind, bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        let text = || std::str::from_utf8(&bytes).ok();
        match kind {
            Kind::Int => text()?.parse::<i64>().ok().map(|value| Self::new(kind, value.to_string())),
            Kind::Float => text()?.parse::<f64>().ok().map(|value| Self::new(kind, float_text(value))),
            Kind::Bool => go_bool(text()?).map(|value| Self::new(kind, bool_text(value))),
            Kind::Str | Kind::Bytes | Kind::Time | Kind::Comment => Some(Self { kind, bytes }),
        }
    }

    /// The tree's value; `None` for bytes that are not text.
    pub(crate) fn to_value(&self) -> Option<Value> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        match self.kind {
            Kind::Int => text.parse().ok().map(Value::Int),
            Kind::Float => text.parse().ok().map(|value| Value::Float(float_literal(value))),
            Kind::Bool => Some(Value::Bool(text == bool_text(true))),
            // The tree has no type for times: unchanged ones keep theirs by their ciphertext.
            Kind::Str | Kind::Bytes | Kind::Time | Kind::Comment => Some(Value::Str(text.to_owned())),
        }
    }
}

fn bool_text(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// The spellings that `sops` takes when it decrypts.
fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A YAML float as a number; one that overflows is no number for `sops`.
fn float(text: &str) -> Option<f64> {
    match text.trim_start_matches(['+', '-']) {
        ".inf" | ".Inf" | ".INF" => Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => text.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

/// The shortest decimal form without an exponent.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

/// As YAML, and never looking like an integer, so that it stays a float when it is read again.
fn float_literal(value: f64) -> String {
    if value.is_nan() {
        ".nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { ".inf" } else { "-.inf" }.to_owned()
    } else if value.fract() == 0.0 {
        format!("{value}.0")
    } else {
        value.to_string()
    }
}

/// Overwrites the text of a value that is about to be dropped.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::Str(text) | Value::Float(text) => text.zeroize(),
        Value::Int(number) => number.zeroize(),
        Value::Null | Value::Bool(_) | Value::Seq(_) | Value::Map(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(Scalar::of(value).unwrap().unwrap().bytes.to_vec()).unwrap()
    }

    #[test]
    fn one_spelling() {
        for (value, want) in [
            (Value::Float("1.50".into()), "1.5"),
            (Value::Float("1e3".into()), "1000"),
            (Value::Float("1.0".into()), "1"),
            (Value::Float("1e-7".into()), "0.0000001"),
            (Value::Float("-0.0".into()), "-0"),
            (Value::Float(".inf".into()), "+Inf"),
            (Value::Float("-.INF".into()), "-Inf"),
            (Value::Float(".NaN".into()), "NaN"),
            (Value::Bool(true), "True"),
            (Value::Bool(false), "False"),
            (Value::Int(-42), "-42"),
        ] {
            assert_eq!(text(&value), want);
        }
        assert!(Scalar::of(&Value::Int(i128::from(i64::MAX) + 1)).is_err());
        assert!(Scalar::of(&Value::Float("1e400".into())).is_err());
        assert!(Scalar::of(&Value::Null).unwrap().is_none());
    }

    #[test]
    fn types_survive_decryption() {
        let back = |kind, text: &str| Scalar::decrypted(kind, Zeroizing::new(text.into())).map(|scalar| scalar.to_value().unwrap());
        assert_eq!(back(Kind::Float, "1"), Some(Value::Float("1.0".into())));
        assert_eq!(back(Kind::Float, "+Inf"), Some(Value::Float(".inf".into())));
        assert_eq!(back(Kind::Int, "+7"), Some(Value::Int(7)));
        assert_eq!(back(Kind::Bool, "t"), Some(Value::Bool(true)));
        assert_eq!(back(Kind::Bool, "yes"), None);
        assert_eq!(back(Kind::Int, "7.5"), None);
    }
}
