//! `ichor completions`.

use clap_complete::Shell;
use serde_json::{Value as Json, json};

use crate::{Answer, Printer};

pub(super) struct Script {
    shell: Shell,
    text: String,
}

pub(super) fn run(shell: Shell) -> Script {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "ichor", &mut bytes);
    Script { shell, text: String::from_utf8_lossy(&bytes).into_owned() }
}

impl Answer for Script {
    fn json(&self) -> Json {
        json!({ "shell": self.shell.to_string(), "script": self.text })
    }

    fn text(&self, printer: &Printer) {
        printer.data(&self.text);
    }
}
