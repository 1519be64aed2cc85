//! Rows as a table for people, printed while they come.

use std::fmt::Write as _;

use crate::Printer;

/// From how many rows the widths of columns are taken: later ones keep to them, and stand out where they are longer.
const LOOKED_AT: usize = 1000;
/// So much is printed at once.
const PAGE: usize = 32 << 10;
const BETWEEN: &str = "  ";

/// Columns in the order in which they are printed; the last one takes the rest of the line.
pub(super) struct Table<'p> {
    printer: &'p Printer,
    headers: &'static [&'static str],
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    page: String,
}

impl<'p> Table<'p> {
    pub(super) fn new(printer: &'p Printer, headers: &'static [&'static str]) -> Self {
        Self { printer, headers, waiting: Vec::new(), widths: None, page: String::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        // An empty cell would move the others in the eyes of `awk`.
        let cells: Vec<_> = cells.into_iter().map(|cell| if cell.is_empty() { "-".to_owned() } else { cell }).collect();
        match &self.widths {
            Some(widths) => write(&mut self.page, widths, &cells),
            None => self.waiting.push(cells),
        }
        if self.widths.is_none() && self.waiting.len() == LOOKED_AT {
            self.settle();
        }
        if self.page.len() >= PAGE {
            self.flush();
        }
    }

    /// Prints what is left; without rows that is nothing at all.
    pub(super) fn end(mut self) {
        if !self.waiting.is_empty() {
            self.settle();
        }
        self.flush();
    }

    fn settle(&mut self) {
        let headers: Vec<String> = self.headers.iter().map(|&header| header.to_owned()).collect();
        let mut widths: Vec<usize> = headers.iter().map(|header| header.chars().count()).collect();
        for row in &self.waiting {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        write(&mut self.page, &widths, &headers);
        for row in std::mem::take(&mut self.waiting) {
            write(&mut self.page, &widths, &row);
        }
        self.widths = Some(widths);
    }

    fn flush(&mut self) {
        self.printer.data(&std::mem::take(&mut self.page));
    }
}

fn write(page: &mut String, widths: &[usize], cells: &[String]) {
    let last = cells.len().saturating_sub(1);
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if index == last {
            page.push_str(cell);
        } else {
            let _ = write!(page, "{cell:<width$}{BETWEEN}");
        }
    }
    page.push('\n');
}
