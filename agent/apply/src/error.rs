//! What can go wrong between this process and the node it runs on.

use std::fmt;

/// What was tried, and what the kernel said.
#[derive(Debug)]
pub struct Error {
    what: String,
    why: String,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { what: what.into(), why: why.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for Error {}

impl From<ichor_datapath_loader::Error> for Error {
    fn from(error: ichor_datapath_loader::Error) -> Self {
        let text = error.to_string();
        match text.split_once(": ") {
            Some((what, why)) => Self::new(what, why),
            None => Self::new("the datapath", text),
        }
    }
}
