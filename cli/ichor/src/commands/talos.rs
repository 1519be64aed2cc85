//! `ichor talos config`: the full machine configuration of a node, put together in memory.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use ichor_talos_config::{Secret, compose, patches};
use serde_json::{Value as Json, json};

use crate::cli::TalosConfig;
use crate::config::{self, Described};
use crate::failure::Failure;
use crate::identities::Identities;
use crate::sealing::Sealing;
use crate::secrets_file::{self, SecretsFile};
use crate::tree::write;
use crate::{Answer, Printer, Shell};

pub(super) enum Export {
    Revealed { node: String, text: Secret },
    Sealed { node: String, file: PathBuf, changed: bool },
}

pub(super) fn run(args: &TalosConfig, shell: &Shell) -> Result<Export, Failure> {
    let described = config::read_in_folder(&args.config, &shell.printer)?;
    let identities = Identities::find()?;
    let text = composed(&args.node, &described, &identities)?;
    let node = args.node.clone();
    if args.reveal {
        return Ok(Export::Revealed { node, text });
    }
    let name = format!("talos/{node}.sops.yaml");
    let file = args.file.clone().unwrap_or_else(|| described.beside(&name));
    if !crate::sealing::is_yaml(&file.to_string_lossy()) {
        return Err(Failure::new(format!("`{}` must end in .yaml, by which `sops` knows what it holds", file.display())));
    }
    let changed = seal(&file, &name, &text, &described, &identities)?;
    Ok(Export::Sealed { node, file, changed })
}

fn composed(node: &str, described: &Described, identities: &Identities) -> Result<Secret, Failure> {
    let input = ichor_templates::talos_cluster(&described.cluster).map_err(|error| Failure::new(error.to_string()))?;
    let machine = input.nodes.iter().find(|machine| machine.name == node).ok_or_else(|| {
        let names: Vec<_> = input.nodes.iter().map(|machine| machine.name.as_str()).collect();
        Failure::new(format!("there is no node `{node}`")).help(format!("the nodes are {}", names.join(", ")))
    })?;
    let secrets = SecretsFile::open(described, identities)?;
    let bundle = secrets.bundle().transpose()?.ok_or_else(|| {
        let failure = Failure::new(format!("there are no Talos secrets in `{}` yet", secrets.place.display()));
        failure.help("`ichor configure` makes them; those of a running cluster are stored with `ichor secrets set talos < secrets.yaml`")
    })?;
    let config = compose(&input, &patches(&input), machine, &bundle).map_err(|error| Failure::new(error.to_string()))?;
    Ok(config.to_yaml())
}

/// Whether the file is another now.
fn seal(file: &PathBuf, name: &str, text: &Secret, described: &Described, identities: &Identities) -> Result<bool, Failure> {
    let previous = match fs::read_to_string(file) {
        Ok(text) if is_export(&text) => Some(text),
        Ok(text) => {
            let what = if ichor_sops::is_sealed(&text) { "the configuration of a machine" } else { "encrypted" };
            let failure = Failure::new(format!("`{}` is there and is not {what}; it was not touched", file.display()));
            return Err(failure.help("move it away, or name another with `--file`"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::io("cannot read", file, &error)),
    };
    let sops_yaml = fs::read_to_string(described.beside(".sops.yaml")).ok();
    let sealing = Sealing::new(sops_yaml.as_deref(), secrets_file::recipients(described)?, identities)?;
    let sealed = sealing.seal(name, text.reveal(), previous.as_deref())?;
    if previous.as_ref() == Some(&sealed) {
        return Ok(false);
    }
    write::replace_file(file, sealed.as_bytes())?;
    Ok(true)
}

/// Whether a file is an earlier export. Keys are not encrypted, so that much can be told.
fn is_export(text: &str) -> bool {
    let documents = ichor_yaml::parse(text).unwrap_or_default();
    ichor_sops::is_sealed(text) && documents.iter().any(|document| document.root.get("machine").is_some())
}

impl Answer for Export {
    fn json(&self) -> Json {
        match self {
            Self::Revealed { node, text } => json!({ "node": node, "config": text.reveal() }),
            Self::Sealed { node, file, changed } => json!({ "node": node, "file": file.display().to_string(), "changed": changed }),
        }
    }

    fn text(&self, printer: &Printer) {
        match self {
            Self::Revealed { text, .. } => printer.data(text.reveal()),
            Self::Sealed { node, file, changed } => {
                let file = file.display();
                let state = if *changed { "is written, encrypted, to" } else { "is unchanged in" };
                printer.note(&format!("the configuration of `{node}` {state} `{file}`; `sops -d {file}` shows it"));
            }
        }
    }
}
