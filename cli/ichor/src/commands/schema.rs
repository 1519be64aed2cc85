//! `ichor schema`.

use serde_json::Value as Json;

use crate::{Answer, Printer};

pub(super) struct Schema(Json);

pub(super) fn run() -> Schema {
    Schema(ichor_config::json_schema())
}

impl Answer for Schema {
    fn json(&self) -> Json {
        self.0.clone()
    }

    fn text(&self, printer: &Printer) {
        printer.json(&self.0);
    }
}
