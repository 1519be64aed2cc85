//! The monitor shows what really happens.

use serde_json::Value as Json;

use crate::Lab;
use crate::inspect::end;
use crate::inspect::running::Running;

const OUTSIDE: &str = "198.51.100.10";

fn of(line: &str) -> Json {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("not a line of JSON: {error}: {line}"))
}

/// A pod sends a packet from an address that is not its own.
const SPOOF: &str =
    "ip addr add 10.99.0.1/32 dev eth0; curl -s -m 1 --interface 10.99.0.1 http://10.42.1.2:8080; ip addr del 10.99.0.1/32 dev eth0; true";

#[test]
fn drops_and_new_flows_are_shown_as_they_happen() {
    let lab = Lab::ready("monitor");
    let [pod, pod6] = lab.pod("shell-1");
    // Several at once, each with what it wants.
    let drops = Running::monitor(&lab, "node-1", &["--drops", "--output", "json"]);
    let flows = Running::monitor(&lab, "node-1", &["--flows", "--output", "json"]);
    let all = Running::monitor(&lab, "node-1", &["--pod", "shell-1"]);
    let elsewhere = Running::monitor(&lab, "node-1", &["--address", "192.0.2.0/24"]);
    let reasons = Running::monitor(&lab, "node-1", &["--reason", "refused"]);

    lab.script("pod/shell-1", SPOOF).succeed();
    let drop = of(&drops.until("the drop", |line| line.contains("10.99.0.1")));
    assert_eq!(
        (&drop["kind"], &drop["reason"], &drop["hook"]),
        (&"drop".into(), &"spoofed-source".into(), &"from-endpoint".into()),
        "{drop:#}"
    );
    assert_eq!(end(&drop["destination"]), "10.42.1.2:8080");
    assert_eq!((&drop["protocol"], &drop["tcp_flags"][0], &drop["direction"]), (&"TCP".into(), &"syn".into(), &"egress".into()));
    assert_eq!(drop["destination"]["owner"]["name"], "web-2");
    assert!(drop["interface"].as_str().unwrap().starts_with("ichor") && drop["time_unix_ms"].as_u64().unwrap() > 1_600_000_000_000);
    let counted = lab.rows("node-1", "bpf metrics list --reason spoofed-source");
    assert!(counted.iter().any(|row| row["hook"] == "from-endpoint" && row["packets"].as_u64().unwrap() > 0), "{counted:#?}");

    // One that is translated, one that is not, and one without ports that would tell.
    lab.script("pod/shell-1", &format!("curl -sf http://{OUTSIDE}:8080")).succeed();
    let flow = of(&flows.until("the flow", |line| line.contains(OUTSIDE)));
    assert!(end(&flow["source"]).starts_with(&pod) && end(&flow["destination"]) == format!("{OUTSIDE}:8080"), "{flow:#}");
    assert!(end(&flow["becomes_source"]).starts_with("192.168.42.11:"), "{flow:#}");
    let [other, other6] = lab.pod("web-2");
    lab.script("pod/shell-1", &format!("curl -sf http://[{other6}]:8080; for _ in 1 2 3; do echo x > /dev/udp/{other}/7; done")).succeed();
    let flow = of(&flows.until("IPv6", |line| line.contains(&other6)));
    assert_eq!((&flow["source"]["address"], &flow["protocol"]), (&pod6.as_str().into(), &"TCP".into()));
    flows.until("UDP", |line| line.contains("UDP") && of(line)["destination"]["port"] == 7);

    // A port of a service that there is not, asked for on the way and when a socket connects.
    let service = lab.rows("node-1", "service list --service web --family ipv4")[0]["address"].as_str().unwrap().to_owned();
    lab.script("pod/shell-1", &format!("curl -s -m 1 http://{service}:81; echo x > /dev/udp/{service}/81; true")).succeed();
    let nobody = lab
        .rows("node-1", "service list --family ipv4 --protocol tcp")
        .into_iter()
        .find(|row| row["backends"] == Json::Array(Vec::new()))
        .unwrap();
    lab.script("pod/shell-1", &format!("curl -s -m 1 http://{}; true", nobody["address"].as_str().unwrap())).succeed();
    reasons.until("the refusal", |line| line.contains(" refused ") && line.contains(&format!("-> {service}:81")));
    reasons.until("the socket's", |line| line.contains("socket") && line.contains("a process -> ") && line.contains("[service lab/"));

    for part in ["drop", "flow"] {
        all.until(part, |line| line.contains(part) && line.contains("[pod lab/shell-1]"));
    }
    assert!(all.data().iter().all(|line| line.contains("lab/shell-1")), "{:#?}", all.data());
    assert!(drops.data().iter().all(|line| of(line)["kind"] == "drop") && flows.data().iter().all(|line| of(line)["kind"] == "new-flow"));
    assert!(reasons.data().iter().all(|line| line.contains(" refused ")) && elsewhere.data().is_empty(), "{:?}", elsewhere.data());
    lab.down();
}

