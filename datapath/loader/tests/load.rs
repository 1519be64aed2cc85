//! The kernel takes the programs, and what its verifier has to follow is as it was looked at.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;

use ichor_datapath_loader::{Datapath, OBJECT, Sizes};
use ichor_datapath_types::{Config, feature};

/// What the kernel puts up with is a million; the rest is room for what comes.
const MOST: u32 = 400_000;

const SETTINGS: [(&str, u32); 3] = [
    ("plain", feature::IPV4 | feature::IPV6),
    ("snat", feature::IPV4 | feature::IPV6 | feature::MASQUERADE_V4 | feature::MASQUERADE_V6),
    ("direct", feature::IPV4 | feature::IPV6 | feature::MASQUERADE_V4 | feature::MASQUERADE_V6 | feature::DIRECT_TCP | feature::DIRECT_UDP),
];

#[test]
fn every_program_passes_the_verifier() {
    let mut table = String::new();
    for (name, features) in SETTINGS {
        let config = Config { features, first_port: 61000, last_port: 65535, mtu: 1500, ..Config::default() };
        let datapath = Datapath::load(OBJECT, &config, &Sizes::for_memory(1 << 30)).unwrap_or_else(|error| panic!("{error}"));
        for (program, count) in datapath.verified().unwrap() {
            assert!(count < MOST, "the verifier follows {count} instructions of {program}");
            writeln!(table, "{name:8}{program:22}{count:>8}").unwrap();
        }
    }
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let series = release.split('.').take(2).collect::<Vec<_>>().join(".");
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/verified/{series}.txt"));
    if expected.exists() || std::env::var_os("ICHOR_BLESS").is_some() {
        ichor_tests::assert_file(&expected, table.as_bytes());
    } else {
        println!("no counts were looked at for Linux {series}; these are its:\n{table}");
    }
}
