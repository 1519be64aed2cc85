//! Seeing what happens, and allowing what may.

use super::List;
use crate::field::{Domain, Int, Name, Words, choice, section};

section! {
    /// Flow observation.
    pub struct Flows {
        /// Whether flows are collected and offered by the relay.
        enabled: bool = "true",
        /// Whether the web view is installed.
        ui: bool = "false",
        /// The name under which the internal gateway offers the web view; without it, it is reached by port-forward only.
        ui_hostname: Option<Domain> = "null",
        /// Which metrics are made out of flows.
        metrics: List<FlowMetric> = "[dns, drop, tcp, flow, icmp, http, port-distribution]",
        /// How many flows each node remembers.
        ring_size: Int<1024, 1_048_576> = "4096",
    }
}

choice! {
    /// A metric made out of flows.
    pub enum FlowMetric {
        /// DNS queries and answers.
        Dns = "dns",
        /// Dropped packets, by reason.
        Drop = "drop",
        /// TCP flags.
        Tcp = "tcp",
        /// All flows, by type and verdict.
        Flow = "flow",
        /// ICMP messages.
        Icmp = "icmp",
        /// HTTP requests, by status.
        Http = "http",
        /// Destination ports.
        PortDistribution = "port-distribution",
    }
}

section! {
    /// Scraping and dashboards.
    pub struct Monitoring {
        /// Whether ServiceMonitors and dashboards are rendered; needs the Prometheus operator's CRDs in the cluster.
        enabled: bool = "false",
        /// The folder of the dashboards.
        folder: Words = "Cilium",
        /// The namespace of the monitoring stack.
        namespace: Name = "monitoring",
        /// Seconds between two scrapes.
        interval_s: Int<5, 600> = "30",
    }
}

section! {
    /// Network policies for the cluster's own components.
    pub struct Policies {
        /// Whether they are rendered.
        enabled: bool = "false",
        /// Whether they only report, or also block.
        mode: PolicyMode = "audit",
    }
}

choice! {
    /// Whether policies only report, or also block.
    pub enum PolicyMode {
        /// What would be blocked is delivered, and reported as AUDIT.
        Audit = "audit",
        /// What is not allowed is blocked.
        Enforce = "enforce",
    }
}

section! {
    /// Optional applications; each one also brings its policies.
    pub struct Apps {
        /// RustFS, an S3 store.
        rustfs: bool = "false",
        /// Dragonfly, a cache that speaks Redis' protocol.
        dragonfly: bool = "false",
        /// Keycloak, an OpenID provider.
        keycloak: bool = "false",
        /// LiteLLM, a proxy for language models.
        litellm: bool = "false",
        /// Langfuse, traces of language models.
        langfuse: bool = "false",
    }
}