#[test]
fn a_flow_that_nobody_remembers_is_told_once() {
    let lab = Lab::ready("once");
    let flows = Running::monitor(&lab, "node-1", &["--flows", "--protocol", "udp", "--output", "json"]);
    let [other, _] = lab.pod("web-2");
    // One socket, many datagrams, and their answers.
    lab.script(
        "pod/shell-1",
        &format!("exec 3<>/dev/udp/{other}/8080; for _ in 1 2 3 4 5; do echo x >&3; done; read -t 1 -n 1 -u 3; true"),
    )
    .succeed();
    flows.until("the flow", |line| line.contains(&other));
    // What would come twice would have come before this.
    lab.script("pod/shell-1", &format!("echo x > /dev/udp/{other}/9999")).succeed();
    flows.until("the next one", |line| line.contains("9999"));
    assert_eq!(flows.data().iter().filter(|line| of(line)["destination"]["port"] == 8080).count(), 1, "{:#?}", flows.data());
    lab.down();
}

#[test]
fn a_limit_ends_it_and_a_closed_pipe_too() {
    let lab = Lab::ready("ends");
    let mut one = Running::monitor(&lab, "node-1", &["--limit", "1", "--output", "json"]);
    let piped = format!("{} monitor --lab {} --node node-1 | head -1", env!("CARGO_BIN_EXE_ichor"), lab.name);
    let piped = std::thread::spawn(move || ichor_tests::Run::program("/bin/bash").args(["-c", &piped]).succeed());
    ichor_tests::until("something is shown", std::time::Duration::from_secs(20), || {
        lab.script("pod/shell-1", &format!("curl -s -m 1 http://{OUTSIDE}:8080")).succeed();
        piped.is_finished()
    });
    assert!(one.end().success() && one.data().len() == 1, "{:#?} {}", one.data(), one.words());
    assert_eq!(piped.join().unwrap().text().lines().count(), 1);
    // Nothing happens, and nobody reads: `true` ends at once.
    let silent = format!("{} monitor --lab {} --node node-3 --address 192.0.2.0/24 | true", env!("CARGO_BIN_EXE_ichor"), lab.name);
    ichor_tests::Run::program("/bin/bash").args(["-c", &silent]).deadline(std::time::Duration::from_secs(20)).succeed();
    lab.down();
}

#[test]
fn it_goes_on_when_the_agent_comes_back() {
    let lab = Lab::ready("back");
    let all = Running::monitor(&lab, "node-1", &["--drops", "--output", "json"]);
    lab.run(&["break", "agent", "node-1"]).succeed();
    all.until_said("waiting for it to come back");
    let run = lab.ask("node-1", "endpoint list").fail();
    assert!(
        run.words().contains("nobody listens there any more") && run.words().contains("ichor lab mend agent node-1"),
        "{}",
        run.described()
    );
    lab.run(&["mend", "agent", "node-1"]).succeed();
    ichor_tests::until("it listens again", std::time::Duration::from_secs(20), || all.words().matches("listening to").count() == 2);
    lab.script("pod/shell-1", SPOOF).succeed();
    all.until("a drop", |line| line.contains("spoofed-source"));
    lab.down();
}
