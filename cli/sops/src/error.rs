//! What can be wrong with a file, its keys or its rules.

use std::fmt;

use ichor_yaml::{Position, Span};

/// What went wrong, where in the text, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    /// Never holds a secret.
    pub message: String,
    pub help: String,
    pub position: Option<Position>,
}

/// The families of mistakes, for a caller that acts on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is not YAML.
    Syntax,
    /// The file has no `sops` block: it is not encrypted.
    NotSealed,
    /// The `sops` block is incomplete or contradicts itself.
    Metadata,
    /// No identity at hand opens the file.
    NoIdentity,
    /// Something was changed since the file was sealed.
    Tampered,
    /// Legal for `sops`, and not supported here.
    Unsupported,
    /// The plaintext cannot be held by a SOPS file.
    Plaintext,
    /// A recipient, an identity or a time that is not one.
    Argument,
    /// A creation rule that cannot be used.
    Rule,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: help.into(), position: None }
    }

    pub(crate) fn tampered(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Tampered, message, "restore the file from Git, or change it with `sops` or `ichor secrets edit` only")
    }

    /// A node that was built has no place to point at.
    pub(crate) fn at(mut self, span: Span) -> Self {
        if span.start.line > 0 {
            self.position = Some(span.start);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{}:{}: ", position.line, position.column)?;
        }
        write!(f, "{} (help: {})", self.message, self.help)
    }
}

impl std::error::Error for Error {}

impl From<ichor_yaml::Error> for Error {
    fn from(error: ichor_yaml::Error) -> Self {
        Self::new(ErrorKind::Syntax, error.message, "mend the YAML at this place").at(error.span)
    }
}
