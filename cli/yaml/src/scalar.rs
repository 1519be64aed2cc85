//! Plain scalars: the core schema of YAML 1.2 when reading, and what is safe to leave unquoted when writing.

use crate::node::Value;

/// Resolves a plain scalar by the core schema.
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Some(value) = int(text) {
        return Value::Int(value);
    }
    if is_float(text) {
        return Value::Float(text.to_owned());
    }
    Value::Str(text.to_owned())
}

fn int(text: &str) -> Option<i128> {
    if let Some(octal) = text.strip_prefix("0o") {
        return digits_only(octal, 8);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return digits_only(hex, 16);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn digits_only(text: &str, radix: u32) -> Option<i128> {
    // from_str_radix would accept a sign here, which the schema does not.
    if text.starts_with(['-', '+']) {
        return None;
    }
    i128::from_str_radix(text, radix).ok()
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let has_digit = unsigned.bytes().next().is_some_and(|b| b.is_ascii_digit())
        || (unsigned.starts_with('.') && unsigned.as_bytes().get(1).is_some_and(u8::is_ascii_digit));
    has_digit && unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+')) && text.parse::<f64>().is_ok()
}

/// Whether a string can stand unquoted for every reader, those of YAML 1.1 included.
pub(crate) fn is_plain_safe(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    if !(first.is_ascii_alphanumeric() || matches!(first, '/' | '_' | '.' | '$' | '(' | '^' | '+' | '~')) || text == "~" {
        return false;
    }
    let ends_badly = text.ends_with([' ', ':']);
    let has_indicator = text.contains(": ") || text.contains(" #") || text.chars().any(|c| c.is_control() || !is_printable(c));
    !ends_badly && !has_indicator && !is_flow_like(text) && !looks_typed(text)
}

fn is_flow_like(text: &str) -> bool {
    // Legal in block context, but a reader's eye (and some linters) stumble over them; `sops` leaves its values plain.
    text.contains(['{', '}', '[', ']', '`', '\u{feff}']) && !text.starts_with("ENC[AES256_GCM,")
}

/// YAML is a superset of what Unicode calls printable minus the separators; stay well inside it.
pub(crate) fn is_printable(c: char) -> bool {
    !matches!(c, '\u{85}' | '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}') && (c == '\t' || !c.is_control())
}

/// Readers of YAML 1.1 also take `yes`, `1_000`, `0b1`, `12:30` and dates for something else than a string.
fn looks_typed(text: &str) -> bool {
    if !matches!(resolve(text), Value::Str(_)) {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    if matches!(lower.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "=" | "<<") {
        return true;
    }
    let number_like =
        |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | '_' | ':' | '-' | '+' | 'x' | 'o' | 'b' | 'T' | 'Z' | 't' | 'z' | ' ');
    let starts_numeric = lower.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
    // No reader takes an IPv4 address or a version of three parts for a number; everything else of that shape is quoted.
    starts_numeric && lower.chars().all(number_like) && !is_dotted(text)
}

fn is_dotted(text: &str) -> bool {
    let mut parts = 0;
    text.split('.').all(|part| {
        parts += 1;
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
    }) && parts > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_schema() {
        assert_eq!(resolve("0x1F"), Value::Int(31));
        assert_eq!(resolve("0o17"), Value::Int(15));
        assert_eq!(resolve("+7"), Value::Int(7));
        assert_eq!(resolve("007"), Value::Int(7));
        assert_eq!(resolve("1.13"), Value::Float("1.13".into()));
        assert_eq!(resolve("1e3"), Value::Float("1e3".into()));
        for text in ["yes", "1.2.3", "10.0.0.1", "0x-1", "-", "e5", "00:11:22:33:44:55", "v1.13.9", ".", "+", "infinity", "nan"] {
            assert_eq!(resolve(text), Value::Str(text.into()), "{text}");
        }
    }

    #[test]
    fn only_unmistakable_strings_stay_plain() {
        for text in [
            "10.0.0.1",
            "kubernetes.io/os",
            "v1.13.9",
            "^enp.*",
            "a b",
            "fd00::1",
            "/sys/fs/cgroup",
            "3.13.3",
            "ENC[AES256_GCM,data:Zg==,type:str]",
        ] {
            assert!(is_plain_safe(text), "{text}");
        }
        for text in [
            "",
            "yes",
            "Off",
            "1.13",
            "1_000",
            "12:30",
            "2026-11-21",
            "a: b",
            "a #b",
            "- a",
            " a",
            "a ",
            "a:",
            "0b1",
            "&a",
            "*",
            "%x",
            "@x",
            "{}",
            "é\u{a0}",
            "1:2",
            "1.2.",
            "1..2",
            "1.2.3e5",
            "[a]",
            "10:00:00:00:00:01",
        ] {
            assert!(!is_plain_safe(text), "{text}");
        }
    }
}
