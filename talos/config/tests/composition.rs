//! What composing, checking and exporting say when something is wrong, and what they never say.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod sample;

use ichor_talos_config::input::Cluster;
use ichor_talos_config::{Entropy, OmniError, SecretsBundle, bgp_speaker, check_patch, compose, omni_template, patches};

fn bundle() -> SecretsBundle {
    SecretsBundle::generate(&Entropy::new([8; 32]), 1_790_000_000).unwrap()
}

fn with_patch(mut cluster: Cluster, text: &str) -> Cluster {
    cluster.nodes[0].patches = vec![sample::patch(text)];
    cluster
}

#[test]
fn no_patch_holds_a_secret() {
    let bundle = bundle();
    let yaml = bundle.to_yaml();
    let secrets: Vec<_> = yaml.reveal().lines().filter_map(|line| line.split_once(": ")).map(|(_, value)| value).collect();
    assert!(secrets.len() > 10);
    for talos in ["v1.13.9", "v1.14.0"] {
        for patch in patches(&sample::full(talos)) {
            let text = patch.to_yaml();
            assert!(secrets.iter().all(|secret| !text.contains(secret)), "{} holds a secret", patch.file_name());
        }
    }
}

#[test]
fn debugging_a_configuration_shows_none_of_it() {
    let cluster = sample::small("v1.14.0");
    let configuration = compose(&cluster, &patches(&cluster), &cluster.nodes[0], &bundle()).unwrap();
    let shown = format!("{configuration:?} {:?}", configuration.to_yaml());
    assert!(shown.contains("***") && !shown.contains("PRIVATE") && !shown.contains("token"), "{shown}");
}

#[test]
fn a_worker_gets_no_key_of_an_authority() {
    for talos in ["v1.12.4", "v1.13.9", "v1.14.0"] {
        let cluster = sample::full(talos);
        let worker = &cluster.nodes[2];
        let text = compose(&cluster, &patches(&cluster), worker, &bundle()).unwrap().to_yaml();
        let text = text.reveal();
        assert!(!text.contains("key: LS0t") && !text.contains("PRIVATE KEY"), "the worker of Talos {talos} holds a key");
        assert!(text.contains("crt: LS0t"), "the worker of Talos {talos} trusts nobody");
    }
}

#[test]
fn a_patch_that_does_not_fit_is_told_with_machine_file_and_path() {
    let cases = [
        ("machine: {sysctls: [a]}", "v1alpha1: `machine.sysctls` has another type than in the configuration it patches"),
        ("machine: {sysctls: {a: {$patch: delete}}}", "v1alpha1: `machine.sysctls.a` is to be deleted, but is not there"),
        ("{$patch: delete}", "v1alpha1: cannot be deleted as a whole: every machine needs it"),
        ("apiVersion: v1alpha1\nkind: LinkConfig\nname: eth0\nmtu: {a: 1}", ""),
        (
            "apiVersion: v1alpha1\nkind: LinkConfig\nname: eth0\nup: {a: 1}",
            "LinkConfig: `up` has another type than in the configuration it patches",
        ),
    ];
    for (text, message) in cases {
        let mut cluster = with_patch(sample::small("v1.13.9"), text);
        cluster.kernel.sysctls.insert("kernel.panic".into(), "10".into());
        let result = compose(&cluster, &patches(&cluster), &cluster.nodes[0], &bundle());
        if message.is_empty() {
            assert!(result.is_ok(), "{text}");
        } else {
            let wanted = format!("the patch extra/nodes/one-1.yaml does not fit the configuration of one: {message}");
            assert_eq!(result.unwrap_err().to_string(), wanted);
        }
    }
}

