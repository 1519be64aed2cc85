//! The observability layer: relay, web view, what Prometheus scrapes, and dashboards.

use serde::Serialize;

use super::base::image;
use super::{NAME, dashboards};
use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::gateways;
use crate::part::Scope;

pub(super) const METRICS: Template = template!("observe/metrics.yaml.j2");
pub(super) const RELAY: Template = template!("observe/relay.yaml.j2");
pub(super) const UI: Template = template!("observe/ui.yaml.j2");
pub(super) const UI_ROUTE: Template = template!("observe/ui-route.yaml.j2");
pub(super) const MONITORS: Template = template!("observe/monitors.yaml.j2");
pub(super) const DASHBOARDS: Template = template!("observe/dashboards.yaml.j2");

#[derive(Debug, Serialize)]
struct ObserveContext {
    image: String,
    flows: bool,
    flow_metrics: bool,
    /// Whether there is an announcer to scrape.
    announces: bool,
    /// The name under which the web view is offered.
    hostname: Option<String>,
    gateway: &'static str,
    gateway_namespace: String,
    interval_s: i64,
    folder: String,
    dashboards: Vec<dashboards::Dashboard>,
}

pub(super) fn component(scope: Scope<'_>) -> Result<Component, Error> {
    let cluster = scope.cluster;
    let (flows, monitoring) = (*cluster.flows.enabled, *cluster.monitoring.enabled);
    let ui = flows && *cluster.flows.ui;
    let context = ObserveContext {
        image: image(cluster),
        flows,
        flow_metrics: flows && !cluster.flows.metrics.is_empty(),
        announces: cluster.l2_enabled() || cluster.bgp().is_some(),
        hostname: cluster.flows.ui_hostname.as_ref().map(ToString::to_string),
        gateway: gateways::INTERNAL,
        gateway_namespace: gateways::namespace(cluster),
        interval_s: cluster.monitoring.interval_s.get(),
        folder: cluster.monitoring.folder.to_string(),
        dashboards: dashboards::all(),
    };
    let routed = ui && context.hostname.is_some() && *cluster.gateways.enabled && cluster.gateways.internal.is_some();
    let files = [
        (flows || monitoring, "metrics.yaml", METRICS),
        (flows, "relay.yaml", RELAY),
        (ui, "ui.yaml", UI),
        (routed, "ui-route.yaml", UI_ROUTE),
        (monitoring, "monitors.yaml", MONITORS),
        (monitoring && flows, "dashboards.yaml", DASHBOARDS),
    ];
    let mut component = Component { needs: vec![NAME.to_owned()], ..Component::new("ichor-observability", "kube-system") };
    if routed {
        component.needs.push(gateways::NAME.to_owned());
    }
    for (wanted, name, template) in files {
        if wanted {
            component.file(name, scope.engine.render(template, &context)?);
        }
    }
    Ok(component)
}
