//! Held against the genuine talosctl, in both directions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod sample;
mod talos;

use ichor_talos_config::input::{Cluster, Machine};
use ichor_talos_config::{Entropy, Form, MachineConfig, Patch, SecretsBundle, compose, omni_template, patches};
use ichor_tests::{Run, Scratch};
use talos::{certificates, differences, normalised};

const NOW: u64 = 1_790_000_000;
const V1ALPHA1: [&str; 2] = ["v1.12.4", "v1.13.9"];
const DOCUMENTS: &str = "v1.14.1";
const ALL: [&str; 3] = [V1ALPHA1[0], V1ALPHA1[1], DOCUMENTS];
const SECRETS: &str = "secrets.yaml";

fn talosctl<const N: usize>(scratch: &Scratch, arguments: [&str; N]) -> Run {
    Run::tool("talosctl").folder(scratch.path()).env("HOME", scratch.path()).args(arguments)
}

/// What Talos 1.14's own library makes, as its talosctl would.
fn talos114<const N: usize>(scratch: &Scratch, arguments: [&str; N]) -> Run {
    Run::tool("talos114").folder(scratch.path()).args(arguments)
}

/// A bundle of ours, also as the file `secrets.yaml`.
fn our_bundle(scratch: &Scratch) -> SecretsBundle {
    let bundle = SecretsBundle::generate(&Entropy::new([7; 32]), NOW).unwrap();
    scratch.write(SECRETS, bundle.to_yaml().reveal());
    bundle
}

/// A bundle of talosctl's, in the same file.
fn genuine_bundle(scratch: &Scratch) -> (SecretsBundle, String) {
    talosctl(scratch, ["gen", "secrets", "--force", "--output-file", SECRETS]).succeed();
    let text = std::fs::read_to_string(scratch.path().join(SECRETS)).unwrap();
    (SecretsBundle::parse(&text).unwrap(), text)
}

fn composed(cluster: &Cluster, machine: &Machine, bundle: &SecretsBundle) -> MachineConfig {
    compose(cluster, &patches(cluster), machine, bundle).unwrap_or_else(|error| panic!("{error}"))
}

fn validate(scratch: &Scratch, configuration: &str) {
    scratch.write("machine.yaml", configuration);
    talosctl(scratch, ["validate", "--mode", "metal", "--strict", "--config", "machine.yaml"]).succeed();
}

/// What `talosctl gen config` makes of `secrets.yaml` for the machine's role.
fn genuine_base(scratch: &Scratch, cluster: &Cluster, machine: &Machine) -> String {
    let (talos, kubernetes) = (cluster.talos.to_string(), cluster.kubernetes.to_string());
    if cluster.talos.form() == Form::Documents {
        let (role, image) = (machine.role.as_str(), format!("ghcr.io/siderolabs/installer:{talos}"));
        let arguments = ["generate", &cluster.name, &cluster.endpoint, role, SECRETS, &talos, kubernetes.trim_start_matches('v'), &image];
        return talos114(scratch, arguments).succeed().text().to_owned();
    }
    let versions = ["--talos-version", &talos, "--kubernetes-version", &kubernetes, "--install-image"];
    let image = format!("ghcr.io/siderolabs/installer:{talos}");
    let plain = ["--with-docs=false", "--with-examples=false", "--install-disk=", "--output", "-", "--output-types"];
    talosctl(scratch, ["gen", "config", &cluster.name, &cluster.endpoint, "--with-secrets", SECRETS])
        .args(versions)
        .args([image])
        .args(plain)
        .args([machine.role.as_str()])
        .succeed()
        .text()
        .to_owned()
}

/// What `talosctl machineconfig patch` makes of a base.
fn genuine_patched<'p>(scratch: &Scratch, cluster: &Cluster, base: &str, patches: impl IntoIterator<Item = &'p Patch>) -> String {
    patching(scratch, cluster, base, patches).succeed().text().to_owned()
}

