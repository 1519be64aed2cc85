//! The limits that pods ask for: kept by the times at which their packets leave the node's end of the cable, where the kernel
//! has a queue that keeps times, and by a token bucket at the pod's end everywhere else.

use std::collections::{BTreeMap, BTreeSet};

use ichor_agent_apply::{Departures, limit};
use ichor_agent_state::{BitRate, egress_limits};
use ichor_datapath_types::Pace;

use crate::agent::Agent;
use crate::fault::Fault;
use crate::log::note;
use crate::store::{Attachment, Stored};

/// What was set, as far as this process knows; what an earlier one left is set again.
#[derive(Debug, Default)]
pub(crate) struct EgressLimits {
    /// Token buckets.
    buckets: BTreeMap<Attachment, Option<BitRate>>,
    /// Rows of the table by the cable's end, once it was read.
    paces: Option<BTreeMap<u32, BitRate>>,
    /// What is kept, by one or the other.
    kept: BTreeMap<Attachment, BitRate>,
    means: Option<Means>,
    has_no_queues: bool,
    problems: BTreeSet<String>,
}

/// How limits are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    Departures,
    /// And why.
    Buckets(String),
}

impl Means {
    const fn name(&self) -> &'static str {
        match self {
            Self::Departures => "departure times",
            Self::Buckets(_) => "token buckets",
        }
    }
}

/// For how long a packet may wait: so long, or as long as the largest piece takes that a socket hands down. What goes to the
/// node itself is dropped instead of waiting, and TCP sends it again after 200 ms: a pod may not have run out of work by then.
const LONGEST_NS: u64 = 300_000_000;
const LARGEST_BYTES: u64 = 72 << 10;

fn pace(BitRate(bits_per_s): BitRate) -> Pace {
    const BYTE_AT_ONE_BIT: u128 = 8_000_000_000 << Pace::FRACTION_BITS;
    let byte_time = u64::try_from(BYTE_AT_ONE_BIT / u128::from(bits_per_s.max(1))).unwrap_or(u64::MAX);
    let largest_ns = (u128::from(byte_time) * u128::from(LARGEST_BYTES)) >> Pace::FRACTION_BITS;
    Pace { next_ns: 0, byte_time, longest_ns: LONGEST_NS.max(u64::try_from(largest_ns).unwrap_or(u64::MAX)) }
}

impl EgressLimits {
    pub(crate) fn of(&self, attachment: &Attachment) -> Option<BitRate> {
        self.kept.get(attachment).copied()
    }

    /// A cable that is new has no bucket.
    pub(crate) fn begin(&mut self, attachment: &Attachment) {
        self.buckets.insert(attachment.clone(), None);
    }

    /// A cable that was laid anew may have none.
    pub(crate) fn forget(&mut self, attachment: &Attachment) {
        self.buckets.remove(attachment);
    }

    pub(crate) fn problems(&self) -> impl Iterator<Item = &String> {
        self.problems.iter()
    }

    /// How limits are kept, where there are any.
    pub(crate) fn means(&self) -> Option<&'static str> {
        self.means.as_ref().map(Means::name)
    }

    /// Why they are not kept in the better way.
    pub(crate) fn because(&self) -> Option<&str> {
        if let Some(Means::Buckets(reason)) = &self.means { Some(reason) } else { None }
    }
}

impl Agent {
    /// Makes the limits those of the pods' annotations.
    pub(crate) fn set_limits(&mut self) {
        let mut problems = BTreeSet::new();
        let wanted = self.wanted_limits(&mut problems);
        let means = if wanted.is_empty() { self.leave_queues() } else { Ok(self.take_queues()) };
        if let Err(fault) = means.and_then(|means| self.keep(&wanted, means, &mut problems)) {
            problems.insert(fault.to_string());
        }
        self.limits.problems = problems;
        self.note_problems();
    }

    fn wanted_limits(&self, problems: &mut BTreeSet<String>) -> BTreeMap<Attachment, BitRate> {
        let (asked, mistakes) = egress_limits(&self.snapshot);
        problems.extend(mistakes.iter().map(ToString::to_string));
        let rate = |attachment: &Attachment| Some((attachment.clone(), *asked.get(&attachment.file_name())?));
        if self.config.bandwidth_limits {
            return self.store.entries().keys().filter_map(rate).collect();
        }
        let limited = self.store.entries().iter().filter(|(attachment, _)| rate(attachment).is_some());
        problems
            .extend(limited.map(|(_, stored)| {
                format!("Pod {}: its limit is not kept: network.bandwidth_limits of cluster.yaml is false", stored.pod)
            }));
        BTreeMap::new()
    }

    /// Without limits nobody needs a queue.
    fn leave_queues(&mut self) -> Result<Option<Means>, Fault> {
        // None are there where none are known, but an earlier agent may have left some.
        if self.limits.means.is_some() || self.limits.paces.is_none() {
            self.netlink.keep_departures(&BTreeSet::new())?;
        }
        Ok(None)
    }

