//! No text may make the parser panic, hang or eat memory.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _refused = ichor_yaml::parse(text);
});
