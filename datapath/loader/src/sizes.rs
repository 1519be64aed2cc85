//! How large the tables are.

/// Entries of each table that grows with the cluster or with its traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub services: u32,
    pub slots: u32,
    pub backends: u32,
    pub endpoints: u32,
    pub prefixes: u32,
    pub source_ranges: u32,
    pub flows_v4: u32,
    pub flows_v6: u32,
}

impl Sizes {
    /// For a node with this much memory: flows may take about a two-hundredth of it, as the rest is the pods'.
    pub fn for_memory(bytes: u64) -> Self {
        const SHARE: u64 = 200;
        /// What an entry costs with its bookkeeping, in the larger of both families.
        const FLOW_BYTES: u64 = 160;
        let flows = (bytes / SHARE / FLOW_BYTES / 2).clamp(1 << 15, 1 << 21).next_power_of_two();
        let flows = u32::try_from(flows).unwrap_or(1 << 21);
        Self {
            services: 1 << 16,
            slots: 1 << 21,
            backends: 1 << 17,
            endpoints: 1 << 12,
            prefixes: 1 << 16,
            source_ranges: 1 << 16,
            flows_v4: flows,
            flows_v6: flows,
        }
    }

    /// With so many flows in each family, where that is said.
    #[must_use]
    pub fn with_flows(self, entries: Option<u32>) -> Self {
        Self { flows_v4: entries.unwrap_or(self.flows_v4), flows_v6: entries.unwrap_or(self.flows_v6), ..self }
    }

    pub(crate) fn by_name(&self) -> [(&'static str, u32); 9] {
        [
            ("SERVICES", self.services),
            ("SLOTS", self.slots),
            ("BACKENDS", self.backends),
            ("ENDPOINTS", self.endpoints),
            ("PACES", self.endpoints),
            ("PREFIXES", self.prefixes),
            ("SOURCE_RANGES", self.source_ranges),
            ("FLOWS4", self.flows_v4),
            ("FLOWS6", self.flows_v6),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_grow_with_the_memory_between_bounds() {
        const GIB: u64 = 1 << 30;
        assert_eq!(Sizes::for_memory(GIB).flows_v4, 1 << 15);
        assert_eq!(Sizes::for_memory(8 * GIB).flows_v4, 1 << 18);
        assert_eq!(Sizes::for_memory(4096 * GIB).flows_v4, 1 << 21);
        let said = Sizes::for_memory(GIB).with_flows(Some(5000));
        assert_eq!((said.flows_v4, said.flows_v6), (5000, 5000));
        assert_eq!(said.with_flows(None), said);
    }
}
