//! No secret in any output, in any clear file, or on any command line.

use std::fs;

use crate::place::{Place, marked};

/// Everything in the secrets file that must stay hidden, as `sops` decrypts it.
fn secrets(place: &Place) -> Vec<String> {
    let clear = place.tool("sops", ["-d", "--output-type", "json", "secrets.sops.yaml"]).succeed();
    let mut found = Vec::new();
    collect(&serde_json::from_str(clear.text()).unwrap(), &mut found);
    found.push(fs::read_to_string(place.key()).unwrap().lines().last().unwrap().to_owned());
    assert!(found.len() > 10);
    found
}

fn collect(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            // Certificates are public.
            map.iter().filter(|(key, _)| *key != "crt").for_each(|(_, value)| collect(value, found));
        }
        serde_json::Value::String(text) => found.push(text.trim().to_owned()),
        _ => {}
    }
}

#[test]
fn secrets_stay_inside_sealed_files() {
    let place = Place::configured();
    for name in ["cloudflare.token", "git.ssh_key", "git.known_hosts"] {
        place.ichor(["secrets", "set", name]).input(format!("secret-of-{name}")).succeed();
    }
    let mut runs = vec![
        place.ichor(["configure", "--verbose", "--check", "--diff"]).fail(),
        place.ichor(["configure", "--verbose", "--diff", "--output", "json"]).succeed(),
    ];
    let old = secrets(&place);
    place.ichor(["secrets", "rotate", "bgp.gateway"]).succeed();
    runs.push(place.ichor(["configure", "--verbose", "--diff"]).succeed());
    runs.push(place.ichor(["secrets", "status", "--verbose"]).succeed());
    runs.push(place.ichor(["talos", "config", "node-1"]).succeed());
    // A mask still shows that something changes.
    assert!(runs[2].text().lines().any(|line| line.starts_with("-    password: ENC[")), "{}", runs[2].text());
    assert!(!marked(runs[0].text(), "+ ").is_empty());

    let hidden: Vec<String> = old.into_iter().chain(secrets(&place)).collect();
    let files = place.files();
    for secret in &hidden {
        assert!(secret.len() > 8, "too short to look for");
        for run in &runs {
            assert!(
                !run.described().contains(secret),
                "a secret of {} characters is in the output of {}",
                secret.len(),
                first_line(&run.described())
            );
        }
        for (name, bytes) in &files {
            assert!(!String::from_utf8_lossy(bytes).contains(secret), "a secret of {} characters is in {name}", secret.len());
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn no_command_line_of_a_child_shows_a_secret() {
    let place = Place::configured();
    let log = place.scratch.path().join("commands");
    // The editor is the only program that is started; it sees a path.
    let editor = place.editor(&format!("cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' ' > {}", log.display()));
    place.ichor(["secrets", "edit"]).env("EDITOR", &editor).succeed();
    let seen = fs::read_to_string(log).unwrap();
    assert!(seen.contains("secrets edit"));
    for secret in secrets(&place) {
        assert!(!seen.contains(&secret));
    }
}
