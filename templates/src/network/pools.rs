//! Address pools, and announcing them by ARP and NDP.

use std::collections::BTreeMap;

use ichor_config::model::Announcer;
use ichor_config::{Block, Cluster};
use serde::Serialize;

use super::announce::{Services, plain, services};
use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::part::Scope;

pub(super) const POOLS: Template = template!("network/lb-pool.yaml.j2");
pub(super) const L2_POLICY: Template = template!("network/l2-policy.yaml.j2");

#[derive(Debug, Serialize)]
struct PoolsContext {
    pools: Vec<PoolContext>,
}

#[derive(Debug, Serialize)]
struct PoolContext {
    name: String,
    allow_first_last: bool,
    disabled: bool,
    blocks: Vec<BlockContext>,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct BlockContext {
    cidr: Option<String>,
    start: Option<String>,
    stop: Option<String>,
}

#[derive(Debug, Serialize)]
struct L2Context {
    policies: Vec<L2PolicyContext>,
}

#[derive(Debug, Serialize)]
struct L2PolicyContext {
    name: String,
    services: Services,
    external_ips: bool,
    interfaces: Vec<String>,
    node_labels: BTreeMap<String, String>,
}

/// Adds the pools and the L2 policies, where there are any.
pub(super) fn files(scope: Scope<'_>, component: &mut Component) -> Result<(), Error> {
    let pools = pools(scope.cluster);
    if !pools.is_empty() {
        component.file("lb-pool.yaml", scope.engine.render(POOLS, &PoolsContext { pools })?);
    }
    let policies = policies(scope.cluster);
    if !policies.is_empty() {
        component.file("l2-policy.yaml", scope.engine.render(L2_POLICY, &L2Context { policies })?);
    }
    Ok(())
}

fn pools(cluster: &Cluster) -> Vec<PoolContext> {
    let block = |block: Block| match block {
        Block::Cidr(cidr) => BlockContext { cidr: Some(cidr.to_string()), start: None, stop: None },
        Block::Range(start, stop) => BlockContext { cidr: None, start: Some(start.to_string()), stop: Some(stop.to_string()) },
    };
    let pools = cluster.pool_blocks();
    let pool = pools.into_iter().map(|pool| PoolContext {
        name: pool.pool.name.to_string(),
        allow_first_last: *pool.pool.allow_first_last,
        disabled: *pool.pool.disabled,
        blocks: pool.blocks.into_iter().map(block).collect(),
        labels: plain(&pool.pool.service_selector),
    });
    pool.collect()
}

fn policies(cluster: &Cluster) -> Vec<L2PolicyContext> {
    if !cluster.l2_enabled() {
        return Vec::new();
    }
    let l2 = &cluster.l2;
    let policy = |services: Services| L2PolicyContext {
        name: services.pool.as_ref().map_or_else(|| l2.name.to_string(), |pool| format!("{}-{pool}", *l2.name)),
        services,
        external_ips: *l2.external_ips,
        interfaces: l2.interfaces.iter().map(ToString::to_string).collect(),
        node_labels: plain(&l2.node_selector.match_labels),
    };
    services(cluster, Announcer::L2).into_iter().map(policy).collect()
}
