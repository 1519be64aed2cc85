//! Clusters that differ in everything that changes what is rendered.

use std::collections::BTreeMap;

use ichor_config::Cluster;
use ichor_templates::{GatewayApiBundle, Inputs, SecretText, Secrets, Tree, render, wanted};

/// Which of a cluster's switches are on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) layout: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) stack: Stack,
    pub(crate) bgp: bool,
    pub(crate) observed: bool,
    pub(crate) policies: Option<&'static str>,
    pub(crate) apps: bool,
    /// Gateways with their companions and certificates.
    pub(crate) edge: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    V4,
    V6,
    Dual,
}

pub(crate) const LAYOUTS: [&str; 4] = ["apps", "infra", "components", "manifests"];
pub(crate) const ENGINES: [&str; 3] = ["flux", "argocd", "none"];
pub(crate) const STACKS: [Stack; 3] = [Stack::V4, Stack::V6, Stack::Dual];
pub(crate) const POLICIES: [Option<&str>; 3] = [None, Some("audit"), Some("enforce")];

/// What every secret's value begins with.
pub(crate) const MARK: &str = "S3CRETMARK";

impl Sample {
    /// Everything that can be on at once.
    pub(crate) const FULL: Self = Self {
        layout: "apps",
        engine: "flux",
        stack: Stack::Dual,
        bgp: true,
        observed: true,
        policies: Some("enforce"),
        apps: true,
        edge: true,
    };

    /// Every combination of switches with one layout.
    pub(crate) fn all(layout: &'static str) -> Vec<Self> {
        let both = [false, true];
        let mut samples = Vec::new();
        for (engine, stack) in ENGINES.into_iter().flat_map(|engine| STACKS.map(|stack| (engine, stack))) {
            for (policies, bgp) in POLICIES.into_iter().flat_map(|policies| both.map(|bgp| (policies, bgp))) {
                for (observed, apps) in both.into_iter().flat_map(|observed| both.map(|apps| (observed, apps))) {
                    // On in half of them, and with each of the others both on and off.
                    samples.push(Self { layout, engine, stack, bgp, observed, policies, apps, edge: bgp ^ observed ^ apps });
                }
            }
        }
        samples
    }

    pub(crate) fn text(self) -> String {
        let mut text = self.base();
        if self.bgp {
            text.push_str(&self.routers());
        }
        text.push_str(&if self.edge { self.companions() } else { "gateways: { enabled: false }\n".to_owned() });
        let on = self.observed;
        let name = if on && self.edge { ", ui_hostname: hubble.home.example.org" } else { "" };
        text.push_str(&format!("flows: {{ enabled: {on}, ui: {on}{name} }}\nmonitoring: {{ enabled: {on} }}\n"));
        if let Some(mode) = self.policies {
            text.push_str(&format!("policies: {{ enabled: true, mode: {mode} }}\n"));
        }
        if self.apps {
            text.push_str("apps: { rustfs: true, dragonfly: true, keycloak: true, litellm: true, langfuse: true }\n");
        }
        if self.engine == "none" {
            text.push_str(&format!("gitops: {{ layout: {} }}\n", self.layout));
        } else {
            text.push_str(&format!(
                "gitops: {{ engine: {}, layout: {}, repository: \"ssh://git@git.example.org/home\", private: true, path: clusters/home }}\n",
                self.engine, self.layout
            ));
        }
        text
    }

