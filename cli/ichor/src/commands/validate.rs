//! `ichor validate`.

use serde_json::{Value as Json, json};

use crate::cli::ConfigFile;
use crate::config::{self, Described};
use crate::failure::Failure;
use crate::{Answer, Printer, Shell};

pub(super) struct Valid(Described);

pub(super) fn run(args: &ConfigFile, shell: &Shell) -> Result<Valid, Failure> {
    Ok(Valid(config::read(args, &shell.printer)?))
}

impl Answer for Valid {
    fn json(&self) -> Json {
        json!({
            "file": self.0.file.display().to_string(),
            "cluster": self.0.cluster.name.as_str(),
            "nodes": self.0.cluster.nodes.len(),
            "warnings": self.0.warnings_json(),
        })
    }

    fn text(&self, printer: &Printer) {
        self.0.warn(printer);
        printer.note(&format!(
            "`{}` is valid: cluster `{}` with {} nodes",
            self.0.file.display(),
            *self.0.cluster.name,
            self.0.cluster.nodes.len()
        ));
    }
}
