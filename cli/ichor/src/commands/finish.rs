//! The second process of a write: it makes the moves and tells the first how it went.

use std::path::Path;

use serde_json::Value as Json;

use crate::tree::write::{Finished, roll_forward};
use crate::{Answer, Printer};

pub(super) struct Completed(Finished);

pub(super) fn run(root: &Path) -> Completed {
    Completed(roll_forward(root).into())
}

impl Answer for Completed {
    fn json(&self) -> Json {
        serde_json::to_value(&self.0).unwrap_or_default()
    }

    fn text(&self, printer: &Printer) {
        printer.json(&self.json());
    }
}
