//! `ichor finish-write`, which only ichor itself starts: see docs/decisions/004-atomic-write.md.

use std::path::Path;

use serde_json::Value as Json;

use crate::failure::Failure;
use crate::tree::{Lock, write};
use crate::{Answer, Printer};

pub(super) struct Overtaken(Vec<String>);

pub(super) fn run(root: &Path) -> Result<Overtaken, Failure> {
    if !Lock::is_inherited(root) {
        return Err(Failure::new("`finish-write` is the second half of a write, which ichor starts itself")
            .help("run `ichor configure`: it completes what was interrupted"));
    }
    Ok(Overtaken(write::carry_out(root)?.iter().map(ToString::to_string).collect()))
}

impl Answer for Overtaken {
    fn json(&self) -> Json {
        self.0.clone().into()
    }

    fn text(&self, printer: &Printer) {
        printer.json(&self.json());
    }
}
