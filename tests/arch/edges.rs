//! Which crate may depend on which.

use std::path::PathBuf;

/// How much of the world a crate may touch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rank {
    /// Computes: no I/O, clock, randomness or logging.
    Pure,
    /// Observes and applies.
    Io,
    /// Runs inside the kernel.
    Kernel,
    /// Part of no program that a person gets.
    Development,
}

/// The table of the design. A new crate gets its row here before it gets code.
const RANKS: [(&str, Rank); 27] = [
    ("ichor", Rank::Io),
    ("ichor-agent", Rank::Io),
    ("ichor-agent-api", Rank::Pure),
    ("ichor-agent-apply", Rank::Io),
    ("ichor-agent-kube", Rank::Io),
    ("ichor-agent-observe", Rank::Io),
    ("ichor-agent-state", Rank::Pure),
    ("ichor-bfd", Rank::Pure),
    ("ichor-bgp", Rank::Pure),
    ("ichor-cni", Rank::Io),
    ("ichor-config", Rank::Pure),
    ("ichor-datapath-loader", Rank::Io),
    ("ichor-datapath-logic", Rank::Pure),
    ("ichor-datapath-programs", Rank::Kernel),
    ("ichor-datapath-types", Rank::Pure),
    ("ichor-fuzz", Rank::Development),
    ("ichor-gateway", Rank::Io),
    ("ichor-l2", Rank::Pure),
    ("ichor-lab", Rank::Io),
    ("ichor-plan", Rank::Pure),
    ("ichor-sops", Rank::Pure),
    ("ichor-talos-client", Rank::Io),
    ("ichor-talos-config", Rank::Pure),
    ("ichor-templates", Rank::Pure),
    ("ichor-tests", Rank::Development),
    ("ichor-yaml", Rank::Pure),
    ("xtask", Rank::Development),
];

/// These could serve any other project: they know nothing of this one.
const ALONE: [&str; 4] = ["ichor-bfd", "ichor-bgp", "ichor-l2", "ichor-datapath-types"];
const DAEMON: &str = "ichor-agent";
const MAY_LINK_THE_DAEMON: [&str; 2] = ["ichor", "ichor-lab"];

/// Crates that do for their user what a pure crate may not do itself.
const WORLDLY: [&str; 22] = [
    "async-std",
    "chrono",
    "fastrand",
    "getrandom",
    "hyper",
    "kube",
    "libc",
    "log",
    "mio",
    "nix",
    "rand",
    "reqwest",
    "rustix",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tracing",
    "tracing-subscriber",
    "ureq",
    "walkdir",
    "which",
];

pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    only_for_tests: bool,
}

pub(crate) fn rank(name: &str) -> Option<Rank> {
    RANKS.iter().find(|(known, _)| *known == name).map(|(_, rank)| *rank)
}

/// The packages in the output of `cargo metadata`.
pub(crate) fn packages(metadata: &serde_json::Value) -> Vec<Package> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let dependency = |value: &serde_json::Value| Dependency { name: text(&value["name"]), only_for_tests: value["kind"] == "dev" };
    let package = |value: &serde_json::Value| Package {
        name: text(&value["name"]),
        folder: PathBuf::from(text(&value["manifest_path"])).parent().map(PathBuf::from).unwrap_or_default(),
        dependencies: list(&value["dependencies"]).iter().map(dependency).collect(),
    };
    list(&metadata["packages"]).iter().map(package).collect()
}

pub(crate) fn violations(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let Some(rank) = rank(&package.name) else {
            found.push(format!("{}: not in the table of the design; say what it may do (tests/arch/edges.rs)", package.name));
            continue;
        };
        let complaints = package.dependencies.iter().filter_map(|dependency| complaint(&package.name, rank, dependency));
        found.extend(complaints.map(|complaint| format!("{}: {complaint}", package.name)));
    }
    found
}

fn complaint(package: &str, from: Rank, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    let to = rank(name);
    if from == Rank::Development || (dependency.only_for_tests && to == Some(Rank::Development)) {
        return None;
    }
    if to == Some(Rank::Development) {
        return Some(format!("uses {name} outside its tests"));
    }
    if ALONE.contains(&package) && to.is_some() {
        return Some(format!("uses {name}, and must know nothing of this project"));
    }
    if name == DAEMON && !MAY_LINK_THE_DAEMON.contains(&package) {
        return Some(format!("uses {name}: only {} may", MAY_LINK_THE_DAEMON.join(" and ")));
    }
    if from == Rank::Pure && matches!(to, Some(Rank::Io | Rank::Kernel)) {
        return Some(format!("is pure and uses {name}, which is not"));
    }
    if from == Rank::Pure && !dependency.only_for_tests && WORLDLY.contains(&name) {
        return Some(format!("is pure and uses {name}: take its results as arguments"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(package: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
        let dependency = serde_json::json!({ "name": dependency, "kind": kind });
        let package = serde_json::json!({ "name": package, "manifest_path": "/x/Cargo.toml", "dependencies": [dependency] });
        violations(&packages(&serde_json::json!({ "packages": [package] })))
    }

    #[test]
    fn forbidden_edges_are_found() {
        for (package, dependency, part) in [
            ("ichor-config", "ichor-agent-kube", "is pure and uses ichor-agent-kube"),
            ("ichor-plan", "tokio", "is pure and uses tokio"),
            ("ichor-sops", "getrandom", "is pure and uses getrandom"),
            ("ichor-talos-client", "ichor-agent", "only ichor and ichor-lab may"),
            ("ichor-bgp", "ichor-datapath-types", "must know nothing"),
            ("ichor", "ichor-tests", "outside its tests"),
            ("ichor-datapath-logic", "ichor-datapath-programs", "is pure and uses"),
            ("ichor-utils", "serde", "not in the table"),
        ] {
            let found = found(package, dependency, None);
            assert!(found.len() == 1 && found[0].contains(part), "{package} -> {dependency}: {found:?}");
        }
        assert_eq!(found("ichor-config", "ichor", Some("build")).len(), 1);
        assert_eq!(found("ichor-config", "ichor-agent", Some("dev")).len(), 1);
    }

    #[test]
    fn allowed_edges_are_not() {
        for (package, dependency, kind) in [
            ("ichor", "ichor-agent", None),
            ("ichor", "tokio", None),
            ("ichor-config", "ichor-yaml", None),
            ("ichor-config", "ichor-tests", Some("dev")),
            ("ichor-config", "tempfile", Some("dev")),
            ("ichor-tests", "ichor-agent", None),
            ("ichor-bgp", "bytes", None),
        ] {
            assert_eq!(found(package, dependency, kind), [""; 0], "{package} -> {dependency}");
        }
    }

    #[test]
    fn the_table_names_each_crate_once() {
        let mut names: Vec<_> = RANKS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RANKS.len());
    }
}
