//! Killed at any moment of a write, the tree is the old one or the new one (docs/decisions/004-atomic-write.md).

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::place::{Files, Place};

const KILLS: u32 = 200;
const RECORD: &str = ".ichor/manifest.json";

/// Two descriptions whose trees share little: files come, go and change.
const A: [(&str, &str); 2] = [("layout: infra", "layout: apps"), ("domain: home.example.net", "domain: home.example.org")];
const B: [(&str, &str); 2] = [("layout: apps", "layout: infra"), ("domain: home.example.org", "domain: home.example.net")];

fn describe(place: &Place, changes: [(&str, &str); 2]) {
    let text = changes.iter().fold(place.read("cluster.yaml"), |text, (from, to)| text.replace(from, to));
    place.write("cluster.yaml", text);
}

/// The tree without what a run may leave behind unfinished; sealed files differ each time they are made.
fn tree(place: &Place) -> Files {
    let mut files = place.files();
    files.retain(|name, _| name != "cluster.yaml" && !name.starts_with(".ichor/staging/") && !name.starts_with(".ichor/journal"));
    files
}

fn shape(files: &Files) -> BTreeMap<String, Option<Vec<u8>>> {
    let is_varied = |name: &str| name.contains(".sops.") || name == RECORD;
    files.iter().map(|(name, bytes)| (name.clone(), (!is_varied(name)).then(|| bytes.clone()))).collect()
}

/// Whether the record agrees with every file, byte for byte.
fn is_recorded(files: &Files) -> bool {
    let record: Json = serde_json::from_slice(&files[RECORD]).unwrap();
    let record = record["files"].as_object().unwrap();
    let hex = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let rendered: Vec<_> = files.iter().filter(|(name, _)| *name != RECORD && *name != "secrets.sops.yaml").collect();
    record.len() == rendered.len() && rendered.iter().all(|(name, bytes)| record.get(*name) == Some(&Json::from(hex(bytes))))
}

fn start(place: &Place) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ichor"))
        .args(["configure", "--quiet"])
        .current_dir(place.folder())
        .env("XDG_CACHE_HOME", &place.cache)
        .env("SOPS_AGE_KEY_FILE", place.key())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the writing begins or the run is over, and says when that was.
fn writing(place: &Place, child: &mut Child) -> Instant {
    let staging = place.path(".ichor/staging");
    while !staging.exists() && child.try_wait().unwrap().is_none() {
        std::hint::spin_loop();
    }
    Instant::now()
}

/// A small generator of numbers; the same seed gives the same moments, as far as the machine does.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn seed() -> u64 {
    match std::env::var("ICHOR_SEED") {
        Ok(seed) => seed.parse().expect("ICHOR_SEED is a number"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into(),
    }
}

#[test]
fn killed_at_any_moment_the_tree_is_old_or_new() {
    let seed = seed();
    println!("ICHOR_SEED={seed} repeats these moments");
    let mut random = seed;
    let place = Place::configured();
    let old = shape(&tree(&place));
    // The quickest of several, for moments after the end of a write show nothing.
    let durations = [B, A, B].map(|changes| {
        describe(&place, changes);
        let mut child = start(&place);
        let begun = writing(&place, &mut child);
        assert!(child.wait().unwrap().success());
        begun.elapsed()
    });
    let duration = durations.into_iter().min().unwrap();
    let new = shape(&tree(&place));
    assert!(is_recorded(&tree(&place)) && old != new);

    let (mut decided, mut was_old, mut was_new) = (0, 0, 0);
    for kill in 0..KILLS {
        let is_old = shape(&tree(&place)) == old;
        describe(&place, if is_old { B } else { A });
        let mut child = start(&place);
        let begun = writing(&place, &mut child);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap() * 5 / 4;
        let moment = Duration::from_nanos(next(&mut random) % nanoseconds);
        while begun.elapsed() < moment {
            std::hint::spin_loop();
        }
        let _ = child.kill();
        child.wait().unwrap();

        // Whoever works in the folder holds its lock; the process that makes the moves lives on for milliseconds.
        fs::File::open(place.folder()).unwrap().lock().unwrap();
        let found = tree(&place);
        assert!(shape(&found) == old || shape(&found) == new, "kill {kill}: neither the old tree nor the new one");
        assert!(is_recorded(&found), "kill {kill}: the record does not agree with the files");
        // A kill right after the decision leaves the old tree with a journal, which the next run carries out.
        decided += u32::from(place.path(".ichor/journal.json").exists());
        // Without a key the run fails, after it completed what was decided: so nothing but that is seen.
        let next_run = place.ichor_without_key(["configure"]).fail();
        assert!(next_run.words().contains("no age identity"), "kill {kill}: {}", next_run.described());
        let settled = tree(&place);
        assert!(shape(&settled) == old || shape(&settled) == new, "kill {kill}: the next run left neither tree");
        assert!(is_recorded(&settled) && !place.path(".ichor/journal.json").exists(), "kill {kill}");
        if (shape(&settled) == old) == is_old { was_old += 1 } else { was_new += 1 }
    }
    println!("{KILLS} kills: {was_old} times the old tree, {was_new} times the new one, {decided} of these completed by the next run");
    assert!(was_old > 10 && was_new > 10, "the moments were not spread: {was_old} old, {was_new} new");
    place.ichor(["configure"]).succeed();
    assert!(fs::read_dir(place.path(".ichor")).unwrap().count() == 1, "something was left behind");
}

/// Leaves what a run leaves that dies right after its decision to replace a file.
fn decide(place: &Place, path: &str, new: &str) {
    let hex = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let step = serde_json::json!({ "path": path, "old": hex(place.read(path).as_bytes()), "new": hex(new.as_bytes()) });
    place.write(&format!(".ichor/staging/tree/{path}"), new);
    place.write(".ichor/journal.json", serde_json::json!({ "format": 1, "steps": [step] }).to_string());
}

#[test]
fn an_edit_between_the_crash_and_the_next_run_stays() {
    let agent = "cluster/apps/kube-system/ichor/app/agent.yaml";
    let place = Place::configured();
    decide(&place, agent, "decided\n");
    let check = place.ichor(["configure", "--check"]).finish();
    assert!(check.words().contains("a write was interrupted") && place.path(".ichor/journal.json").exists(), "{}", check.described());
    place.ichor_without_key(["configure"]).fail();
    assert_eq!(place.read(agent), "decided\n");
    assert!(!place.path(".ichor/journal.json").exists() && !place.path(".ichor/staging").exists());

    let place = Place::configured();
    decide(&place, agent, "decided\n");
    place.write(agent, "mine\n");
    let words = place.ichor(["configure"]).succeed().words();
    assert!(words.contains("completed a write that was interrupted") && words.contains("was edited by hand"), "{words}");
    assert_eq!(place.read(agent), "mine\n");
}
