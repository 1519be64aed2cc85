//! Flows, monitoring, policies, applications.

use super::place::quoted;
use super::{Check, check};
use crate::diagnostic::Diagnostics;
use crate::model::{PolicyMode, Spec};

pub(super) const CHECKS: &[Check] = &[
    check(ui_has_flows, &[&["flows.enabled", "flows.ui", "flows.ui_hostname"]]),
    check(ui_hostname_is_served, &[&["flows.ui_hostname", "gateways.internal.is_on", "gateways.internal.hostnames", "dns.domain"]]),
    check(metrics, &[&["flows.metrics", "flows.enabled"]]),
    check(dashboards_have_data, &[&["monitoring.enabled", "flows.enabled"]]),
    check(policies_are_on, &[&["policies"]]),
    check(audit_can_be_watched, &[&["policies", "flows.enabled"]]),
    check(langfuse_has_its_stores, &[&["apps"]]),
];

fn ui_has_flows(spec: &Spec, out: &mut Diagnostics) {
    let flows = &spec.flows;
    if *flows.ui && !*flows.enabled {
        let message = "the web view shows flows, and flows are off";
        let mistake = flows.ui.mistake(message).help("remove `enabled: false` below `flows`, or write `ui: false`");
        out.push(mistake.also(flows.enabled.span, "off here"));
    }
    if flows.ui_hostname.is_some() && !*flows.ui {
        out.push(
            flows.ui_hostname.mistake("the web view has a name, and it is not installed").help("add `ui: true`, or remove `ui_hostname`"),
        );
    }
}

fn ui_hostname_is_served(spec: &Spec, out: &mut Diagnostics) {
    let Some(name) = &*spec.flows.ui_hostname else { return };
    let place = &spec.flows.ui_hostname;
    let Some(gateway) = &*spec.gateways.internal else {
        let message = "the internal gateway offers the web view, and there is no internal gateway";
        out.push(
            place.mistake(message).help("write `gateways.internal` with its `addresses`, or remove `ui_hostname` and use a port-forward"),
        );
        return;
    };
    let served: Vec<String> = match &*spec.dns.domain {
        Some(domain) if gateway.hostnames.is_empty() => vec![domain.to_string(), format!("*.{domain}")],
        _ => gateway.hostnames.iter().map(ToString::to_string).collect(),
    };
    // A gateway lets `*` stand for any number of labels.
    let matches = |pattern: &String| {
        let below = pattern.strip_prefix("*.").is_some_and(|parent| name.as_str().ends_with(&format!(".{parent}")));
        below || pattern == name.as_str()
    };
    if !served.is_empty() && !served.iter().any(matches) {
        let message = format!("the internal gateway does not serve `{name}`, but {}", quoted(&served));
        out.push(place.mistake(message).help("choose a name that it serves, or add this one to its `hostnames`"));
    }
}

fn metrics(spec: &Spec, out: &mut Diagnostics) {
    let metrics = &spec.flows.metrics;
    if metrics.written && !metrics.is_empty() && !*spec.flows.enabled {
        let mistake = metrics
            .mistake("metrics are made out of flows, and flows are off")
            .warning()
            .help("remove `enabled: false` below `flows`, or this list");
        out.push(mistake.also(spec.flows.enabled.span, "off here"));
    }
    for (index, metric) in metrics.iter().enumerate() {
        if let Some(first) = metrics.iter().take(index).find(|other| other.value == metric.value) {
            let mistake = metric.mistake(format!("metric `{metric}` stands here twice")).warning();
            out.push(mistake.help("remove one of the two").also(first.span, "first here"));
        }
    }
}

fn dashboards_have_data(spec: &Spec, out: &mut Diagnostics) {
    if *spec.monitoring.enabled && !*spec.flows.enabled {
        out.push(
            spec.monitoring
                .enabled
                .mistake("monitoring is on and flows are off: the dashboards of flows stay away")
                .warning()
                .help("remove `enabled: false` below `flows`, unless the agents' own metrics are all you want")
                .also(spec.flows.enabled.span, "off here"),
        );
    }
}

fn policies_are_on(spec: &Spec, out: &mut Diagnostics) {
    let policies = &spec.policies;
    if policies.mode.written && !*policies.enabled {
        let message = if *policies.mode == PolicyMode::Enforce {
            "nothing is enforced: policies are off"
        } else {
            "nothing is audited: policies are off"
        };
        out.push(policies.mode.mistake(message).warning().help("write `enabled: true` below `policies`, or remove `mode`"));
    }
}

fn audit_can_be_watched(spec: &Spec, out: &mut Diagnostics) {
    let policies = &spec.policies;
    if *policies.enabled && *policies.mode == PolicyMode::Audit && !*spec.flows.enabled {
        let message = "what the policies would block is reported as a flow, and flows are off";
        let place = if policies.mode.written { policies.mode.mistake(message) } else { policies.enabled.mistake(message) };
        out.push(place.warning().help("remove `enabled: false` below `flows`").also(spec.flows.enabled.span, "off here"));
    }
}

fn langfuse_has_its_stores(spec: &Spec, out: &mut Diagnostics) {
    let apps = &spec.apps;
    let stores = [("rustfs", &apps.rustfs), ("dragonfly", &apps.dragonfly)];
    for (name, store) in stores.into_iter().filter(|(_, store)| *apps.langfuse && !***store) {
        let mistake = apps.langfuse.mistake(format!("Langfuse keeps its data in {name}, and {name} is off"));
        let mistake = mistake.help(format!("write `{name}: true` below `apps`, or `langfuse: false`"));
        out.push(if store.written { mistake.also(store.span, "off here") } else { mistake });
    }
}
