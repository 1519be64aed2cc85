//! `ichor import`: from cluster-template's files to a `cluster.yaml`, with an account of every field.

use std::fs;
use std::path::{Path, PathBuf};

use ichor_config::import::{Around, Fate, Imported, Row, Source, convert};
use ichor_sops::age::{Recipient, parse_identities};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::cli::Import;
use crate::config;
use crate::failure::{Failure, Mistake};
use crate::tree::write;
use crate::{Answer, Printer, Shell};

pub(super) struct Converted {
    target: Option<PathBuf>,
    imported: Imported,
    /// What the new file still lacks.
    mistakes: Vec<Mistake>,
}

/// The old files, by their form.
enum Old {
    Yaml { cluster: PathBuf, nodes: PathBuf },
    Toml { cluster: PathBuf },
}

pub(super) fn run(args: &Import, shell: &Shell) -> Result<Converted, Failure> {
    let old = find(&args.path)?;
    let folder = old.cluster().parent().map(Path::to_owned).unwrap_or_default();
    let around = Around { name: args.name.clone(), recipients: recipients(&folder)?, tunnel_id: tunnel_id(&folder) };
    let imported = match &old {
        Old::Yaml { cluster, nodes } => convert(Source::Yaml { cluster: &read(cluster)?, nodes: &read(nodes)? }, &around),
        Old::Toml { cluster } => convert(Source::Toml { cluster: &read(cluster)? }, &around),
    };
    let imported = imported.map_err(|error| Failure::new(error.to_string()))?;
    let mistakes = match ichor_config::read(&imported.text) {
        Ok(_) => Vec::new(),
        Err(list) => list.iter().map(|one| config::mistake(one, &args.config, &imported.text, &shell.printer)).collect(),
    };
    let target = (!args.print).then(|| args.config.clone());
    if let Some(target) = &target {
        refuse_to_replace(target, &old, args.force)?;
        write::replace_file(target, imported.text.as_bytes())?;
    }
    Ok(Converted { target, imported, mistakes })
}

impl Old {
    fn cluster(&self) -> &Path {
        match self {
            Self::Yaml { cluster, .. } | Self::Toml { cluster } => cluster,
        }
    }

    fn files(&self) -> Vec<&Path> {
        match self {
            Self::Yaml { cluster, nodes } => vec![cluster, nodes],
            Self::Toml { cluster } => vec![cluster],
        }
    }
}

fn find(path: &Path) -> Result<Old, Failure> {
    let missing = |what: &str| {
        Failure::new(format!("there is no {what} at `{}`", path.display()))
            .help("give a cluster.toml, a cluster.yaml with its nodes.yaml beside it, or the folder that holds them")
    };
    let toml = if path.is_dir() { path.join("cluster.toml") } else { path.to_owned() };
    if toml.extension().is_some_and(|extension| extension == "toml") && toml.is_file() {
        return Ok(Old::Toml { cluster: toml });
    }
    let cluster = if path.is_dir() { path.join("cluster.yaml") } else { path.to_owned() };
    let nodes = cluster.with_file_name("nodes.yaml");
    match (cluster.is_file(), nodes.is_file()) {
        (true, true) => Ok(Old::Yaml { cluster, nodes }),
        (true, false) => Err(missing("nodes.yaml")),
        (false, _) => Err(missing("cluster.toml or cluster.yaml")),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::io("cannot read", file, &error))
}

/// The recipients in `.sops.yaml`, or else the one that `age.key` belongs to.
fn recipients(folder: &Path) -> Result<Vec<String>, Failure> {
    let rules = fs::read_to_string(folder.join(".sops.yaml")).unwrap_or_default();
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.parse::<Recipient>().is_ok());
    let mut found: Vec<String> = words.map(str::to_owned).collect();
    let key = folder.join("age.key");
    if found.is_empty()
        && let Ok(text) = fs::read_to_string(&key).map(Zeroizing::new)
    {
        let identities = parse_identities(&text).map_err(|error| Failure::new(format!("`{}`: {}", key.display(), error.message)))?;
        found.extend(identities.usable.iter().map(|identity| identity.recipient().to_string()));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn tunnel_id(folder: &Path) -> Option<String> {
    let text = Zeroizing::new(fs::read_to_string(folder.join("cloudflare-tunnel.json")).ok()?);
    serde_json::from_str::<Json>(&text).ok()?.get("TunnelID")?.as_str().map(str::to_owned)
}

fn refuse_to_replace(target: &Path, old: &Old, force: bool) -> Result<(), Failure> {
    let same = |file: &Path| target.canonicalize().is_ok_and(|target| file.canonicalize().is_ok_and(|file| file == target));
    if old.files().into_iter().any(same) {
        let failure = Failure::new(format!("`{}` is the file to convert, and would be lost", target.display()));
        return Err(failure.help("name another with `--config FILE`, such as `--config ichor/cluster.yaml`"));
    }
    super::init::refuse_to_replace(target, force)
}

impl Answer for Converted {
    fn json(&self) -> Json {
        let rows: Vec<_> = self.imported.rows.iter().map(row_json).collect();
        let assumed: Vec<_> = self.imported.assumed.iter().map(|assumed| json!({ "to": assumed.to, "why": assumed.why })).collect();
        json!({
            "file": self.target.as_ref().map(|file| file.display().to_string()),
            "text": self.imported.text,
            "fields": rows,
            "assumed": assumed,
            "mistakes": self.mistakes.iter().map(|mistake| mistake.json.clone()).collect::<Vec<_>>(),
        })
    }

    fn text(&self, printer: &Printer) {
        let mut page = String::new();
        for row in &self.imported.rows {
            page.push_str(&format!("{}:{}: {} {}\n", row.file, row.line, row.field, fate(&row.fate)));
        }
        for assumed in &self.imported.assumed {
            page.push_str(&format!("{} was added: {}\n", assumed.to, assumed.why));
        }
        match &self.target {
            Some(file) => {
                printer.data(&page);
                printer.note(&format!("`{}` is written", file.display()));
            }
            None => {
                printer.data(&self.imported.text);
                printer.note(page.trim_end());
            }
        }
        for mistake in &self.mistakes {
            printer.important(&format!("{}\n", mistake.text));
        }
        if !self.mistakes.is_empty() {
            printer.warning("the old files do not say enough: mend the places above, then run `ichor configure`");
        }
    }
}

fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Mapped { to, note: None } => format!("-> {to}"),
        Fate::Mapped { to, note: Some(note) } => format!("-> {to} ({note})"),
        Fate::Secret { name } => format!("is a secret and was not copied: `ichor secrets set {name}`"),
        Fate::LeftOut { why } => format!("was left out: {why}"),
    }
}

fn row_json(row: &Row) -> Json {
    let (fate, to, note) = match &row.fate {
        Fate::Mapped { to, note } => ("mapped", Some(to), note.as_ref()),
        Fate::Secret { name } => ("secret", Some(name), None),
        Fate::LeftOut { why } => ("left-out", None, Some(why)),
    };
    json!({ "file": row.file, "line": row.line, "field": row.field, "fate": fate, "to": to, "note": note })
}
