//! Grafana dashboards, each a grid of panels over one query.

use serde::Serialize;
use serde_json::{Value as Json, json};

/// A dashboard as text.
#[derive(Debug, Serialize)]
pub(super) struct Dashboard {
    pub(super) name: &'static str,
    pub(super) json: String,
}

/// One panel: title, unit, query, and what names a line of it.
type Panel = (&'static str, &'static str, &'static str, &'static str);

const COLUMNS: usize = 2;
const WIDTH: usize = 12;
const HEIGHT: usize = 8;

const FLOWS: &[Panel] = &[
    ("Flows by verdict", "ops", "sum by (verdict) (rate(hubble_flows_processed_total[$__rate_interval]))", "{{verdict}}"),
    ("Flows by type", "ops", "sum by (type, subtype) (rate(hubble_flows_processed_total[$__rate_interval]))", "{{type}} {{subtype}}"),
    ("DNS queries", "ops", "sum by (qtypes) (rate(hubble_dns_queries_total[$__rate_interval]))", "{{qtypes}}"),
    ("DNS answers by code", "ops", "sum by (rcode) (rate(hubble_dns_responses_total[$__rate_interval]))", "{{rcode}}"),
    ("TCP flags", "ops", "sum by (flag) (rate(hubble_tcp_flags_total[$__rate_interval]))", "{{flag}}"),
    ("HTTP requests by status", "ops", "sum by (status) (rate(hubble_http_requests_total[$__rate_interval]))", "{{status}}"),
    (
        "Busiest destination ports",
        "ops",
        "topk(10, sum by (protocol, port) (rate(hubble_port_distribution_total[$__rate_interval])))",
        "{{protocol}} {{port}}",
    ),
    ("Events lost before they were seen", "ops", "sum by (source) (rate(hubble_lost_events_total[$__rate_interval]))", "{{source}}"),
];

const DROPS: &[Panel] = &[
    ("Dropped flows by reason", "ops", "sum by (reason) (rate(hubble_drop_total[$__rate_interval]))", "{{reason}}"),
    (
        "Dropped packets by reason",
        "pps",
        "sum by (reason, direction) (rate(cilium_drop_count_total[$__rate_interval]))",
        "{{reason}} {{direction}}",
    ),
    ("Dropped packets by node", "pps", "sum by (instance) (rate(cilium_drop_count_total[$__rate_interval]))", "{{instance}}"),
    ("What policies would drop", "ops", "sum(rate(hubble_flows_processed_total{verdict=\"AUDIT\"}[$__rate_interval]))", "audit"),
];

const SERVICES: &[Panel] = &[
    ("Forwarded bytes by node", "Bps", "sum by (instance) (rate(cilium_forward_bytes_total[$__rate_interval]))", "{{instance}}"),
    ("Forwarded packets by node", "pps", "sum by (instance) (rate(cilium_forward_count_total[$__rate_interval]))", "{{instance}}"),
    ("Service changes", "ops", "sum by (action) (rate(cilium_services_events_total[$__rate_interval]))", "{{action}}"),
    ("How full the maps are", "percentunit", "max by (map_name) (cilium_bpf_map_pressure)", "{{map_name}}"),
    ("Pool addresses in use", "short", "sum by (pool) (ichor_lb_pool_used_addresses)", "{{pool}}"),
    ("Pool addresses that are free", "short", "sum by (pool) (ichor_lb_pool_free_addresses)", "{{pool}}"),
];

const ANNOUNCEMENTS: &[Panel] = &[
    ("BGP sessions (1 is established)", "short", "cilium_bgp_control_plane_session_state", "{{instance}} {{neighbor}}"),
    (
        "BGP routes advertised",
        "short",
        "sum by (instance, neighbor) (cilium_bgp_control_plane_advertised_routes)",
        "{{instance}} {{neighbor}}",
    ),
    ("BFD sessions (1 is up)", "short", "ichor_bfd_session_up", "{{instance}} {{peer}}"),
    (
        "BFD sessions that went down",
        "short",
        "sum by (instance, peer) (increase(ichor_bfd_session_down_total[$__rate_interval]))",
        "{{instance}} {{peer}}",
    ),
    ("Addresses held on the node network", "short", "sum by (instance) (ichor_l2_held_addresses)", "{{instance}}"),
    ("Takeovers of addresses", "short", "sum by (instance) (increase(ichor_l2_takeovers_total[$__rate_interval]))", "{{instance}}"),
];

/// Every dashboard, by name.
pub(super) fn all() -> Vec<Dashboard> {
    [
        ("ichor-announcements", "Network: announcements", ANNOUNCEMENTS),
        ("ichor-drops", "Network: drops", DROPS),
        ("ichor-flows", "Network: flows", FLOWS),
        ("ichor-services", "Network: services", SERVICES),
    ]
    .map(|(name, title, panels)| Dashboard { name, json: pretty(&dashboard(name, title, panels)) })
    .into()
}

fn dashboard(uid: &str, title: &str, panels: &[Panel]) -> Json {
    json!({
        "uid": uid,
        "title": title,
        "tags": ["ichor"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [{ "name": "datasource", "type": "datasource", "query": "prometheus" }] },
        "panels": panels.iter().enumerate().map(|(index, panel)| grid(index, panel)).collect::<Vec<_>>(),
    })
}

fn grid(index: usize, (title, unit, query, line): &Panel) -> Json {
    json!({
        "id": index + 1,
        "type": "timeseries",
        "title": title,
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "gridPos": { "h": HEIGHT, "w": WIDTH, "x": index % COLUMNS * WIDTH, "y": index / COLUMNS * HEIGHT },
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
        "targets": [{ "refId": "A", "expr": query, "legendFormat": line }],
    })
}

fn pretty(json: &Json) -> String {
    format!("{json:#}")
}
