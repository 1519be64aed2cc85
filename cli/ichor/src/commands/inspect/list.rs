//! A list, printed while it comes: a node may remember a million connections.

use ichor_agent_api::inspect::{Line, Question, Whole};
use serde_json::{Value as Json, json};

use crate::commands::inspect::ask::{Place, ask};
use crate::commands::inspect::rows::Row;
use crate::commands::inspect::table::Table;
use crate::failure::Failure;
use crate::{Answer, Exit, Printer, Shell};

/// What is left to say of a list that was printed.
pub(super) struct Printed(pub(super) Exit);

impl Answer for Printed {
    fn json(&self) -> Json {
        Json::Null
    }

    fn text(&self, _: &Printer) {}

    fn print(&self, _: &Printer) {}

    fn exit(&self) -> Exit {
        self.0
    }
}

const PAGE: usize = 32 << 10;

/// The one JSON document, begun with its first row.
struct Document<'p> {
    printer: &'p Printer,
    list: &'static str,
    page: String,
    rows: u64,
}

impl Document<'_> {
    fn row(&mut self, row: &impl Row) {
        let before = if self.rows == 0 { format!("{{\"{}\": [\n", self.list) } else { ",\n".to_owned() };
        self.rows += 1;
        self.page.push_str(&before);
        self.page.push_str(&serde_json::to_string(row).unwrap_or_default());
        if self.page.len() >= PAGE {
            self.printer.data(&std::mem::take(&mut self.page));
        }
    }

    fn end(mut self, rest: &Json) {
        if self.rows == 0 {
            self.page.push_str(&format!("{{\"{}\": [", self.list));
        }
        // An object behind a list: all of it but its opening brace.
        let rest = rest.to_string();
        self.page.push_str(&format!("\n], {}\n", rest.strip_prefix('{').unwrap_or_default()));
        self.printer.data(&self.page);
    }
}

/// Prints all rows that the agent has; `all` also those that do not matter.
pub(super) fn list<R: Row>(place: &Place, question: &Question, all: bool, shell: &Shell) -> Result<Printed, Failure> {
    let printer = &shell.printer;
    let mut asked = ask(place, question)?;
    let mut table = Table::new(printer, R::HEADERS);
    let mut document = Document { printer, list: R::LIST, page: String::new(), rows: 0 };
    let (mut rows, mut bad) = (0_u64, 0_u64);
    let outcome: Result<Whole, Failure> = loop {
        match asked.next_line::<R>() {
            Ok(Line::Row(row)) if row.matters(all) => {
                rows += 1;
                bad += u64::from(row.is_bad());
                if printer.is_json() { document.row(&row) } else { table.row(row.cells()) }
            }
            Ok(Line::End(whole)) => break Ok(whole),
            Ok(_) => {}
            Err(silence) => break Err(silence.into()),
        }
        // Whoever reads, as `head` does, may have enough.
        if printer.is_closed() {
            return Ok(Printed(Exit::Done));
        }
    };
    match outcome {
        Ok(whole) => {
            if printer.is_json() {
                document.end(&json!({ "node": whole.node, "limited": whole.limited }));
            } else {
                table.end();
            }
            if rows == 0 {
                printer.note(&format!("there are no such {} on `{}`", R::LIST, whole.node));
            } else if whole.limited {
                printer.note(&format!("these are the first {rows}; there may be more"));
            }
            Ok(Printed(if bad == 0 { Exit::Done } else { Exit::Refused }))
        }
        Err(failure) if rows == 0 => Err(failure),
        // What was printed is not all, and says so.
        Err(failure) => {
            if printer.is_json() {
                document.end(&json!({ "error": failure.to_json() }));
            } else {
                table.end();
            }
            printer.failure_words(&failure);
            Ok(Printed(Exit::Refused))
        }
    }
}