    fn take_queues(&mut self) -> Option<Means> {
        let settings = self.settings.as_ref()?;
        let unknown = || Means::Buckets("the kernel has no queue `fq`".to_owned());
        // The kernel looks for a module each time.
        if self.limits.has_no_queues {
            return Some(unknown());
        }
        let cables = self.store.entries().values().map(|stored| stored.interface);
        Some(match self.netlink.keep_departures(&cables.chain([settings.uplink.index]).collect()) {
            Ok(Departures::Kept) => Means::Departures,
            Ok(Departures::Unknown) => {
                self.limits.has_no_queues = true;
                unknown()
            }
            Ok(Departures::Taken(index, kind)) => {
                let is_here = |stored: &&Stored| stored.interface == index;
                let cable = self.store.entries().values().find(is_here).map(|stored| &stored.cable.host_name);
                let name = cable.unwrap_or(&settings.uplink.name);
                Means::Buckets(format!("the interface {name} has another queue, `{kind}`, which somebody has chosen"))
            }
            // Limits are to be kept anyhow.
            Err(error) => Means::Buckets(error.to_string()),
        })
    }

    fn keep(&mut self, wanted: &BTreeMap<Attachment, BitRate>, means: Option<Means>, problems: &mut BTreeSet<String>) -> Result<(), Fault> {
        if means.is_some() && means != self.limits.means {
            let reason = if let Some(Means::Buckets(reason)) = &means { format!(": {reason}") } else { String::new() };
            note(&format!("what pods may send is limited by {}{reason}", means.as_ref().map_or("", Means::name)));
        }
        let by_departures = means == Some(Means::Departures);
        self.limits.means = means;
        let none = BTreeMap::new();
        // What is limited stays so when it is limited in another way.
        if by_departures {
            self.set_paces(wanted)?;
            self.set_buckets(&none, problems);
        } else {
            self.set_buckets(wanted, problems);
            self.set_paces(&none)?;
        }
        let is_kept = |attachment: &Attachment| by_departures || matches!(self.limits.buckets.get(attachment), Some(Some(_)));
        self.limits.kept = wanted.iter().filter(|(attachment, _)| is_kept(attachment)).map(|(key, rate)| (key.clone(), *rate)).collect();
        Ok(())
    }

    fn set_buckets(&mut self, wanted: &BTreeMap<Attachment, BitRate>, problems: &mut BTreeSet<String>) {
        let entries = self.store.entries();
        self.limits.buckets.retain(|attachment, _| entries.contains_key(attachment));
        for (attachment, stored) in entries {
            let rate = wanted.get(attachment).copied();
            if self.limits.buckets.get(attachment) == Some(&rate) {
                continue;
            }
            match limit(&stored.namespace, &stored.cable.pod_name, rate) {
                Ok(()) => drop(self.limits.buckets.insert(attachment.clone(), rate)),
                // A pod that goes takes its limit with it; it is tried again as long as there is one.
                Err(error) => drop(problems.insert(format!("Pod {}: {error}", stored.pod))),
            }
        }
    }

    fn set_paces(&mut self, wanted: &BTreeMap<Attachment, BitRate>) -> Result<(), Fault> {
        let Some(datapath) = &mut self.datapath else { return Ok(()) };
        let entries = self.store.entries();
        let wanted: BTreeMap<_, _> =
            wanted.iter().filter_map(|(attachment, rate)| Some((entries.get(attachment)?.interface, *rate))).collect();
        let mut table = datapath.paces()?;
        let set = match self.limits.paces.take() {
            Some(set) => set,
            // A rate of nothing is nobody's: each row is looked at.
            None => table.entries()?.into_iter().map(|(interface, _)| (interface, BitRate(0))).collect(),
        };
        for interface in set.keys().filter(|interface| !wanted.contains_key(interface)) {
            table.remove(interface)?;
        }
        for (interface, rate) in wanted.iter().filter(|(interface, rate)| set.get(interface) != Some(rate)) {
            // What waits already leaves before what comes from now on.
            let next_ns = table.get(interface)?.map_or(0, |row| row.next_ns);
            table.put(interface, &Pace { next_ns, ..pace(*rate) })?;
        }
        self.limits.paces = Some(wanted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_takes_as_long_as_the_rate_says() {
        const ONE_NS: u64 = 1 << Pace::FRACTION_BITS;
        assert_eq!(pace(BitRate(8_000_000_000)), Pace { next_ns: 0, byte_time: ONE_NS, longest_ns: LONGEST_NS });
        assert_eq!(pace(BitRate(80_000_000_000)).byte_time, ONE_NS / 10);
        // What is slow may wait for longer: one piece of a socket takes that long.
        assert_eq!(pace(BitRate(1_000_000)), Pace { next_ns: 0, byte_time: 8000 * ONE_NS, longest_ns: 8000 * LARGEST_BYTES });
        assert_eq!(pace(BitRate(1_000)).longest_ns, 8_000_000 * LARGEST_BYTES);
        assert!(pace(BitRate(1_000_000_000_000_000)).byte_time > 0);
    }
}
