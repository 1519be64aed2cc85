//! What a version means.

use super::{Text, kinds};

impl Text<kinds::Version> {
    /// Major, minor and patch number.
    pub fn numbers(&self) -> (u64, u64, u64) {
        let core = self.as_str().trim_start_matches('v').split('-').next().unwrap_or_default();
        let mut numbers = core.split('.').map(|part| part.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        (next(), next(), next())
    }

    /// The part that makes it a preview, such as `rc.1`.
    pub fn suffix(&self) -> Option<&str> {
        self.as_str().split_once('-').map(|(_, suffix)| suffix)
    }

    /// The version with its `v`, whether that was written or not.
    pub fn tag(&self) -> String {
        format!("v{}", self.as_str().trim_start_matches('v'))
    }
}
