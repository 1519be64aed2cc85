//! Addresses that our own Services are pinned to.

use super::place::{PINNED, pinned};
use super::pools::{BLOCKS, Offer, Written, offers};
use super::{Check, check};
use crate::cluster::Family;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::field::{Address, Spanned};
use crate::model::Spec;

pub(super) const CHECKS: &[Check] = &[
    check(pinned_addresses_are_in_a_pool, &[PINNED, BLOCKS, &["pools.disabled", "pools.service_selector"]]),
    check(every_family_is_pinned, &[PINNED, &["network.pod_cidrs"]]),
];

fn pinned_addresses_are_in_a_pool(spec: &Spec, out: &mut Diagnostics) {
    let offers = offers(spec);
    for (holder, addresses) in pinned(spec) {
        for address in addresses.iter() {
            let inside: Vec<_> = offers.iter().filter(|offer| offer.whole.contains(address.0)).collect();
            if !inside.iter().any(|offer| offer.usable.contains(address.0) && why_not(offer).is_none()) {
                out.push(match inside.first() {
                    Some(offer) => not_given(&holder, address, offer),
                    None => outside(&holder, address, &offers),
                });
            }
        }
    }
}

/// Why a pool gives a Service without labels no address of it.
fn why_not(offer: &Offer<'_>) -> Option<(&'static str, ichor_yaml::Span, &'static str)> {
    let pool = offer.pool;
    if *pool.disabled {
        return Some((
            "gives no new addresses",
            pool.disabled.span,
            "remove `disabled: true` at this pool, or pin to an address of another one",
        ));
    }
    let help = "pin to an address of a pool without `service_selector`; a second pool may have just these addresses";
    (!pool.service_selector.is_empty()).then_some(("serves only Services with certain labels", pool.service_selector.span, help))
}

fn not_given(holder: &str, address: &Spanned<Address>, offer: &Offer<'_>) -> Diagnostic {
    let pool = &offer.pool.name;
    if let Some((why, span, help)) = why_not(offer) {
        return address
            .mistake(format!("{holder} is pinned to {address} of pool `{pool}`, which {why}"))
            .help(help)
            .also(span, "this pool");
    }
    let help = match offer.written {
        Written::Cidr(_) => "choose another address of it, or write `allow_first_last: true` at the pool",
        Written::Range(_) => "choose another address of it",
    };
    address
        .mistake(format!("{holder} is pinned to {address}, the first or last address of a prefix, which pool `{pool}` keeps back"))
        .help(help)
        .also(offer.pool.name.span, "this pool")
}

fn outside(holder: &str, address: &Spanned<Address>, offers: &[Offer<'_>]) -> Diagnostic {
    let family = Family::of(address.0);
    let mistake = address.mistake(format!("{holder} is pinned to {address}, which is in no pool"));
    match offers.iter().find(|offer| offer.whole.family() == family && why_not(offer).is_none()) {
        Some(offer) => mistake
            .help(format!("choose a free address of pool `{}` ({}), or give a pool this one", offer.pool.name, offer.words()))
            .also(offer.place(), "the nearest pool"),
        None => mistake.help(format!("add a pool with {family} addresses that holds it")),
    }
}

fn every_family_is_pinned(spec: &Spec, out: &mut Diagnostics) {
    let families = spec.families();
    for (holder, addresses) in pinned(spec) {
        if addresses.is_empty() {
            out.push(addresses.mistake(format!("{holder} has no address")).help("write a free address of a pool, one for each family"));
            continue;
        }
        for address in addresses.iter().filter(|address| !families.is_empty() && !families.contains(&Family::of(address.0))) {
            let family = Family::of(address.0);
            out.push(
                address
                    .mistake(format!("{holder} has an {family} address, and Services of this cluster have none"))
                    .help(format!("take it out, or add {family} prefixes to `pod_cidrs` and `service_cidrs`"))
                    .also(spec.network.pod_cidrs.span, "the families of the cluster"),
            );
        }
        for family in
            families.iter().filter(|family| spec.is_dual_stack() && addresses.iter().all(|address| Family::of(address.0) != **family))
        {
            out.push(
                addresses
                    .mistake(format!("{holder} has no {family} address, and the cluster is dual-stack"))
                    .warning()
                    .help(format!("add a free {family} address of a pool: clients that prefer {family} do not reach it otherwise")),
            );
        }
    }
}
