//! Whole numbers with their range in the type.

use std::fmt;

use ichor_yaml::{Node, Value};
use serde_json::{Value as Json, json};

use super::{Field, wrong_type};
use crate::diagnostic::{Diagnostic, Diagnostics, Path};

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Int<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> fmt::Display for Int<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MIN: i64, const MAX: i64> Field for Int<MIN, MAX> {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        let number = match &node.value {
            Value::Int(value) => *value,
            // The older templates quote their AS numbers; a quoted whole number says the same.
            Value::Str(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().unwrap_or(i128::MAX),
            _ => {
                out.push(
                    wrong_type(node, path, &format!("a whole number ({MIN} to {MAX})"))
                        .help("write digits only, without quotes, unit or decimal point"),
                );
                return None;
            }
        };
        match i64::try_from(number) {
            Ok(value) if (MIN..=MAX).contains(&value) => Some(Self(value)),
            _ => {
                let bound = if number < i128::from(MIN) { MIN } else { MAX };
                let message = format!("{number} is outside the range {MIN} to {MAX}");
                out.push(Diagnostic::new(path, node.span, message).help(format!("the nearest value allowed is {bound}")));
                None
            }
        }
    }

    fn describe() -> String {
        format!("{MIN} to {MAX}")
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}
