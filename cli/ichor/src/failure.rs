//! What went wrong, where, and how to mend it.

use std::io;
use std::path::Path;

use serde_json::{Map, Value as Json};

/// A reason not to go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failure {
    /// One line without a full stop; it never holds a secret.
    pub message: String,
    /// What the person can do about it.
    pub help: Option<String>,
    /// Mistakes in the user's file, each as data and as a person reads it.
    pub mistakes: Vec<Mistake>,
}

/// A mistake in the user's file.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    pub json: Json,
    pub text: String,
}

impl Failure {
    /// A failure that explains itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A failure of the system at a file: `doing` reads like `cannot write`.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let failure = Self::new(format!("{doing} `{}`: {}", path.display(), reason(error)));
        match error.kind() {
            io::ErrorKind::PermissionDenied => failure.help("check who owns the file and its folder"),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => failure.help("free some space, then run the command again"),
            io::ErrorKind::ReadOnlyFilesystem => failure.help("choose another folder, or mount this one for writing"),
            _ => failure,
        }
    }

    /// The failure as data.
    pub fn to_json(&self) -> Json {
        let mut object = Map::new();
        object.insert("message".into(), self.message.as_str().into());
        object.extend(self.help.as_deref().map(|help| ("help".into(), help.into())));
        if !self.mistakes.is_empty() {
            object.insert("mistakes".into(), self.mistakes.iter().map(|mistake| mistake.json.clone()).collect());
        }
        Json::Object(object)
    }
}

/// The system's words without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    }
}
