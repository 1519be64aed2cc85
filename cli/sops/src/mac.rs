//! The hash that binds all values of a file together.

use sha2::{Digest, Sha256, Sha512};

use crate::rules::Rules;
use crate::scalar::Scalar;
use crate::walk::Path;

/// A hash over the plaintext of the values, in their order.
pub(crate) struct Mac(Sha512);

impl Mac {
    /// The variant for encrypted values only starts apart, so that the two never agree.
    pub(crate) fn start(rules: &Rules) -> Self {
        let hash = Sha512::new();
        Self(if rules.is_mac_only_encrypted() { hash.chain_update(Sha256::digest(b"sops")) } else { hash })
    }

    pub(crate) fn add(&mut self, path: &Path<'_>, scalar: &Scalar) {
        if path.is_covered() {
            self.0.update(&*scalar.bytes);
        }
    }

    pub(crate) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02X}")).collect()
    }
}
