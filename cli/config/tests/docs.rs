//! The pages of `docs/` that are made here; `cargo xtask docs` writes them, and a test run compares.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use ichor_config::{Severity, read};
use ichor_tests::assert_file;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn generated_docs_reference_of_cluster_yaml() {
    assert_file(&root().join("docs/cluster-yaml.md"), ichor_config::reference_page().as_bytes());
}

/// A mistake that many make: its title, what it is about, and how the example becomes it.
struct Typical {
    title: &'static str,
    story: &'static str,
    find: &'static str,
    put: &'static str,
}

const TYPICAL: &[Typical] = &[
    Typical {
        title: "A key that is almost right",
        story: "No key is ignored. One that is not known is refused, with the key that was likely meant.",
        find: "  node_asn: 64514",
        put: "  node_as: 64514",
    },
    Typical {
        title: "A keepalive that is not below a third of the hold time",
        story: "Each end may send its sign of life a little late; with less than three in a hold time, one lost packet ends the session.",
        find: "      asn: 64513",
        put: "      asn: 64513\n      hold_time_s: 9\n      keepalive_time_s: 4",
    },
    Typical {
        title: "The same AS number at both ends",
        story: "A session between two ASes needs two of them; with one, each end would drop the other's routes as its own.",
        find: "      asn: 64513",
        put: "      asn: 64514",
    },
    Typical {
        title: "A pool up to the broadcast address",
        story: "The last address of an IPv4 network means everyone in it; a Service that gets it is reached by nobody.",
        find: "  - name: main\n    cidrs: [192.168.50.0/24, \"fd00:50::/112\"]",
        put: "  - name: main\n    cidrs: [192.168.50.0/24, \"fd00:50::/112\"]\n    ranges: [{ start: 192.168.42.200, stop: 192.168.42.255 }]",
    },
    Typical {
        title: "A gateway outside every pool",
        story: "A Service can only be pinned to an address that a pool may give it; otherwise it waits for one for ever.",
        find: "    addresses: [192.168.50.11, \"fd00:50::11\"]",
        put: "    addresses: [192.168.51.11, \"fd00:50::11\"]",
    },
    Typical {
        title: "A password in clear text",
        story: "The file is kept in Git. Passwords are made by ichor or given to `ichor secrets edit`, and are kept encrypted.",
        find: "      md5: true",
        put: "      password: correct-horse",
    },
    Typical {
        title: "Several at once",
        story: "All mistakes are told in one run. Where the form of a value is wrong, nothing is concluded from that value, and everything else is checked all the same.",
        find: "    addresses: [192.168.42.13, \"fd00:42::13\"]\n    interface: { mac: \"52:54:00:00:42:13\" }",
        put: "    addresses: [192.168.42.12, \"fd00:43::13\"]\n    interface: { mac: \"52:54:00:00:42\" }",
    },
];

const PREFACE: &str = "# Mistakes, and how they are told

`ichor validate` and `ichor configure --check` read the file, say everything that is wrong with it, and write nothing. Each
mistake comes with its place, the line, what is wrong, and a `help:` that mends it. An error ends with exit code 1; a warning is
allowed, and probably not meant.

These are typical ones, made out of [cluster.example.yaml](../cluster.example.yaml) by `cargo xtask docs`.
";

#[test]
fn generated_docs_page_of_mistakes() {
    let example = std::fs::read_to_string(root().join("cluster.example.yaml")).unwrap();
    let mut page = String::from(PREFACE);
    for typical in TYPICAL {
        assert_eq!(example.matches(typical.find).count(), 1, "`{}` does not stand once in the example", typical.find);
        let text = example.replace(typical.find, typical.put);
        let mistakes = read(&text).expect_err(typical.title);
        assert!(mistakes.iter().any(|mistake| mistake.severity == Severity::Error));
        page.push_str(&format!("\n## {}\n\n{}\n\n```text\n", typical.title, typical.story));
        let told: Vec<_> = mistakes.iter().map(|mistake| mistake.render("cluster.yaml", &text, false)).collect();
        page.push_str(&told.join("\n\n"));
        page.push_str("\n```\n");
    }
    assert_file(&root().join("docs/mistakes.md"), page.as_bytes());
}
