//! No old file may make the converter panic, every field of it is told with its line, and what is made out of it is YAML.
#![no_main]

use ichor_config::import::{Around, Source, convert};
use libfuzzer_sys::fuzz_target;

/// Stands between the two files of the older form.
const BETWEEN: &str = "\n=== nodes.yaml\n";

fuzz_target!(|text: &str| {
    let source = match text.split_once(BETWEEN) {
        Some((cluster, nodes)) => Source::Yaml { cluster, nodes },
        None => Source::Toml { cluster: text },
    };
    let around = Around { name: "kubernetes".into(), recipients: Vec::new(), tunnel_id: None };
    let imported = match convert(source, &around) {
        Ok(imported) => imported,
        Err(error) => return assert!(error.line >= 1, "{error}"),
    };
    let lines = text.split(['\n', '\r']).count();
    for row in &imported.rows {
        assert!((1..=lines).contains(&row.line), "{row:?}");
    }
    assert!(ichor_yaml::parse_one(&imported.text).is_ok(), "{}", imported.text);
    let _mistakes = ichor_config::read(&imported.text);
});
