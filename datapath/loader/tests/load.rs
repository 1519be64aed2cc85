//! The kernel takes the programs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

use ichor_datapath_loader::{Datapath, OBJECT, Sizes};
use ichor_datapath_types::{Config, feature};

#[test]
fn every_program_passes_the_verifier() {
    let object = std::env::var_os("ICHOR_OBJECT").map_or(OBJECT.to_vec(), |path| std::fs::read(path).unwrap());
    let object = &object[..];
    let config = Config {
        features: feature::IPV4 | feature::IPV6 | feature::MASQUERADE_V4,
        first_port: 61000,
        last_port: 65535,
        ..Config::default()
    };
    let datapath = Datapath::load(object, &config, &Sizes::for_memory(1 << 30)).unwrap_or_else(|error| panic!("{error}"));
    for (name, count) in datapath.verified().unwrap() {
        println!("{name:20} {count:>8}");
    }
}