fn patching<'p>(scratch: &Scratch, cluster: &Cluster, base: &str, patches: impl IntoIterator<Item = &'p Patch>) -> Run {
    scratch.write("base.yaml", base);
    let newer = cluster.talos.form() == Form::Documents;
    let run = if newer { talos114(scratch, ["patch", "base.yaml"]) } else { talosctl(scratch, ["machineconfig", "patch", "base.yaml"]) };
    patches.into_iter().enumerate().fold(run, |run, (number, patch)| {
        let name = format!("patch-{number}.yaml");
        scratch.write(&name, patch.to_yaml());
        if newer { run.args([name]) } else { run.args(["--patch", &format!("@{name}")]) }
    })
}

#[test]
fn a_genuine_bundle_is_written_back_as_it_was() {
    let scratch = Scratch::new();
    let (bundle, text) = genuine_bundle(&scratch);
    let ours = bundle.to_yaml();
    assert_eq!(ichor_yaml::parse_one(ours.reveal()).unwrap(), ichor_yaml::parse_one(&text).unwrap());
}

#[test]
fn our_authorities_are_made_like_the_genuine_ones() {
    let scratch = Scratch::new();
    let (_, genuine) = genuine_bundle(&scratch);
    let ours = our_bundle(&scratch).to_yaml();
    assert_eq!(certificates(ours.reveal()), certificates(&genuine));
}

#[test]
fn talosctl_generates_from_our_bundle() {
    let scratch = Scratch::new();
    our_bundle(&scratch);
    for talos in V1ALPHA1 {
        let cluster = sample::full(talos);
        for machine in &cluster.nodes {
            let install = Patch { documents: sample::patch("machine: {install: {disk: /dev/sda}}"), ..patches(&cluster)[0].clone() };
            let base = genuine_base(&scratch, &cluster, machine);
            validate(&scratch, &genuine_patched(&scratch, &cluster, &base, [&install]));
        }
    }
}

#[test]
fn composed_configurations_are_valid() {
    let scratch = Scratch::new();
    for bundle in [our_bundle(&scratch), genuine_bundle(&scratch).0] {
        for cluster in V1ALPHA1.map(sample::full).iter().chain(&V1ALPHA1.map(sample::small)) {
            for machine in &cluster.nodes {
                validate(&scratch, composed(cluster, machine, &bundle).to_yaml().reveal());
            }
        }
    }
}

#[test]
fn a_composed_configuration_with_a_mistake_is_not_valid() {
    let scratch = Scratch::new();
    let bundle = our_bundle(&scratch);
    let mut cluster = sample::small("v1.13.9");
    cluster.nodes[0].name = "n".repeat(64);
    let configuration = composed(&cluster, &cluster.nodes[0], &bundle);
    scratch.write("machine.yaml", configuration.to_yaml().reveal());
    talosctl(&scratch, ["validate", "--mode", "metal", "--strict", "--config", "machine.yaml"]).fail();
}

#[test]
fn composition_equals_what_talosctl_makes_of_the_same_secrets_and_patches() {
    let scratch = Scratch::new();
    for bundle in [our_bundle(&scratch), genuine_bundle(&scratch).0] {
        scratch.write(SECRETS, bundle.to_yaml().reveal());
        for cluster in ALL.map(sample::full).iter().chain(&ALL.map(sample::small)) {
            let all = patches(cluster);
            for machine in &cluster.nodes {
                let base = genuine_base(&scratch, cluster, machine);
                let genuine = genuine_patched(&scratch, cluster, &base, all.iter().filter(|patch| patch.applies_to(machine)));
                let ours = composed(cluster, machine, &bundle);
                let found = differences(&normalised(ours.to_yaml().reveal()), &normalised(&genuine));
                assert!(found.is_empty(), "{} of Talos {}: {found:#?}", machine.name, cluster.talos);
            }
        }
    }
}

