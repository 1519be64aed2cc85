//! The combinations of versions that were tested together.

/// One line of Talos releases and what it was tested with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TalosLine {
    /// Major and minor number of Talos.
    pub talos: (u64, u64),
    /// Oldest and newest minor number of Kubernetes 1.x, both included.
    pub kubernetes_minor: (u64, u64),
}

/// Everything that one release of ichor was tested with.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    pub talos: &'static [TalosLine],
    pub agent: &'static [&'static str],
    pub gateway_api: &'static [GatewayApi],
    /// Oldest kernel that the datapath is loaded on in a test.
    pub min_kernel: (u64, u64),
    /// Oldest UniFi OS that speaks BGP, for each line of models; the last one stands for all others.
    pub min_unifi: &'static [(&'static str, (u64, u64, u64))],
    /// The major version of BIRD whose language is rendered.
    pub bird_major: u64,
}

/// A release of the Gateway API.
#[derive(Clone, Copy, Debug)]
pub struct GatewayApi {
    pub version: &'static str,
    /// SHA-256 over the standard channel's objects in ichor's own order and spelling, so that it holds for the
    /// release's one file and for its many alike.
    pub sha256: &'static str,
}

impl Lock {
    /// What a line of Talos was tested with.
    pub fn line(&self, major: u64, minor: u64) -> Option<TalosLine> {
        self.talos.iter().copied().find(|line| line.talos == (major, minor))
    }

    /// The oldest UniFi OS that speaks BGP on a model.
    pub fn unifi(&self, model: &str) -> (u64, u64, u64) {
        let model = model.to_ascii_uppercase();
        self.min_unifi.iter().find(|(line, _)| model.starts_with(line)).map_or((0, 0, 0), |(_, version)| *version)
    }
}

/// The lock of this release.
pub const LOCK: Lock = Lock {
    talos: &[
        TalosLine { talos: (1, 12), kubernetes_minor: (30, 35) },
        TalosLine { talos: (1, 13), kubernetes_minor: (31, 36) },
        TalosLine { talos: (1, 14), kubernetes_minor: (32, 37) },
    ],
    agent: &["v0.1.0"],
    gateway_api: &[GatewayApi { version: "v1.6.3", sha256: "a3e53dea8edc02dca8351ab14748a07501ea8dc4987b52a396a651334f339523" }],
    min_kernel: (6, 1),
    min_unifi: &[("UXG-ENTERPRISE", (4, 1, 8)), ("", (4, 1, 13))],
    bird_major: 2,
};
