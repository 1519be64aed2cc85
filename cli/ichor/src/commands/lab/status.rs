//! `ichor lab status`.

use std::fmt::Write as _;
use std::net::IpAddr;

use ichor_lab::{NodeStatus, PodStatus, Report, ServiceStatus, Status};
use serde_json::{Value as Json, json};

use super::{failure, open, report};
use crate::cli::LabStatus;
use crate::failure::Failure;
use crate::printer::{BAD, GOOD};
use crate::{Answer, Exit, Printer, Shell};

pub(super) struct Shown {
    status: Status,
    report: Option<Report>,
}

pub(super) fn run(args: &LabStatus, shell: &Shell) -> Result<Shown, Failure> {
    let lab = open(&args.lab)?;
    let report = if args.check {
        shell.printer.note("Walking every path, with a connection each");
        Some(lab.check(false).map_err(failure)?)
    } else {
        None
    };
    Ok(Shown { status: lab.status(), report })
}

impl Answer for Shown {
    fn json(&self) -> Json {
        let Status { name, cluster, nodes, pods, services } = &self.status;
        json!({
            "lab": name,
            "cluster": cluster,
            "nodes": nodes.iter().map(node).collect::<Vec<_>>(),
            "pods": pods.iter().map(pod).collect::<Vec<_>>(),
            "services": services.iter().map(service).collect::<Vec<_>>(),
            "troubles": self.status.troubles(),
            "checks": self.report.as_ref().map(report::json),
        })
    }

    fn text(&self, printer: &Printer) {
        let status = &self.status;
        let mut page = format!("lab {}, cluster {}\n\n", status.name, status.cluster);
        for node in &status.nodes {
            let state = match (node.power, node.plugged, node.agent) {
                (false, ..) => printer.styled(BAD, "off"),
                (true, false, None) => printer.styled(BAD, "unplugged, no agent"),
                (true, false, Some(_)) => printer.styled(BAD, "unplugged"),
                (true, true, None) => printer.styled(BAD, "no agent"),
                (true, true, Some(pid)) => format!("{}, agent {pid}", printer.styled(GOOD, "up")),
            };
            let _ = writeln!(page, "node/{:<20} {:<40} {state}", node.name, join(&node.addresses));
        }
        page.push('\n');
        for pod in &status.pods {
            let state = if pod.serves { printer.styled(GOOD, "serves") } else { printer.styled(BAD, "gone") };
            let _ = writeln!(page, "pod/{:<21} {:<40} {state} on {}", pod.name, join(&pod.addresses), pod.node);
        }
        page.push('\n');
        for service in &status.services {
            let node_port = service.node_port.map(|port| format!(", node port {port}")).unwrap_or_default();
            let notes: String = service.notes.iter().map(|note| format!(", {note}")).collect();
            let _ = writeln!(page, "service/{:<17} {:<40} {}{node_port}{notes}", service.name, join(&service.cluster_ips), service.kind);
            for (kind, addresses) in [("load balancer", &service.load_balancer_ips), ("external", &service.external_ips)] {
                if !addresses.is_empty() {
                    let _ = writeln!(page, "{:<25} {:<40} {kind}", "", join(addresses));
                }
            }
        }
        printer.data(&page);
        if let Some(report) = &self.report {
            printer.data("\n");
            report::text(report, printer);
        }
        for trouble in status.troubles() {
            printer.warning(&trouble);
        }
    }

    fn exit(&self) -> Exit {
        if self.report.as_ref().is_some_and(|report| report.failures() > 0) { Exit::Refused } else { Exit::Done }
    }
}

fn join(addresses: &[IpAddr]) -> String {
    texts(addresses).join(" ")
}

fn texts(addresses: &[IpAddr]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

fn node(node: &NodeStatus) -> Json {
    json!({
        "name": node.name,
        "addresses": texts(&node.addresses),
        "power": node.power,
        "plugged": node.plugged,
        "agent_pid": node.agent,
        "agent_last_words": node.last_words,
    })
}

fn pod(pod: &PodStatus) -> Json {
    json!({ "name": pod.name, "node": pod.node, "addresses": texts(&pod.addresses), "serves": pod.serves })
}

fn service(service: &ServiceStatus) -> Json {
    json!({
        "name": service.name,
        "type": service.kind,
        "port": service.port,
        "node_port": service.node_port,
        "cluster_ips": texts(&service.cluster_ips),
        "load_balancer_ips": texts(&service.load_balancer_ips),
        "external_ips": texts(&service.external_ips),
        "notes": service.notes,
        "pods": service.pods,
    })
}
