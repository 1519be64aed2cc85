//! Reading `cluster.yaml` and telling its mistakes.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ichor_config::{Cluster, Diagnostic, Severity};
use serde_json::{Value as Json, json};

use crate::cli::ConfigFile;
use crate::failure::{Failure, Mistake};
use crate::printer::Printer;

/// A cluster and the file that describes it.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) cluster: Cluster,
    pub(crate) file: PathBuf,
    pub(crate) warnings: Vec<Mistake>,
}

impl Described {
    /// The folder of the file: other files of the user are named from here.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// A file beside it, by its relative path.
    pub(crate) fn beside(&self, path: &str) -> PathBuf {
        self.file.with_file_name(path)
    }

    /// What is allowed and probably not meant, as data.
    pub(crate) fn warnings_json(&self) -> Json {
        self.warnings.iter().map(|warning| warning.json.clone()).collect()
    }

    /// Says the warnings.
    pub(crate) fn warn(&self, printer: &Printer) {
        for warning in &self.warnings {
            printer.note(&format!("{}\n", warning.text));
        }
    }
}

/// What is wrong at more places than a person reads is mended in another way than place by place.
const MOST: usize = 1000;

/// Reads and checks the file; all mistakes come in one failure.
pub(crate) fn read(args: &ConfigFile, printer: &Printer) -> Result<Described, Failure> {
    let file = &args.config;
    let text = fs::read(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::new(format!("there is no `{}`", file.display()))
            .help("run `ichor init` to write one, or name yours with `--config FILE`"),
        _ => Failure::io("cannot read", file, &error),
    })?;
    let text = String::from_utf8(text).map_err(|error| {
        let line = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default().split(|b| *b == b'\n').count();
        Failure::new(format!("`{}` is not UTF-8 text: see line {line}", file.display())).help("save it as UTF-8")
    })?;
    let told = |list: &[Diagnostic]| list.iter().map(|one| mistake(one, file, &text, printer)).collect::<Vec<_>>();
    match ichor_config::read(&text) {
        Ok(cluster) => {
            let warnings = told(cluster.warnings());
            Ok(Described { cluster, file: file.clone(), warnings })
        }
        Err(mut list) => {
            let errors = list.iter().filter(|one| one.severity == Severity::Error).count();
            let words = if errors == 1 { "1 mistake".to_owned() } else { format!("{errors} mistakes") };
            let shown = if list.len() > MOST { format!(", the first {MOST} are shown") } else { String::new() };
            let mut failure = Failure::new(format!("{words} in `{}`{shown}; nothing was written", file.display()));
            list.truncate(MOST);
            failure.mistakes = told(&list);
            Err(failure)
        }
    }
}

/// The same for a command that also needs the folder of the file, which a stream has not.
pub(crate) fn read_in_folder(args: &ConfigFile, printer: &Printer) -> Result<Described, Failure> {
    let described = read(args, printer)?;
    let folder = described.folder().canonicalize().map_err(|error| Failure::io("cannot reach", described.folder(), &error))?;
    if folder == Path::new("/dev") || folder.starts_with("/proc") {
        let file = described.file.display();
        return Err(Failure::new(format!("`{file}` is a stream, and the secrets and the rendered files stand beside cluster.yaml"))
            .help("save it in a folder of its own, or check it with `ichor validate`"));
    }
    Ok(described)
}

/// A mistake in a file, in both forms.
pub(crate) fn mistake(one: &Diagnostic, file: &Path, text: &str, printer: &Printer) -> Mistake {
    let name = file.display().to_string();
    let (start, end) = (one.span.start, one.span.end);
    let json = json!({
        "severity": match one.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "file": name,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "path": one.path.as_str(),
        "message": one.message,
        "help": one.help,
    });
    Mistake { json, text: one.render(&name, text, printer.colours_words()) }
}
