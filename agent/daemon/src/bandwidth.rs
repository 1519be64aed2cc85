//! The limits that pods ask for, kept at their cables.

use std::collections::{BTreeMap, BTreeSet};

use ichor_agent_apply::limit;
use ichor_agent_state::{BitRate, egress_limits};

use crate::agent::Agent;
use crate::log::note;
use crate::store::Attachment;

/// What was set, as far as this process knows; what an earlier one left is set again.
#[derive(Debug, Default)]
pub(crate) struct EgressLimits {
    set: BTreeMap<Attachment, Option<BitRate>>,
    problems: BTreeSet<String>,
    told: bool,
}

impl EgressLimits {
    pub(crate) fn of(&self, attachment: &Attachment) -> Option<BitRate> {
        self.set.get(attachment).copied().flatten()
    }

    /// A cable that is new has none.
    pub(crate) fn begin(&mut self, attachment: &Attachment) {
        self.set.insert(attachment.clone(), None);
    }

    /// A cable that was laid anew may have none.
    pub(crate) fn forget(&mut self, attachment: &Attachment) {
        self.set.remove(attachment);
    }

    pub(crate) fn problems(&self) -> impl Iterator<Item = &String> {
        self.problems.iter()
    }
}

/// How limits are kept, for people.
pub(crate) const MEANS: &str = "token bucket";

impl Agent {
    /// Makes the limits those of the pods' annotations.
    pub(crate) fn set_limits(&mut self) {
        let (wanted, problems) = egress_limits(&self.snapshot);
        let mut problems: BTreeSet<_> = problems.iter().map(ToString::to_string).collect();
        let entries = self.store.entries();
        self.limits.set.retain(|attachment, _| entries.contains_key(attachment));
        for (attachment, stored) in entries {
            let asked = wanted.get(&attachment.file_name()).copied();
            if asked.is_some() && !self.config.bandwidth_limits {
                problems.insert(format!("Pod {}: its limit is not kept: network.bandwidth_limits of cluster.yaml is false", stored.pod));
            }
            let rate = asked.filter(|_| self.config.bandwidth_limits);
            if self.limits.set.get(attachment) == Some(&rate) {
                continue;
            }
            match limit(&stored.namespace, &stored.cable.pod_name, rate) {
                Ok(()) => drop(self.limits.set.insert(attachment.clone(), rate)),
                // A pod that goes takes its limit with it; it is tried again as long as there is one.
                Err(error) => drop(problems.insert(format!("Pod {}: {error}", stored.pod))),
            }
            if rate.is_some() && !std::mem::replace(&mut self.limits.told, true) {
                note(&format!("what pods may send is limited by a {MEANS} at their end of the cable"));
            }
        }
        self.limits.problems = problems;
        self.note_problems();
    }
}
