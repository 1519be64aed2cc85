//! What `ichor configure` did or would do, as people and programs read it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ichor_templates::WantedSecret;
use serde_json::{Value as Json, json};

use crate::config::Described;
use crate::exit::Exit;
use crate::printer::{BAD, CHANGED, GOOD};
use crate::tree::TreePath;
use crate::tree::compare::{Change, Comparison, Kept};
use crate::tree::manifest::is_record;
use crate::{Answer, Printer};

/// The outcome of a run.
pub(super) struct Configured {
    pub(super) described: Described,
    pub(super) root: PathBuf,
    pub(super) check: bool,
    pub(super) comparison: Comparison,
    /// The secrets file, if it changes and is outside the output folder.
    pub(super) secrets_apart: Option<PathBuf>,
    pub(super) diffs: Option<BTreeMap<TreePath, String>>,
    /// Files that somebody changed while they were being written.
    pub(super) overtaken: Vec<TreePath>,
    pub(super) made: Vec<String>,
    pub(super) missing: Vec<WantedSecret>,
}

impl Configured {
    fn changes(&self) -> impl Iterator<Item = (String, &'static str)> {
        let files = self.comparison.changes.iter().filter(|(path, _)| !is_record(path)).map(|(path, change)| {
            let word = match change {
                Change::Add { .. } => "added",
                Change::Replace { .. } => "changed",
                Change::Remove { .. } => "removed",
            };
            (path.to_string(), word)
        });
        files.chain(self.secrets_apart.iter().map(|place| (place.display().to_string(), "changed")))
    }

    fn count(&self, word: &str) -> usize {
        self.changes().filter(|(_, change)| *change == word).count()
    }

    fn kept(&self) -> impl Iterator<Item = (&TreePath, &'static str)> {
        self.comparison.kept.iter().map(|(path, kept)| match kept {
            Kept::Edited => (path, "it was edited by hand; `--overwrite` gives the edit up"),
            Kept::EditedAndNoLongerRendered => (path, "it was edited by hand and is no longer rendered, so it is yours from now on"),
        })
    }

    fn diff(&self, path: &str) -> Option<&String> {
        self.diffs.as_ref()?.iter().find(|(known, _)| known.as_str() == path).map(|(_, diff)| diff)
    }
}

impl Answer for Configured {
    fn json(&self) -> Json {
        let changes: Vec<_> = self
            .changes()
            .map(|(path, change)| match self.diff(&path) {
                Some(diff) => json!({ "path": path, "change": change, "diff": diff }),
                None => json!({ "path": path, "change": change }),
            })
            .collect();
        let kept: Vec<_> = self.kept().map(|(path, why)| json!({ "path": path.as_str(), "why": why })).collect();
        let missing: Vec<_> = self.missing.iter().map(|secret| json!({ "name": secret.name, "purpose": secret.purpose })).collect();
        json!({
            "out": self.root.display().to_string(),
            "written": !self.check,
            "changes": changes,
            "unchanged": self.comparison.unchanged,
            "kept": kept,
            "overtaken": self.overtaken.iter().map(TreePath::as_str).collect::<Vec<_>>(),
            "made_secrets": self.made,
            "missing_secrets": missing,
            "warnings": self.described.warnings_json(),
        })
    }

    fn text(&self, printer: &Printer) {
        self.described.warn(printer);
        for (path, change) in self.changes() {
            let line = match change {
                "added" => printer.styled(GOOD, format_args!("+ {path}")),
                "removed" => printer.styled(BAD, format_args!("- {path}")),
                _ => printer.styled(CHANGED, format_args!("~ {path}")),
            };
            printer.data(&format!("{line}\n"));
            if let Some(diff) = self.diff(&path) {
                printer.data(&coloured(diff, printer));
            }
        }
        for (path, why) in self.kept() {
            printer.warning(&format!("`{path}` stays as it is: {why}"));
        }
        for path in &self.overtaken {
            printer.warning(&format!("`{path}` was changed by somebody else meanwhile and stays as it is; run `ichor configure` again"));
        }
        for secret in &self.missing {
            printer.warning(&format!(
                "the secret `{}` is missing, and what needs it is left out: {}\n  help: store it with `ichor secrets set {}`",
                secret.name, secret.purpose, secret.name
            ));
        }
        printer.note(&self.summary());
    }

    fn exit(&self) -> Exit {
        if self.check && self.changes().next().is_some() { Exit::WouldChange } else { Exit::Done }
    }
}

impl Configured {
    fn summary(&self) -> String {
        let (added, changed, removed) = (self.count("added"), self.count("changed"), self.count("removed"));
        let unchanged = self.comparison.unchanged;
        if added + changed + removed == 0 {
            return format!("nothing to do: all {unchanged} files are as cluster.yaml describes them");
        }
        let verb = if self.check { "would be " } else { "" };
        let made = match self.made.as_slice() {
            [] => String::new(),
            names => format!("\n{}made and kept encrypted: {}", verb, names.join(", ")),
        };
        format!("{verb}added: {added}, changed: {changed}, removed: {removed}, unchanged: {unchanged}, in `{}`{made}", self.root.display())
    }
}

fn coloured(diff: &str, printer: &Printer) -> String {
    let line = |line: &str| match line.chars().next() {
        Some('+') => printer.styled(GOOD, line),
        Some('-') => printer.styled(BAD, line),
        _ => line.to_owned(),
    };
    diff.lines().map(|text| line(text) + "\n").collect()
}

/// The names of all templates.
pub(super) struct Templates;

impl Answer for Templates {
    fn json(&self) -> Json {
        json!({ "templates": ichor_templates::template_names() })
    }

    fn text(&self, printer: &Printer) {
        for name in ichor_templates::template_names() {
            printer.data(&format!("{name}\n"));
        }
    }
}
