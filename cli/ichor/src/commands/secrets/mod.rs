//! `ichor secrets`: what is in the encrypted file, and changing it.

mod edit;
mod rotate;
mod set;
mod status;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::cli::{Secrets, SecretsPlace};
use crate::config::{self, Described};
use crate::failure::Failure;
use crate::identities::Identities;
use crate::sealing::Sealing;
use crate::secrets_file::{self, SecretsFile};
use crate::tree::{Lock, write};
use crate::{Answer, Printer, Shell};

pub(super) fn run(command: &Secrets, shell: &Shell) -> Result<Box<dyn Answer>, Failure> {
    Ok(match command {
        Secrets::Status(args) => Box::new(status::run(args, shell)?),
        Secrets::Edit(args) => Box::new(edit::run(args, shell)?),
        Secrets::Rotate(args) => Box::new(rotate::run(args, shell)?),
        Secrets::Set(args) => Box::new(set::run(args, shell)?),
    })
}

/// The opened secrets of a cluster, while nobody else changes them.
struct Keeper {
    described: Described,
    identities: Identities,
    file: SecretsFile,
    _lock: Option<Lock>,
}

impl Keeper {
    fn open(args: &SecretsPlace, shell: &Shell) -> Result<Self, Failure> {
        let described = config::read_in_folder(&args.config, &shell.printer)?;
        let identities = Identities::find()?;
        let lock = SecretsFile::lock(&described, None, &shell.printer)?;
        let file = SecretsFile::open(&described, &identities)?;
        Ok(Self { described, identities, file, _lock: lock })
    }

    fn sealing(&self) -> Result<Sealing<'_>, Failure> {
        let sops_yaml = fs::read_to_string(self.described.beside(".sops.yaml")).ok();
        Sealing::new(sops_yaml.as_deref(), secrets_file::recipients(&self.described)?, &self.identities)
    }

    /// Seals and writes what is kept now.
    fn keep(&self) -> Result<(), Failure> {
        self.file.refuse_unusable()?;
        let terms = self.sealing()?.terms(self.described.cluster.secrets.file.as_str())?;
        let sealed = self.file.seal(&terms, &self.identities)?;
        if self.file.sealed.as_ref() == Some(&sealed) {
            return Ok(());
        }
        write::replace_file(&self.file.place, sealed.as_bytes())
    }
}

/// What was changed in the file.
struct Changed {
    file: PathBuf,
    names: Vec<String>,
    words: String,
}

impl Answer for Changed {
    fn json(&self) -> Json {
        json!({ "file": self.file.display().to_string(), "changed": self.names })
    }

    fn text(&self, printer: &Printer) {
        printer.note(&self.words);
    }
}
