//! The CNI plugin: it reads what the container runtime wants, asks the node agent, and says what it answered.
//!
//! While the agent is away, a pod cannot be added (the runtime tries again), but it can be deleted: a node whose agent does
//! not start must still be able to get rid of its pods. The deletion is written down beside the agent's socket, and the
//! agent makes up for it when it comes back; until then the pod's address stays taken.

mod agent;
mod input;
mod output;

use std::io::Read as _;
use std::process::ExitCode;

use agent::Unanswered;
use input::{Call, Verb};
use output::{Failure, print};
use serde_json::{Value as Json, json};

/// Versions of the specification that this plugin speaks.
const VERSIONS: [&str; 6] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.0.1", "1.1.0"];
const NEWEST: &str = "1.1.0";

/// Does what the environment and the standard input say.
pub fn main() -> ExitCode {
    let mut text = String::new();
    let outcome = match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => run(&text),
        Err(error) => Err((NEWEST.to_owned(), Failure::new(output::IO, "the network configuration could not be read", &error.to_string()))),
    };
    match outcome {
        Ok(Some(answer)) => print(&answer),
        Ok(None) => ExitCode::SUCCESS,
        Err((version, failure)) => {
            print(&failure.json(&version));
            ExitCode::FAILURE
        }
    }
}

/// What is printed; a failure comes with the version in which it is told.
fn run(text: &str) -> Result<Option<Json>, (String, Failure)> {
    let verb = input::verb().map_err(|failure| (NEWEST.to_owned(), failure))?;
    if verb == Verb::Version {
        return Ok(Some(json!({ "cniVersion": input::version_of(text), "supportedVersions": VERSIONS })));
    }
    let call = Call::read(verb, text).map_err(|failure| (input::version_of(text), failure))?;
    let answer = match agent::ask(&call.socket, &call.request()) {
        Ok(answer) => answer,
        Err(Unanswered::Away(_)) if verb == Verb::Delete => {
            agent::write_down(&call);
            return Ok(None);
        }
        Err(unanswered) => return Err((call.version.clone(), output::unanswered(verb, &call.socket, unanswered))),
    };
    if let Some(error) = answer.get("error") {
        return Err((call.version.clone(), Failure::of_agent(error)));
    }
    Ok((verb == Verb::Add).then(|| output::result(&call.version, answer)))
}
