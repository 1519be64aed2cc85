//! A connection as connection tracking sees it, from its first packet to its last.

use std::time::Duration;

use crate::Lab;
use crate::inspect::end;
use crate::inspect::running::Running;

const PATIENCE: Duration = Duration::from_secs(10);
/// The client outside, and its server's port.
const OUTSIDE: &str = "198.51.100.10";
const PORT: &str = "8080";

#[test]
fn a_connection_is_listed_with_its_addresses_and_states() {
    let lab = Lab::ready("flows");
    let [pod, _] = lab.pod("shell-1");
    assert!(lab.rows("node-1", "bpf ct list --pod shell-1").is_empty());
    let script = format!("exec 3<>/dev/tcp/{OUTSIDE}/{PORT}; echo hello >&3; read answer <&3; echo \"$answer\"; read; exec 3>&-; read");
    let mut connection = Running::script(&lab, "pod/shell-1", &script);
    connection.until("the answer", |line| line.contains("\"pod\":\"client\""));

    // Both directions, the one hidden behind the node's address.
    let ask = format!("bpf ct list global --pod lab/shell-1 --port {PORT} --protocol tcp");
    let rows = lab.rows("node-1", &ask);
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let begun = rows.iter().find(|row| row["reply"] == false).unwrap();
    let answer = rows.iter().find(|row| row["reply"] == true).unwrap();
    assert!(
        end(&begun["source"]).starts_with(&format!("{pod}:")) && end(&begun["destination"]) == format!("{OUTSIDE}:{PORT}"),
        "{begun:#}"
    );
    assert_eq!(begun["source"]["owner"]["name"], "shell-1");
    assert!(end(&begun["becomes_source"]).starts_with("192.168.42.11:"), "{begun:#}");
    assert_eq!(end(&answer["destination"]), end(&begun["becomes_source"]));
    assert_eq!(end(&answer["becomes_destination"]), end(&begun["source"]));
    assert_eq!((&begun["state"], &answer["state"]), (&"established".into(), &"established".into()), "{rows:#?}");

    // The same is an address translation, and is found by whatever is true of it, and not by what is not.
    let translated = lab.rows("node-1", &format!("bpf nat list --address {OUTSIDE} --family ipv4"));
    assert_eq!(translated.len(), 2, "{translated:#?}");
    for filter in
        ["--state new", "--protocol udp", "--family ipv6", "--port 81", "--pod web-1", "--address 192.0.2.0/24", "--namespace other"]
    {
        assert!(lab.rows("node-1", &format!("bpf ct list {filter}")).is_empty(), "{filter}");
    }
    assert_eq!(lab.rows("node-1", "bpf ct list --limit 1").len(), 1);
    assert!(lab.rows("node-2", "bpf ct list").is_empty());

    connection.tell("now close it");
    ichor_tests::until("it is closing", PATIENCE, || lab.rows("node-1", &ask).iter().any(|row| row["state"] == "closing"));
    lab.down();
}

#[test]
fn a_balanced_connection_is_listed_with_its_service() {
    let lab = Lab::ready("balanced");
    let pools = lab.rows("node-1", "service list --service web-lb --protocol tcp --family ipv4");
    let outside = pools.iter().find(|row| row["type"] == "LoadBalancer");
    let outside = outside.unwrap_or_else(|| panic!("{:#?}", lab.rows("node-1", "service list --protocol tcp --family ipv4")));
    let address = outside["address"].as_str().unwrap();
    lab.script("client", &format!("curl -sf http://{address}")).succeed();
    let found = ["node-1", "node-2", "node-3"].map(|node| lab.rows(node, &format!("bpf ct list --address {address}")));
    let rows: Vec<_> = found.iter().flatten().collect();
    assert!(rows.iter().any(|row| row.to_string().contains(OUTSIDE)), "{rows:#?}");
    lab.down();
}
