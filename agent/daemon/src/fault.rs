//! What stops the agent, or a request.

use std::fmt;
use std::io;
use std::path::Path;

/// What is wrong and how to mend it.
#[derive(Debug)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A file or folder that could not be used.
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self(format!("{doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ichor_agent_apply::Error> for Fault {
    fn from(error: ichor_agent_apply::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<ichor_datapath_loader::Error> for Fault {
    fn from(error: ichor_datapath_loader::Error) -> Self {
        Self(error.to_string())
    }
}