/// Patches of a user's that meet every rule by which Talos merges.
const USER_PATCHES: &[&str] = &[
    "cluster: {network: {podSubnets: [10.99.0.0/16], serviceSubnets: [10.98.0.0/16]}}",
    "cluster: {apiServer: {certSANs: [one.example, two.example], extraArgs: {feature-gates: A=true, v: [\"1\", \"2\"]}}}",
    "cluster: {apiServer: {extraArgs: {v: [\"3\"]}}}",
    "cluster: {apiServer: {auditPolicy: {apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None}]}}}",
    "cluster: {apiServer: {admissionControl: [{name: PodSecurity, configuration: {defaults: {enforce: privileged}}}, {name: Other, configuration: {a: 1}}]}}",
    "cluster: {apiServer: {admissionControl: [{name: PodSecurity, $patch: delete}]}}",
    "cluster: {discovery: {$patch: delete}}",
    "cluster: {apiServer: {auditPolicy: {$patch: delete}}}",
    "machine: {nodeLabels: {topology.kubernetes.io/zone: rack-2, extra: \"\"}}",
    "machine: {nodeLabels: {extra: {$patch: delete}}}",
    "machine: {kubelet: {extraArgs: {rotate-server-certificates: \"true\"}, extraConfig: {maxPods: 200, list: [1, 2]}}}",
    "machine: {kubelet: {extraConfig: {maxPods: 100, list: [3]}}}",
    "machine: {kubelet: {disableManifestsDirectory: false}}",
    "machine: {install: {wipe: false, image: \"\", legacyBIOSSupport: true}}",
    "machine: {network: {interfaces: [{interface: eth7, mtu: 1400, vlans: [{vlanId: 5, mtu: 1300}]}, {deviceSelector: {driver: virtio}, dhcp: true}]}}",
    "machine: {network: {interfaces: [{interface: eth7, addresses: [10.7.0.1/24], vlans: [{vlanId: 5, addresses: [10.5.0.1/24]}, {vlanId: 6}]}, {deviceSelector: {driver: virtio}, mtu: 1450}]}}",
    "machine: {network: {interfaces: [{interface: eth7, $patch: delete}]}}",
    "machine: {files: [{path: /var/etc/a, permissions: 0o644, op: create, content: one}]}\ncluster: {inlineManifests: [{name: a, contents: \"a: 1\"}]}",
    "apiVersion: v1alpha1\nkind: ResolverConfig\nnameservers: [{address: 9.9.9.9}]\n---\napiVersion: v1alpha1\nkind: ResolverConfig\nsearchDomains: {$patch: delete}",
    "apiVersion: v1alpha1\nkind: RegistryMirrorConfig\nname: docker.io\nskipFallback: false\nendpoints: [{url: \"https://other.example\"}]",
    "apiVersion: v1alpha1\nkind: RegistryMirrorConfig\nname: ghcr.io\nendpoints: [{url: \"https://other.example\"}]",
    "apiVersion: v1alpha1\nkind: TimeSyncConfig\n$patch: delete",
    "apiVersion: v1alpha1\nkind: WatchdogTimerConfig\n$patch: delete",
    "apiVersion: v1alpha1\nkind: LinkConfig\nname: net0\nmtu: 1500\naddresses: [{address: 10.1.1.1/32}]",
    "apiVersion: v1alpha1\nkind: NetworkRuleConfig\nname: web\nportSelector: {ports: [80], protocol: tcp}\ningress: [{subnet: 10.0.0.0/8}]",
    "apiVersion: v1alpha1\nkind: NetworkRuleConfig\nname: web\nportSelector: {ports: [443, 8443]}\ningress: [{subnet: 192.168.0.0/16}]",
    "apiVersion: v1alpha1\nkind: ExtensionServiceConfig\nname: nut\nconfigFiles: [{content: one, mountPath: /a}, {content: two, mountPath: /b}]\nenvironment: [A=1]",
    "apiVersion: v1alpha1\nkind: ExtensionServiceConfig\nname: nut\nconfigFiles: [{content: three, mountPath: /b}]\nenvironment: [B=2]",
];

#[test]
fn user_patches_merge_as_talosctl_merges_them() {
    let scratch = Scratch::new();
    let bundle = our_bundle(&scratch);
    let mut cluster = sample::full("v1.13.9");
    let base = genuine_base(&scratch, &cluster, &cluster.nodes[0]);
    // Each patch meets what all patches before it left.
    for text in USER_PATCHES {
        cluster.patches.control_plane.extend(split(text));
        let all = patches(&cluster);
        let machine = &cluster.nodes[0];
        let genuine = genuine_patched(&scratch, &cluster, &base, all.iter().filter(|patch| patch.applies_to(machine)));
        let ours = composed(&cluster, machine, &bundle);
        let found = differences(&normalised(ours.to_yaml().reveal()), &normalised(&genuine));
        assert!(found.is_empty(), "after `{text}`: {found:#?}");
    }
}

