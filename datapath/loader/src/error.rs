//! What can go wrong between this process and the kernel.

use std::fmt;

/// A refusal of the kernel, with what was asked of it.
#[derive(Debug)]
pub struct Error {
    what: String,
    why: String,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>, why: &(dyn std::error::Error + 'static)) -> Self {
        // Each error names its own level only.
        let mut chain = why.to_string();
        let mut source = why.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { what: what.into(), why: chain }
    }

    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self { what: what.into(), why: "it is not in the object".into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for Error {}
