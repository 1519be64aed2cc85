//! How much a pod may send: what its annotations ask for.

use std::collections::BTreeMap;

use crate::name::Name;
use crate::object::Pod;
use crate::problem::Problem;
use crate::snapshot::{LocalEndpoint, Snapshot};

pub(crate) const EGRESS: &str = "kubernetes.io/egress-bandwidth";
pub(crate) const INGRESS: &str = "kubernetes.io/ingress-bandwidth";

/// Bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BitRate(pub u64);

impl BitRate {
    /// What Kubernetes' own plugin for this takes, too.
    const LEAST: Self = Self(1_000);
    const MOST: Self = Self(1_000_000_000_000_000);
}

/// The limits of the pods here, by their container's cable, and what is wrong with annotations.
pub fn egress_limits(snapshot: &Snapshot) -> (BTreeMap<String, BitRate>, Vec<Problem>) {
    let (mut limits, mut problems) = (BTreeMap::new(), Vec::new());
    for (container, endpoint) in snapshot.endpoints() {
        let Some(pod) = snapshot.pod(&endpoint.pod) else { continue };
        match of_pod(pod) {
            Ok(Some(limit)) => drop(limits.insert(container.clone(), limit)),
            Ok(None) => {}
            Err(text) => problems.push(problem(&endpoint.pod, text)),
        }
        if pod.ingress_bandwidth.is_some() {
            problems.push(problem(
                &endpoint.pod,
                format!("the annotation {INGRESS} has no effect; limit who sends to this pod by {EGRESS}, and take this one out"),
            ));
        }
    }
    // A pod that is made anew has two cables for a moment.
    problems.dedup();
    (limits, problems)
}

/// The limit of one of them.
pub(crate) fn egress_limit(snapshot: &Snapshot, endpoint: &LocalEndpoint) -> Option<BitRate> {
    of_pod(snapshot.pod(&endpoint.pod)?).ok().flatten()
}

fn problem(pod: &Name, text: String) -> Problem {
    Problem { object: format!("Pod {pod}"), place: None, text }
}

fn of_pod(pod: &Pod) -> Result<Option<BitRate>, String> {
    let Some(text) = &pod.egress_bandwidth else { return Ok(None) };
    let wrong = |why: &str| format!("the annotation {EGRESS} is `{text}`, {why}, so the pod has no limit; write bits per second like 10M");
    let rate = quantity(text).map(BitRate).ok_or_else(|| wrong("which is no quantity of Kubernetes"))?;
    if rate < BitRate::LEAST || rate > BitRate::MOST {
        return Err(wrong("and must be 1k to 1P"));
    }
    Ok(Some(rate))
}

/// Powers of ten or of two behind a number, in thousandths: the smallest suffixes make less than one.
const SUFFIXES: [(&str, u128); 14] = [
    ("m", 1),
    ("Ki", 1_000 << 10),
    ("Mi", 1_000 << 20),
    ("Gi", 1_000 << 30),
    ("Ti", 1_000 << 40),
    ("Pi", 1_000 << 50),
    ("Ei", 1_000 << 60),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000),
    ("", 1_000),
];

/// A quantity as Kubernetes writes it, rounded up to a whole number: `10M`, `1.5Gi`, `2e6`.
fn quantity(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && part.is_empty()) || part.len() > MOST_DIGITS || whole.len() > MOST_DIGITS {
        return None;
    }
    let digits: u128 = format!("{whole}{part}").parse().ok()?;
    let scaled = digits.checked_mul(factor(suffix)?)?;
    let thousandths = scaled.div_ceil(10_u128.checked_pow(u32::try_from(part.len()).ok()?)?);
    u64::try_from(thousandths.div_ceil(1_000)).ok()
}

/// Longer numbers are no rates.
const MOST_DIGITS: usize = 18;

fn factor(suffix: &str) -> Option<u128> {
    if let Some((_, factor)) = SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        return Some(*factor);
    }
    let exponent: u32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    10_u128.checked_pow(exponent)?.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (text, expected) in [
            ("10M", 10_000_000),
            ("1.5M", 1_500_000),
            (".5k", 500),
            ("1Ki", 1_024),
            ("1.5Gi", 1_610_612_736),
            ("2e6", 2_000_000),
            ("2E6", 2_000_000),
            ("1500m", 2),
            ("100", 100),
            ("3T", 3_000_000_000_000),
            ("1P", 1_000_000_000_000_000),
        ] {
            assert_eq!(quantity(text), Some(expected), "{text}");
        }
        for text in ["", "M", ".", "10 M", "10Mbit", "-1M", "1e", "1e-3", "1.2.3M", "ten", "10m5", "9999999999999999999999", "1e40", "99E"]
        {
            assert_eq!(quantity(text), None, "{text}");
        }
    }
}
