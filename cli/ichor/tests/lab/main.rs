//! The lab from outside: real namespaces, the real agent and CNI plugin, real connections.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking and speaks to whoever runs it")]

mod crash;
mod inspect;
mod modes;
mod narrow;
mod offload;
mod play;
mod refuse;
mod traces;

use std::time::Duration;

use ichor_tests::{Finished, Run};
use serde_json::Value as Json;

use traces::Traces;

/// A lab of one test, taken down whatever happens.
struct Lab {
    name: String,
    before: Traces,
}

impl Lab {
    /// A name that no other test and no person uses.
    fn named(part: &str) -> Self {
        let name = format!("t{}-{part}", std::process::id());
        let before = Traces::of(&name);
        Self { name, before }
    }

    /// The same, up and checked.
    fn up(part: &str) -> Self {
        let lab = Self::named(part);
        let run = lab.run(&["up", "--output", "json"]).finish();
        assert!(run.status.success(), "{}", run.described());
        lab
    }

    /// One of the lab's commands on this lab.
    fn run(&self, words: &[&str]) -> Run {
        let (command, rest) = words.split_first().unwrap();
        ichor(&["lab", command, "--name", &self.name]).args(rest)
    }

    fn exec(&self, place: &str, command: &[&str]) -> Run {
        self.run(&["exec", place, "--"]).args(command)
    }

    fn status(&self, words: &[&str]) -> Json {
        let run = self.run(&["status", "--output", "json"]).args(words).finish();
        json(&run)
    }

    /// Removes it; nothing may be left.
    fn down(self) {
        self.run(&["down"]).succeed();
        self.before.assert_same(&Traces::of(&self.name));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.run(&["down"]).finish();
    }
}

fn ichor(words: &[&str]) -> Run {
    Run::program(env!("CARGO_BIN_EXE_ichor")).args(words).deadline(Duration::from_secs(60))
}

fn json(run: &Finished) -> Json {
    serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("not one JSON document: {error}\n{}", run.described()))
}
