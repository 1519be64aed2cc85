//! What went wrong in the lab, and how to mend it.

use std::fmt::Display;
use std::io;
use std::path::Path;

/// One sentence without a full stop, and what the person can do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub message: String,
    pub help: Option<String>,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A failure of the system at a file or folder.
    pub(crate) fn at(doing: &str, path: &Path, error: impl Into<io::Error>) -> Self {
        let error: io::Error = error.into();
        Self::new(format!("cannot {doing} `{}`: {}", path.display(), reason(&error)))
    }

    /// A failure of the system at something that is no file.
    pub(crate) fn system(doing: impl Display, error: impl Into<io::Error>) -> Self {
        let error: io::Error = error.into();
        Self::new(format!("cannot {doing}: {}", reason(&error)))
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The system's words without its number.
pub(crate) fn reason(error: &impl Display) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    }
}
