//! No file in the folder of objects may make the agent panic, and what it takes compiles.
#![no_main]

use ichor_agent_state::{Contents, Dirty, Folder, Ids, Limits, Observed, Snapshot, compile, diff};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut folder = Folder::default();
    let keys = folder.set("objects.yaml", Contents::read("objects.yaml", &ichor_yaml::parse(text)));
    let _told = folder.problems();
    let mut snapshot = Snapshot::default();
    let mut dirty = Dirty::default();
    for object in keys.iter().filter_map(|key| folder.object(key)) {
        snapshot.put(object.clone(), &mut dirty);
    }
    let mut observed = Observed::default();
    let mut ids = Ids::restore(&observed, Limits { services: 64, backends: 64, slots: 512 });
    let (desired, _problems) = compile(&snapshot, &mut ids, &Dirty::All);
    for step in diff(&desired, &observed) {
        observed.apply(&step);
    }
    assert!(diff(&desired, &observed).is_empty(), "the steps lead somewhere else");
});
