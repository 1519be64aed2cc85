//! `ichor secrets status`: names only, never values.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::PathBuf;

use ichor_sops::ErrorKind;
use ichor_templates::SecretOrigin;
use ichor_yaml::{Map, Node};
use serde_json::{Value as Json, json};

use crate::cli::SecretsPlace;
use crate::failure::Failure;
use crate::identities::Identities;
use crate::secrets_file::TALOS;
use crate::{Answer, Printer, Shell, config, sealing};

pub(super) struct Status {
    file: PathBuf,
    exists: bool,
    /// Why it does not open with what is at hand.
    closed: Option<Failure>,
    recipients: Vec<String>,
    /// Those that cluster.yaml names and the file does not know yet.
    not_yet: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    state: State,
    origin: &'static str,
    purpose: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Present,
    Missing,
    Unused,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Missing => "missing",
            Self::Unused => "unused",
        }
    }
}

pub(super) fn run(args: &SecretsPlace, shell: &Shell) -> Result<Status, Failure> {
    let described = config::read_in_folder(&args.config, &shell.printer)?;
    let identities = Identities::find()?;
    let file = described.beside(described.cluster.secrets.file.as_str());
    let text = match fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == IoErrorKind::NotFound => None,
        Err(error) => return Err(Failure::io("cannot read the secrets in", &file, &error)),
    };
    let mut closed = None;
    let mut recipients = Vec::new();
    let mut names = Vec::new();
    if let Some(text) = &text {
        let failed = |error: ichor_sops::Error| sealing::failure(&file, &error, &identities);
        recipients = ichor_sops::inspect(text).map_err(failed)?.recipients;
        match ichor_sops::open(text, &identities.usable) {
            Ok(_) => {}
            // Names are not encrypted, so that much can be told.
            Err(error) if error.kind == ErrorKind::NoIdentity => closed = Some(failed(error)),
            Err(error) => return Err(failed(error)),
        }
        names = names_in(text);
    }
    let wanted_recipients = described.cluster.secrets.recipients.iter().map(|recipient| recipient.as_str().to_owned());
    let not_yet = wanted_recipients.filter(|recipient| text.is_some() && !recipients.contains(recipient)).collect();
    let rows = rows(&described.cluster, &names);
    Ok(Status { file, exists: text.is_some(), closed, recipients, not_yet, rows })
}

fn rows(cluster: &ichor_config::Cluster, names: &[String]) -> Vec<Row> {
    let state = |name: &str| if names.iter().any(|known| known == name) { State::Present } else { State::Missing };
    let mut rows = Vec::new();
    if cluster.talos.omni.is_none() || state(TALOS) == State::Present {
        let purpose = "the keys and tokens of the Talos machines".to_owned();
        rows.push(Row { name: TALOS.to_owned(), state: state(TALOS), origin: "made", purpose });
    }
    for secret in ichor_templates::wanted(cluster) {
        let origin = if secret.origin == SecretOrigin::Given { "given" } else { "made" };
        rows.push(Row { state: state(&secret.name), name: secret.name, origin, purpose: secret.purpose });
    }
    let unused: Vec<_> = names.iter().filter(|name| !rows.iter().any(|row| row.name == **name)).cloned().collect();
    rows.extend(unused.into_iter().map(|name| Row {
        name,
        state: State::Unused,
        origin: "",
        purpose: "nothing in cluster.yaml needs it".to_owned(),
    }));
    rows
}

/// The dotted names in a sealed file.
fn names_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(root) = ichor_yaml::parse_one(text).ok().as_ref().and_then(Node::as_map) {
        collect(root, "", &mut names);
    }
    names
}

fn collect(map: &Map, prefix: &str, names: &mut Vec<String>) {
    for entry in map.entries.iter().filter(|entry| !(prefix.is_empty() && entry.key == "sops")) {
        let name = format!("{prefix}{}", entry.key);
        match entry.node.as_map() {
            Some(inner) if name != TALOS => collect(inner, &format!("{name}."), names),
            _ => names.push(name),
        }
    }
}

impl Answer for Status {
    fn json(&self) -> Json {
        let secrets: Vec<_> = self
            .rows
            .iter()
            .map(|row| json!({ "name": row.name, "state": row.state.word(), "origin": row.origin, "purpose": row.purpose }))
            .collect();
        json!({
            "file": self.file.display().to_string(),
            "exists": self.exists,
            "opens": self.exists && self.closed.is_none(),
            "recipients": self.recipients,
            "recipients_not_yet": self.not_yet,
            "secrets": secrets,
        })
    }

    fn text(&self, printer: &Printer) {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        let mut table = String::new();
        for row in &self.rows {
            let _ = writeln!(table, "{:width$}  {:7}  {:5}  {}", row.name, row.state.word(), row.origin, row.purpose);
        }
        printer.data(&table);
        let file = self.file.display();
        if !self.exists {
            printer.note(&format!("`{file}` is not there yet; `ichor configure` makes it"));
            return;
        }
        printer.note(&format!("`{file}` can be read by {}", self.recipients.join(", ")));
        if let Some(closed) = &self.closed {
            printer.warning(&format!("it was not opened, so what it holds was not checked: {}", closed.message));
        }
        for recipient in &self.not_yet {
            printer.warning(&format!("{recipient} is in cluster.yaml and cannot read it yet; run `ichor configure`"));
        }
        for row in self.rows.iter().filter(|row| row.state == State::Missing && row.origin == "given") {
            printer.warning(&format!("`{}` is missing; store it with `ichor secrets set {}`", row.name, row.name));
        }
    }
}