#[test]
fn the_comparison_sees_what_differs() {
    let one = "machine: {type: worker, certSANs: []}\n---\napiVersion: v1alpha1\nkind: LinkConfig\nname: a\nup: true\n";
    let other = "machine: {type: controlplane, ca: {key: \"\"}}\n---\napiVersion: v1alpha1\nkind: LinkConfig\nname: b\nup: true\n";
    let found = differences(&normalised(one), &normalised(other));
    assert_eq!(found, ["LinkConfig/a: only here", "LinkConfig/b: only in talosctl's", "v1alpha1.machine.type: differs"]);
}

#[test]
fn talosctl_takes_the_patches_of_the_omni_template() {
    for talos in ALL {
        takes_the_omni_template_of(&sample::full(talos));
    }
}

fn takes_the_omni_template_of(cluster: &Cluster) {
    let scratch = Scratch::new();
    our_bundle(&scratch);
    let base = genuine_base(&scratch, cluster, &cluster.nodes[0]);
    let mut inline = Vec::new();
    for document in ichor_yaml::parse(&omni_template(cluster).unwrap()).unwrap() {
        let entries = document.root.get("patches").and_then(|node| node.as_seq()).unwrap_or_default();
        inline.extend(entries.iter().map(|entry| entry.get("inline").unwrap().clone()));
    }
    assert!(inline.len() > 10, "only {} patches", inline.len());
    let like = patches(cluster)[0].clone();
    let list: Vec<_> = inline.into_iter().map(|document| Patch { documents: vec![document], ..like.clone() }).collect();
    // Of the documents that machines have of one kind and name each, the last wins: enough to see that every one is understood.
    genuine_patched(&scratch, cluster, &base, &list);
}

/// Talos takes a document only once in a patch.
fn split(text: &str) -> Vec<Vec<ichor_yaml::Node>> {
    sample::patch(text).into_iter().map(|document| vec![document]).collect()
}

#[test]
fn patches_that_talosctl_refuses_are_refused_here() {
    let scratch = Scratch::new();
    let bundle = our_bundle(&scratch);
    for text in [
        "machine: {nodeLabels: {absent: {$patch: delete}}}",
        "machine: {kubelet: [a]}",
        "machine: {kubelet: true}",
        "cluster: {apiServer: {admissionControl: [{name: Absent, $patch: delete}]}}",
        "cluster: {apiServer: {admissionControl: [{$patch: delete}]}}",
        "cluster: {apiServer: {admissionControl: {a: 1}}}",
    ] {
        let mut cluster = sample::full("v1.13.9");
        cluster.patches.control_plane = split(text);
        let machine = cluster.nodes[0].clone();
        let all = patches(&cluster);
        assert!(compose(&cluster, &all, &machine, &bundle).is_err(), "`{text}` is taken here");
        let base = genuine_base(&scratch, &cluster, &machine);
        patching(&scratch, &cluster, &base, all.iter().filter(|patch| patch.applies_to(&machine))).fail();
    }
}

#[test]
fn documents_of_1_14_are_valid() {
    let scratch = Scratch::new();
    let bundle = our_bundle(&scratch);
    for cluster in [sample::full("v1.14.0"), sample::small("v1.14.0")] {
        for machine in &cluster.nodes {
            let file = scratch.write("machine.yaml", composed(&cluster, machine, &bundle).to_yaml().reveal());
            Run::tool("talos114").args(["validate"]).args([file]).succeed();
        }
    }
}

#[test]
fn a_document_of_1_14_with_an_unknown_key_is_not_valid() {
    let scratch = Scratch::new();
    let cluster = sample::small("v1.14.0");
    let text = composed(&cluster, &cluster.nodes[0], &our_bundle(&scratch))
        .to_yaml()
        .reveal()
        .replace("kind: KubeNetworkConfig", "kind: KubeNetworkConfig\npodSubnet: 10.9.0.0/16");
    let file = scratch.write("machine.yaml", text);
    let refusal = Run::tool("talos114").args(["validate"]).args([file]).fail();
    assert!(refusal.words().contains("podSubnet"), "{}", refusal.described());
}