    fn base(self) -> String {
        let node = |name: &str, role: &str, last: u8| {
            format!(
                "  - name: {name}\n    role: {role}\n    addresses: [{}]\n    interface: {{ mac: \"52:54:00:00:42:{last}\" }}\n",
                self.pick(&format!("192.168.42.{last}"), &format!("\"fd00:42::{last}\""))
            )
        };
        format!(
            "apiVersion: ichor.dev/v1\nname: home\ntalos:\n  install_disk: /dev/sda\n  omni: {{}}\nnetwork:\n  node_cidrs: [{}]\n  \
             pod_cidrs: [{}]\n  service_cidrs: [{}]\nnodes:\n{}{}pools:\n  - name: main\n    cidrs: [{}]\n{}secrets:\n  \
             recipients: [age1gpxevf7wxtejdy25t38uu3m27kjrnyx2tghm670hmek0hy4kppusnq8zjn]\n",
            self.pick("192.168.42.0/24", "\"fd00:42::/64\""),
            self.pick("10.42.0.0/16", "\"fd00:10:42::/56\""),
            self.pick("10.43.0.0/16", "\"fd00:10:43::/112\""),
            node("node-1", "controlplane", 11).replace("    interface", "    uuid: 5ba4d1c8-26b5-4b41-a6fe-2d84b3c1b8aa\n    interface"),
            node("node-2", "worker", 12).replace("    interface", "    uuid: 5ba4d1c8-26b5-4b41-a6fe-2d84b3c1b8ab\n    interface"),
            // Beside BGP a pool may be anywhere; by L2 alone it is in the network of the nodes.
            if self.bgp {
                self.pick("192.168.50.0/24", "\"fd00:50::/112\"")
            } else {
                self.pick("192.168.42.128/26", "\"fd00:42::5000/116\"")
            },
            if self.bgp { "" } else { "l2: { interfaces: [\"^enp.*\"] }\n" },
        )
    }

    fn routers(self) -> String {
        format!(
            "bgp:\n  node_asn: 64514\n  floating_next_hop: {{ addresses: [{}] }}\n  routers:\n    - name: gateway\n      addresses: [{}]\n      \
             asn: 64513\n      router_id: 192.168.42.1\n      md5: true\n      graceful_restart: true\n    - name: core\n      kind: frr\n      router_id: 192.168.42.2\n      addresses: [{}]\n      \
             asn: 64512\n      bfd: {{}}\n      communities: [\"64512:7\", no-export, \"64512:1:2\"]\n",
            self.pick("192.168.42.99", "\"fd00:42::99\""),
            self.pick("192.168.42.1", "\"fd00:42::1\""),
            self.pick("192.168.42.2", "\"fd00:42::2\""),
        )
    }

    fn companions(self) -> String {
        let address = |last: u8| {
            if self.bgp {
                self.pick(&format!("192.168.50.{last}"), &format!("\"fd00:50::{last}\""))
            } else {
                self.pick(&format!("192.168.42.1{last}"), &format!("\"fd00:42::50{last}\""))
            }
        };
        format!(
            "gateways:\n  internal: {{ addresses: [{}] }}\n  external: {{ addresses: [{}] }}\n  extra: [{{ name: partners, addresses: [{}], \
             hostnames: [\"*.home.example.org\"] }}]\ndns:\n  domain: home.example.org\n  external_dns: true\n  split: {{ addresses: [{}] }}\n  \
             tunnel: {{ id: 0f0e0d0c-1234-4abc-8def-001122334455 }}\ncertificates:\n  enabled: true\n  email: admin@example.org\n  \
             export: {{ image: \"registry.example.org/nas-export:1.0\", args: [nas.example.org] }}\n",
            address(31),
            address(32),
            address(33),
            address(34),
        )
    }

    fn pick(self, v4: &str, v6: &str) -> String {
        match self.stack {
            Stack::V4 => v4.to_owned(),
            Stack::V6 => v6.to_owned(),
            Stack::Dual => format!("{v4}, {v6}"),
        }
    }
}

pub(crate) fn cluster(text: &str) -> Cluster {
    ichor_config::read(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

/// The tree of a cluster with all its secrets at hand, each of them marked.
pub(crate) fn tree(text: &str) -> Tree {
    let cluster = cluster(text);
    let secret = |(index, name): (usize, String)| (name, SecretText::new(format!("{MARK}-{index}")));
    let secrets = wanted(&cluster).into_iter().map(|wanted| wanted.name).enumerate().map(secret);
    let bundle = gateway_api();
    let inputs = Inputs { secrets: Secrets::new(secrets.collect()), overrides: BTreeMap::new(), gateway_api: Some(&bundle) };
    render(&cluster, &inputs).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A release in little.
fn gateway_api() -> GatewayApiBundle {
    let file = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: gateways.gateway.networking.k8s.io\nspec:\n  group: gateway.networking.k8s.io\n";
    GatewayApiBundle::canonicalise([file]).unwrap()
}
