//! Agents that are not there, say nothing, or speak of something else: each is said in a sentence with its mend.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ichor_tests::{Finished, Run, Scratch};
use serde_json::Value as Json;

const NODE: &str = r#"{"row":{"name":"node-1","own":true,"addresses":["192.0.2.11"],"pod_cidrs":["10.42.0.0/24"],"zone":null}}"#;

fn ichor(words: &str) -> Run {
    Run::program(env!("CARGO_BIN_EXE_ichor")).args(words.split(' '))
}

/// Something that listens in the place of an agent, and answers the first question with these bytes.
fn agent(scratch: &Scratch, answer: &'static [u8], then: impl FnOnce() + Send + 'static) -> PathBuf {
    let path = scratch.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut question = String::new();
        BufReader::new(connection.try_clone().unwrap()).read_line(&mut question).unwrap();
        assert!(question.starts_with("{\"inspect\":"), "{question}");
        connection.write_all(answer).unwrap();
        then();
    });
    path
}

fn asked(words: &str, answer: &'static [u8], then: impl FnOnce() + Send + 'static) -> Finished {
    let scratch = Scratch::new();
    let socket = agent(&scratch, answer, then);
    ichor(words).args(["--socket".as_ref(), socket.as_os_str()]).finish()
}

fn refused(run: &Finished, parts: &[&str]) {
    assert_eq!(run.status.code(), Some(1), "{}", run.described());
    for part in parts.iter().chain(&["error: ", "help: "]) {
        assert!(run.words().contains(part), "{part:?} is not in:\n{}", run.described());
    }
}

#[test]
fn an_agent_that_is_not_there() {
    let scratch = Scratch::new();
    let nowhere = scratch.path().join("agent.sock");
    for words in ["endpoint list", "bpf ct list", "monitor"] {
        let run = ichor(words).env("ICHOR_SOCKET", &nowhere).finish();
        refused(&run, &["there is no agent at", "agent.sock", "--socket", "--node"]);
    }
    // It ended, and its socket is left.
    drop(UnixListener::bind(&nowhere).unwrap());
    refused(&ichor("node list").env("ICHOR_SOCKET", &nowhere).finish(), &["has ended"]);
    // What is there is no socket.
    let file = scratch.write("file", "");
    refused(&ichor("node list").args(["--socket".as_ref(), file.as_os_str()]).finish(), &["has ended"]);
}

#[test]
fn an_agent_of_another_version() {
    let older = b"{\"error\":{\"code\":6,\"msg\":\"the request is none that this agent knows\",\"details\":\"\"}}\n";
    refused(&asked("service list", older, || ()), &["does not know this question", "older than this ichor", "update the agent"]);
    refused(&asked("monitor", older, || ()), &["does not know this question"]);
    let newer = b"{\"row\":{\"colour\":\"red\"}}\n";
    refused(&asked("node list", newer, || ()), &["in words that this ichor does not know", "the agent's version"]);
    refused(&asked("node list", b"hello\n", || ()), &["in words that this ichor does not know"]);
}

#[test]
fn an_agent_that_cannot_answer() {
    let busy = b"{\"error\":{\"code\":50,\"msg\":\"it could not be read\",\"details\":\"the node's datapath is not ready: waiting\"}}\n";
    let run = asked("bpf lb list", busy, || ());
    refused(&run, &["the node's datapath is not ready: waiting", "its log says more"]);
}

#[test]
fn an_agent_that_hangs() {
    let begun = Instant::now();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let run = asked("endpoint list", b"", move || assert!(wait.recv().is_err()));
    drop(done);
    refused(&run, &["does not answer within 10 s", "hangs"]);
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn an_answer_that_breaks_off_says_so_in_both_forms() {
    let half: &'static [u8] = Box::leak(format!("{NODE}\n{{\"row\":").into_bytes().into_boxed_slice());
    let run = asked("node list", half, || ());
    refused(&run, &["ended in the middle of its answer"]);
    assert!(run.text().contains("node-1  yes    192.0.2.11"), "{}", run.described());
    let run = asked("node list --output json", half, || ());
    let document: Json = serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.described()));
    assert_eq!(document["nodes"][0]["name"], "node-1");
    assert!(document["error"]["message"].as_str().unwrap().contains("in the middle"), "{document:#}");
}

#[test]
fn a_table_is_the_same_whoever_reads_it() {
    let whole: &'static [u8] =
        Box::leak(format!("{NODE}\n{{\"end\":{{\"node\":\"node-1\",\"rows\":1,\"limited\":false}}}}\n").into_bytes().into_boxed_slice());
    let run = asked("node list", whole, || ());
    assert_eq!(run.text(), "NAME    ASKED  ADDRESSES   POD-CIDRS     ZONE\nnode-1  yes    192.0.2.11  10.42.0.0/24  -\n");
    let run = asked("node list --output json", whole, || ());
    let document: Json = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&document["node"], &document["limited"], &document["nodes"][0]["zone"]), (&"node-1".into(), &false.into(), &Json::Null));
    let none = asked("node list", b"{\"end\":{\"node\":\"node-1\",\"rows\":0,\"limited\":false}}\n", || ());
    assert!(none.status.success() && none.text().is_empty() && none.words().contains("no such nodes on `node-1`"), "{}", none.described());
}

#[test]
fn filters_that_cannot_be_are_refused() {
    for (words, part) in [
        ("endpoint list --address nonsense", "neither an address nor a network"),
        ("bpf ct list --protocol http", "possible values: tcp, udp"),
        ("bpf ct list local", "invalid value"),
        ("bpf ct list --limit 0", "invalid value"),
        ("monitor --reason nonsense", "invalid value"),
        ("monitor --drops --flows", "cannot be used with"),
        ("monitor --flows --reason refused", "cannot be used with"),
        ("endpoint list --socket a --node b", "cannot be used with"),
        ("endpoint list --lab a", "--node"),
    ] {
        let run = ichor(words).finish();
        assert!(run.status.code() == Some(2) && run.words().contains(part), "{}", run.described());
    }
}

#[test]
fn policies_are_not_there_and_that_is_said() {
    refused(&ichor("bpf policy list").finish(), &["knows no network policies"]);
}
