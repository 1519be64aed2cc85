//! Counting what passed, failed and was skipped.

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    /// What failed, by name.
    pub(crate) failed: Vec<String>,
    /// What was skipped, each with its reason.
    pub(crate) skipped: Vec<String>,
}

impl Tally {
    /// Count one check of our own.
    pub(crate) fn count(&mut self, name: &str, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(error) => {
                eprintln!("{name}: {error:#}");
                self.failed.push(name.to_string());
            }
        }
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }

    /// The closing line that says it all.
    pub(crate) fn closing(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed.len(), self.skipped.len())
    }
}

/// Reads the output of `cargo test` line by line.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    tally: Tally,
    results: u64,
    /// Failures that a `test result:` line counts, to hold against the names that were seen.
    counted: usize,
}

impl Reader {
    pub(crate) fn line(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.results += 1;
            self.tally.passed += number_before(result, "passed");
            self.counted += usize::try_from(number_before(result, "failed")).unwrap_or(usize::MAX);
        } else if let Some((name, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) {
            if outcome == "FAILED" {
                self.tally.failed.push(name.to_string());
            } else if let Some(reason) = outcome.strip_prefix("ignored") {
                let reason = reason.trim_start_matches(", ");
                let reason = if reason.is_empty() { "ignored without a reason" } else { reason };
                self.tally.skipped.push(format!("{name}: {reason}"));
            }
        }
    }

    /// What was seen, given whether cargo itself was content.
    pub(crate) fn finish(mut self, success: bool) -> Tally {
        // A name may be missing when a test wrote into the middle of its own line.
        for n in self.tally.failed.len()..self.counted {
            self.tally.failed.push(format!("a test whose name was not seen ({})", n + 1));
        }
        if self.results == 0 {
            self.tally.failed.push("cargo test ran no test".into());
        } else if !success && self.tally.failed.is_empty() {
            self.tally.failed.push("cargo test did not finish".into());
        }
        self.tally
    }
}

/// The number in front of a word: 12 in "ok. 12 passed; 0 failed".
fn number_before(text: &str, word: &str) -> u64 {
    let mut words = text.split([' ', ';']).rev().skip_while(|&w| w != word);
    words.nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, success: bool) -> Tally {
        let mut reader = Reader::default();
        text.lines().for_each(|line| reader.line(line));
        reader.finish(success)
    }

    #[test]
    fn results_of_several_programs_add_up() {
        let text = "running 3 tests
test a::b ... ok
test c ... ignored, needs a router
test d ... ignored
test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s
test src/lib.rs - x (line 3) ... FAILED
test result: FAILED. 10 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s";
        let tally = read(text, false);
        assert_eq!(tally.passed, 11);
        assert_eq!(tally.failed, ["src/lib.rs - x (line 3)"]);
        assert_eq!(tally.skipped, ["c: needs a router", "d: ignored without a reason"]);
        assert_eq!(tally.closing(), "11 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn a_run_that_broke_is_never_green() {
        let ok = "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(read("", true).failed, ["cargo test ran no test"]);
        assert_eq!(read(ok, false).failed, ["cargo test did not finish"]);
        assert_eq!(read(ok, true).failed, [""; 0]);
        let nameless = "test result: FAILED. 0 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(read(nameless, false).failed.len(), 2);
    }
}
