//! Checks of values against each other; one module for each part of the file.

mod announce;
pub(crate) mod bgp;
mod clear_text;
mod datapath;
mod endpoint;
mod gitops;
mod guarded;
mod interfaces;
mod nodes;
mod observe;
mod omni;
mod patches;
mod pinned;
mod place;
mod pools;
mod prefixes;
mod router;
mod services;
mod session;
mod sizes;
mod speakers;
mod twice;
mod versions;

pub(crate) use clear_text::ends_like_a_secret;

use crate::cluster::Cluster;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::Spec;

/// Fields by their paths, without indices. A section stands for everything in it; whether there is a section at all
/// is asked as if it were a field of it, `bgp.is_on`.
type Fields = &'static [&'static str];

/// A check, and the fields that it draws conclusions from: after a mistake of form in one of them it says nothing.
struct Check {
    fields: &'static [Fields],
    run: fn(&Spec, &mut Diagnostics),
}

const fn check(run: fn(&Spec, &mut Diagnostics), fields: &'static [Fields]) -> Check {
    Check { fields, run }
}

const PARTS: &[&[Check]] = &[
    announce::CHECKS,
    bgp::CHECKS,
    clear_text::CHECKS,
    datapath::CHECKS,
    endpoint::CHECKS,
    gitops::CHECKS,
    guarded::CHECKS,
    interfaces::CHECKS,
    nodes::CHECKS,
    observe::CHECKS,
    omni::CHECKS,
    patches::CHECKS,
    pinned::CHECKS,
    pools::CHECKS,
    prefixes::CHECKS,
    router::CHECKS,
    services::CHECKS,
    session::CHECKS,
    sizes::CHECKS,
    speakers::CHECKS,
    twice::CHECKS,
    versions::CHECKS,
];

/// Checks the values against each other and against the tested versions.
pub fn validate(spec: Spec) -> Result<Cluster, Vec<Diagnostic>> {
    let all = run(&spec, &Diagnostics::default()).into_sorted();
    if all.iter().any(|diagnostic| diagnostic.severity == Severity::Error) { Err(all) } else { Ok(Cluster::new(spec, all)) }
}

/// Every check whose fields are known for sure.
pub(crate) fn run(spec: &Spec, known: &Diagnostics) -> Diagnostics {
    let mut out = Diagnostics::default();
    for check in PARTS.iter().copied().flatten() {
        if check.fields.iter().copied().flatten().all(|field| known.is_sure_of(field)) {
            (check.run)(spec, &mut out);
        }
    }
    out
}
