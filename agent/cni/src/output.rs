//! What the container runtime is told.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use crate::agent::Unanswered;
use crate::input::Verb;

pub(crate) const INCOMPATIBLE: u64 = 1;
pub(crate) const ENVIRONMENT: u64 = 4;
pub(crate) const IO: u64 = 5;
pub(crate) const DECODE: u64 = 6;
pub(crate) const INVALID: u64 = 7;
pub(crate) const TRY_AGAIN: u64 = 11;
pub(crate) const NOT_AVAILABLE: u64 = 50;

/// Why it did not work, as the specification wants it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u64,
    message: String,
    details: String,
}

impl Failure {
    pub(crate) fn new(code: u64, message: &str, details: &str) -> Self {
        Self { code, message: message.to_owned(), details: details.to_owned() }
    }

    pub(crate) fn of_agent(error: &Json) -> Self {
        let text = |key: &str| error.get(key).and_then(Json::as_str).unwrap_or_default();
        Self::new(error.get("code").and_then(Json::as_u64).unwrap_or(TRY_AGAIN), text("msg"), text("details"))
    }

    pub(crate) fn json(&self, version: &str) -> Json {
        json!({ "cniVersion": version, "code": self.code, "msg": self.message, "details": self.details })
    }
}

pub(crate) fn unanswered(verb: Verb, socket: &Path, why: Unanswered) -> Failure {
    let code = if verb == Verb::Status { NOT_AVAILABLE } else { TRY_AGAIN };
    match why {
        Unanswered::Away(error) => Failure::new(code, &format!("the node agent is not at {}: is it running?", socket.display()), &error),
        Unanswered::Silent(error) => Failure::new(code, &format!("the node agent at {} does not answer", socket.display()), &error),
    }
}

/// The agent's answer in the form of a version.
pub(crate) fn result(version: &str, mut answer: Json) -> Json {
    let Some(object) = answer.as_object_mut() else { return answer };
    object.insert("cniVersion".to_owned(), version.into());
    if version.starts_with("0.")
        && let Some(ips) = object.get_mut("ips").and_then(Json::as_array_mut)
    {
        for ip in ips {
            let is_v6 = ip.get("address").and_then(Json::as_str).is_some_and(|address| address.contains(':'));
            if let Some(ip) = ip.as_object_mut() {
                ip.insert("version".to_owned(), if is_v6 { "6" } else { "4" }.into());
            }
        }
    }
    answer
}

/// The one document on the standard output.
pub(crate) fn print(answer: &Json) -> ExitCode {
    let written = writeln!(std::io::stdout().lock(), "{answer}");
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
