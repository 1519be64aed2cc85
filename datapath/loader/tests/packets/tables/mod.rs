//! The rows.

mod affinity;
mod again;
mod cluster_ip;
mod connections;
mod direct;
mod errors;
mod found;
mod fragments;
mod headers;
mod limited;
mod masquerade;
mod outside;
mod policies;
mod refuse;
mod sctp;
mod spoofing;
mod truncated;

use crate::names::Family;
use crate::scenario::Scenario;

pub(crate) fn all() -> Vec<Scenario> {
    let topics = [
        affinity::rows,
        again::rows,
        cluster_ip::rows,
        connections::rows,
        direct::rows,
        errors::rows,
        found::rows,
        fragments::rows,
        headers::rows,
        limited::rows,
        masquerade::rows,
        outside::rows,
        policies::rows,
        refuse::rows,
        sctp::rows,
        spoofing::rows,
        truncated::rows,
    ];
    Family::BOTH.into_iter().flat_map(|family| topics.into_iter().flat_map(move |rows| rows(family))).collect()
}