#[test]
fn a_users_patch_is_judged_by_the_version() {
    let cases = [
        ("v1.13.9", "machine: {kubelet: {extraArgs: {a: b}}}", ""),
        (
            "v1.14.0",
            "\nmachine: {kubelet: {extraArgs: {a: b}}}",
            "2:20 `machine.kubelet` conflicts with the document KubeletConfig or KubeNodeConfig",
        ),
        ("v1.14.0", "machine: {sysctls: {a: b}}", ""),
        ("v1.12.4", "machine: {network: {hostname: a}}", "1:31 `machine.network.hostname` conflicts with the document HostnameConfig"),
        (
            "v1.12.4",
            "apiVersion: v1alpha1\nkind: VRFConfig\nname: a",
            "2:7 Talos v1.12.4 does not know the document VRFConfig: it came with 1.13",
        ),
        ("v1.13.9", "apiVersion: v1alpha1\nkind: VRFConfig\nname: a", ""),
        ("v1.13.9", "apiVersion: v1alpha1\nkind: SysctlConfig\nparams: {}", "2:7 Talos v1.13.9 does not know the document SysctlConfig"),
        ("v1.14.0", "apiVersion: v1alpha1\nkind: SysctlConfig\nparams: {}", ""),
        ("v1.13.9", "kind: LinkConfig\nname: a", "1:7 this document has a kind, but no apiVersion"),
        ("v1.13.9", "apiVersion: v1alpha1\nname: a", "1:13 this document has an apiVersion, but no kind"),
        ("v1.13.9", "- op: add\n  path: /machine", "1:1 a JSON patch"),
        ("v1.13.9", "hello", "1:1 a patch must be a mapping"),
        ("v1.13.9", "", ""),
    ];
    for (talos, text, wanted) in cases {
        let problems = check_patch(&sample::patch(text), &talos.parse().unwrap());
        let said: Vec<_> = problems.iter().map(|p| format!("{}:{} {}", p.span.start.line, p.span.start.column, p.message)).collect();
        match said.as_slice() {
            [] => assert_eq!(wanted, "", "{text}: nothing was said"),
            [one] => assert!(!wanted.is_empty() && one.starts_with(wanted), "{text}: {one}"),
            more => panic!("{text}: {more:?}"),
        }
        assert!(problems.iter().all(|problem| !problem.help.is_empty()));
    }
}

#[test]
fn a_speaker_of_the_nodes_own_is_found() {
    let bgp = "apiVersion: v1alpha1\nkind: BGPInstanceConfig\nname: fabric\nlocalASN: 65001\n";
    let service = |name: &str| format!("apiVersion: v1alpha1\nkind: ExtensionServiceConfig\nname: {name}\n");
    let line = |text: &str| bgp_speaker(&sample::patch(text)).map(|span| span.start.line);
    assert_eq!(line(bgp), Some(1));
    assert_eq!(line(&format!("machine: {{}}\n---\n{bgp}")), Some(3));
    assert_eq!(line(&format!("{bgp}$patch: delete\n")), None);
    assert_eq!(line(&service("frr")), Some(1));
    assert_eq!(line(&service("bird2")), Some(1));
    assert_eq!(line(&service("nut-client")), None);
    assert_eq!(line("machine: {sysctls: {a: b}}"), None);
}

#[test]
fn omni_needs_uuids_and_a_control_plane() {
    let mut cluster = sample::full("v1.13.9");
    cluster.nodes[2].uuid = None;
    assert_eq!(omni_template(&cluster), Err(OmniError::NoUuid { machine: "mini".into() }));
    cluster.nodes = cluster.nodes.split_off(2);
    cluster.nodes[0].uuid = Some("430d882a-51a8-48b3-ab00-d4b5b0b5b0b0".into());
    assert_eq!(omni_template(&cluster), Err(OmniError::NoControlPlane));
}

#[test]
fn omni_keeps_what_is_its_own() {
    let own = "machine: {token: a, ca: {crt: b}, install: {wipe: true}}\ncluster: {controlPlane: {endpoint: c}, id: d}\n";
    let cluster = with_patch(sample::full("v1.13.9"), own);
    let text = omni_template(&cluster).unwrap();
    assert!(!text.contains("extra-1"), "a patch of nothing but Omni's own fields is there");
    for key in ["token:", "ca:", "endpoint:", "image:", "wipe:"] {
        assert!(!text.contains(&format!(" {key}")), "`{key}` is there");
    }
    let documents = omni_template(&sample::full("v1.14.0")).unwrap();
    assert!(!documents.contains("UnattendedInstallConfig") && documents.contains("disablePublicDiscoveryService: true"));
}
