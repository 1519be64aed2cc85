//! Which Services an announcer announces.
//!
//! Neither an L2 policy nor a BGP advertisement can name a pool: both select Services by label. So when pools are
//! announced in different ways, the labels that lead a Service to its pool also lead it to its announcer. A pool without
//! such labels takes every Service, less those that the labels of another pool lead to the other announcer.

use std::collections::{BTreeMap, BTreeSet};

use ichor_config::Cluster;
use ichor_config::model::{Announcer, Labels, Pool};
use serde::Serialize;

/// The Services of one policy, or of one advertisement.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Services {
    /// The pool that they get their addresses from, unless all pools are meant.
    pub(super) pool: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Labels that lead elsewhere, with their values.
    pub(super) not: BTreeMap<String, BTreeSet<String>>,
}

/// What `announcer` announces: nothing, all Services alike, or the Services of some pools.
pub(super) fn services(cluster: &Cluster, announcer: Announcer) -> Vec<Services> {
    let (own, foreign): (Vec<_>, Vec<_>) = cluster.pools.iter().partition(|pool| cluster.announcers(pool).contains(&announcer));
    if foreign.is_empty() {
        return vec![Services::default()];
    }
    own.into_iter()
        .map(|pool| Services {
            pool: Some(pool.name.to_string()),
            labels: plain(&pool.service_selector),
            not: if pool.service_selector.is_empty() { elsewhere(foreign.iter().map(|pool| &***pool)) } else { BTreeMap::new() },
        })
        .collect()
}

/// The labels that lead to the given pools. A pool that asks for several at once cannot be left out by one label, and
/// an address announced twice does less harm than one that nobody announces.
fn elsewhere<'a>(pools: impl Iterator<Item = &'a Pool>) -> BTreeMap<String, BTreeSet<String>> {
    let mut not: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pool in pools.filter(|pool| pool.service_selector.len() == 1) {
        for (key, value) in plain(&pool.service_selector) {
            not.entry(key).or_default().insert(value);
        }
    }
    not
}

/// Labels as plain texts.
pub(super) fn plain(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}
