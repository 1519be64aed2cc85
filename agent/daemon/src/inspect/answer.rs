//! An answer, written row by row while it is found.

use std::io::{self, BufWriter, Write as _};
use std::os::unix::net::UnixStream;

use ichor_agent_api::inspect::{Line, Refusal, Whole};
use serde::Serialize;

use crate::fault::Fault;
use crate::request::Code;

/// Why no more rows are written.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Whoever asked has gone, or reads nothing any more.
    Gone(io::Error),
    /// As many as were wanted.
    Limited,
    Fault(Code, Fault),
}

impl<F: Into<Fault>> From<F> for Stop {
    fn from(fault: F) -> Self {
        Self::Fault(Code::Failed, fault.into())
    }
}

/// Where the rows go.
#[derive(Debug)]
pub(crate) struct Answer<'c> {
    connection: BufWriter<&'c UnixStream>,
    rows: u64,
    limit: Option<u64>,
}

const BUFFER: usize = 64 << 10;

impl<'c> Answer<'c> {
    pub(crate) fn to(connection: &'c UnixStream, limit: Option<u64>) -> Self {
        Self { connection: BufWriter::with_capacity(BUFFER, connection), rows: 0, limit }
    }

    pub(crate) fn row<R: Serialize>(&mut self, row: R) -> Result<(), Stop> {
        if self.limit.is_some_and(|limit| self.rows >= limit) {
            return Err(Stop::Limited);
        }
        self.rows += 1;
        self.line(&Line::Row(row))
    }

    pub(crate) fn line<R: Serialize>(&mut self, line: &Line<R>) -> Result<(), Stop> {
        let written = serde_json::to_writer(&mut self.connection, line).map_err(io::Error::from);
        written.and_then(|()| self.connection.write_all(b"\n")).map_err(Stop::Gone)
    }

    /// Lets whoever asked have what is written so far.
    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        self.connection.flush().map_err(Stop::Gone)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.rows >= limit)
    }

    /// Says how it ended.
    pub(crate) fn end(mut self, node: &str, outcome: Result<(), Stop>) -> io::Result<()> {
        let limited = matches!(outcome, Err(Stop::Limited));
        let line: Line<()> = match outcome {
            Ok(()) | Err(Stop::Limited) => Line::End(Whole { node: node.to_owned(), rows: self.rows, limited }),
            Err(Stop::Fault(code, fault)) => {
                Line::Error(Refusal { code: code as u32, msg: "it could not be read".to_owned(), details: fault.to_string() })
            }
            Err(Stop::Gone(error)) => return Err(error),
        };
        match self.line(&line).and_then(|()| self.flush()) {
            Err(Stop::Gone(error)) => Err(error),
            _ => Ok(()),
        }
    }
}
