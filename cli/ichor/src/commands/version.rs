//! `ichor version`.

use ichor_config::LOCK;
use serde_json::{Value as Json, json};

use crate::{Answer, Printer};

pub(super) struct Versions;

impl Versions {
    fn talos() -> Vec<(String, String)> {
        let line = |line: &ichor_config::TalosLine| {
            let ((major, minor), (oldest, newest)) = (line.talos, line.kubernetes_minor);
            (format!("{major}.{minor}"), format!("1.{oldest} to 1.{newest}"))
        };
        LOCK.talos.iter().map(line).collect()
    }
}

impl Answer for Versions {
    fn json(&self) -> Json {
        let talos: Vec<_> =
            Self::talos().into_iter().map(|(talos, kubernetes)| json!({ "talos": talos, "kubernetes": kubernetes })).collect();
        let gateway_api: Vec<_> = LOCK.gateway_api.iter().map(|release| release.version).collect();
        let (major, minor) = LOCK.min_kernel;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "tested_with": {
                "talos": talos,
                "agent": LOCK.agent,
                "gateway_api": gateway_api,
                "min_kernel": format!("{major}.{minor}"),
            },
        })
    }

    fn text(&self, printer: &Printer) {
        let mut page = format!("ichor {}\n\nTested with\n", env!("CARGO_PKG_VERSION"));
        for (talos, kubernetes) in Self::talos() {
            page.push_str(&format!("  Talos {talos} with Kubernetes {kubernetes}\n"));
        }
        for release in LOCK.gateway_api {
            page.push_str(&format!("  Gateway API {}\n", release.version));
        }
        for agent in LOCK.agent {
            page.push_str(&format!("  ichor agent {agent}\n"));
        }
        let (major, minor) = LOCK.min_kernel;
        page.push_str(&format!("  Linux {major}.{minor} or newer on the nodes\n"));
        printer.data(&page);
    }
}
