//! Versions: only what was tested together.

use super::place::quoted;
use super::{Check, check};
use crate::diagnostic::Diagnostics;
use crate::lock::LOCK;
use crate::model::Spec;

pub(super) const CHECKS: &[Check] = &[
    check(talos_and_kubernetes, &[&["versions.talos", "versions.kubernetes"]]),
    check(agent, &[&["versions.agent"]]),
    check(gateway_api, &[&["versions.gateway_api"]]),
    check(kernel, &[&["versions.kernel"]]),
    check(previews, &[&["versions.talos", "versions.kubernetes"]]),
    check(talos_fights_over_manifests, &[&["versions.talos", "talos.gateway_api_manifests"]]),
];

/// The first Talos that applies `extraManifests` again and again, and prunes them.
const PRUNES_SINCE: (u64, u64, u64) = (1, 13, 0);

fn talos_and_kubernetes(spec: &Spec, out: &mut Diagnostics) {
    let (talos, kubernetes) = (&spec.versions.talos, &spec.versions.kubernetes);
    let (major, minor, _) = talos.numbers();
    let Some(line) = LOCK.line(major, minor) else {
        let tested = quoted(LOCK.talos.iter().map(|line| format!("{}.{}", line.talos.0, line.talos.1)));
        let message = format!("Talos {major}.{minor} was not tested with this release of ichor");
        out.push(talos.mistake(message).help(format!("choose a release of {tested}, such as `v1.13.9`, or another release of ichor")));
        return;
    };
    let (oldest, newest) = line.kubernetes_minor;
    let (kubernetes_major, kubernetes_minor, _) = kubernetes.numbers();
    if kubernetes_major != 1 || !(oldest..=newest).contains(&kubernetes_minor) {
        let message = format!("Kubernetes {kubernetes_major}.{kubernetes_minor} does not go with Talos {major}.{minor}");
        let mistake = kubernetes.mistake(message).help(format!("choose one of 1.{oldest} to 1.{newest}, or another Talos"));
        out.push(mistake.also(talos.span, if talos.written { "Talos" } else { "Talos is v1.13.9 by default" }));
    }
}

fn agent(spec: &Spec, out: &mut Diagnostics) {
    let agent = &spec.versions.agent;
    if !LOCK.agent.contains(&agent.tag().as_str()) {
        let message = format!("agent {} does not go with this release of ichor", agent.tag());
        out.push(agent.mistake(message).help(format!("write {}, or remove the line", quoted(LOCK.agent))));
    }
}

fn gateway_api(spec: &Spec, out: &mut Diagnostics) {
    let version = &spec.versions.gateway_api;
    if !LOCK.gateway_api.iter().any(|release| release.version == version.tag()) {
        let tested = quoted(LOCK.gateway_api.iter().map(|release| release.version));
        let message = format!("Gateway API {} was not tested with this release of ichor", version.tag());
        out.push(version.mistake(message).help(format!("write {tested}, or remove the line")));
    }
}

fn kernel(spec: &Spec, out: &mut Diagnostics) {
    let Some(kernel) = &*spec.versions.kernel else { return };
    let (major, minor, _) = kernel.numbers();
    if (major, minor) < LOCK.min_kernel {
        let (oldest_major, oldest_minor) = LOCK.min_kernel;
        let message = format!("kernel {kernel} does not load the datapath; {oldest_major}.{oldest_minor} is the first that does");
        out.push(
            spec.versions
                .kernel
                .mistake(message)
                .help("update Talos on the node with this kernel; every release of the tested lines ships a newer one"),
        );
    }
}

fn previews(spec: &Spec, out: &mut Diagnostics) {
    for (what, version) in [("Talos", &spec.versions.talos), ("Kubernetes", &spec.versions.kubernetes)] {
        if let Some(suffix) = version.suffix() {
            let (major, minor, patch) = version.numbers();
            let message = format!("{what} v{major}.{minor}.{patch}-{suffix} is a preview");
            out.push(version.mistake(message).warning().help("wait for the release, unless this cluster is there to try it"));
        }
    }
}

fn talos_fights_over_manifests(spec: &Spec, out: &mut Diagnostics) {
    let setting = &spec.talos.gateway_api_manifests;
    if **setting && spec.versions.talos.numbers() >= PRUNES_SINCE {
        let message = "Talos 1.13 and later applies its manifests again and again, and would fight the GitOps engine over the Gateway API";
        let mistake = setting.mistake(message).help("remove the line: `ichor bootstrap` installs the Gateway API before the agent");
        out.push(mistake.also(spec.versions.talos.span, "the version"));
    }
}
