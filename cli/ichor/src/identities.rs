//! The age identities at hand, found where `sops` finds them.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use ichor_sops::age::{Identity, Recipient, parse_identities};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// What opens sealed files.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    pub(crate) usable: Vec<Identity>,
    /// Where was looked, in words.
    places: Vec<String>,
    /// Identities that only other programs can use, in words.
    unusable: Vec<String>,
}

impl Identities {
    /// Looks in `SOPS_AGE_KEY`, in the file that `SOPS_AGE_KEY_FILE` names, and in `keys.txt` of `sops`.
    pub(crate) fn find() -> Result<Self, Failure> {
        let mut found = Self::default();
        found.places.push("SOPS_AGE_KEY".to_owned());
        if let Some(text) = env::var_os("SOPS_AGE_KEY").and_then(|text| text.into_string().ok()) {
            found.add("SOPS_AGE_KEY", &Zeroizing::new(text))?;
        }
        match env::var_os("SOPS_AGE_KEY_FILE").filter(|path| !path.is_empty()).map(PathBuf::from) {
            Some(path) => {
                let text = fs::read_to_string(&path).map_err(|error| {
                    Failure::io("cannot read the age key", &path, &error).help("SOPS_AGE_KEY_FILE names this file; correct it")
                })?;
                found.add(&path.display().to_string(), &Zeroizing::new(text))?;
            }
            None => found.places.push("SOPS_AGE_KEY_FILE".to_owned()),
        }
        if let Some(path) = default_file() {
            match fs::read_to_string(&path) {
                Ok(text) => found.add(&path.display().to_string(), &Zeroizing::new(text))?,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    found.places.push(path.display().to_string());
                }
                Err(error) => return Err(Failure::io("cannot read the age key", &path, &error)),
            }
        }
        Ok(found)
    }

    fn add(&mut self, place: &str, text: &str) -> Result<(), Failure> {
        let read = parse_identities(text).map_err(|error| Failure::new(format!("{place}: {}", error.message)).help(error.help))?;
        self.unusable.extend(read.unusable.into_iter().map(|what| format!("{place}: {what}")));
        self.usable.extend(read.usable);
        if !self.places.iter().any(|known| known == place) {
            self.places.push(place.to_owned());
        }
        Ok(())
    }

    /// Whether one of them opens what is sealed for these recipients.
    pub(crate) fn open_for(&self, recipients: &[Recipient]) -> bool {
        self.usable.iter().any(|identity| recipients.contains(&identity.recipient()))
    }

    /// What to do when no identity opens a file.
    pub(crate) fn help(&self) -> String {
        let mut help =
            format!("set SOPS_AGE_KEY_FILE to the file with the private key of one of them; looked in {}", self.places.join(", "));
        if !self.unusable.is_empty() {
            help.push_str(&format!("; not usable here: {}", self.unusable.join(", ")));
        }
        help
    }
}

/// As `sops` has it: in the folder of settings of the system.
fn default_file() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| {
        let folder = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
        set("HOME").map(|home| home.join(folder))
    });
    folder.map(|folder| folder.join("sops/age/keys.txt"))
}
