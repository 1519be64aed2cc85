//! Making a new bundle out of entropy and the time.

use std::fmt;
use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use x509_cert::name::Name;
use zeroize::Zeroizing;

use super::certificate::{ecdsa_authority, ed25519_authority, pem_of};
use super::{AtRestKey, SecretsBundle};
use crate::secret::{Entropy, Secret};

const SERVICE_ACCOUNT_KEY_BITS: usize = 4096;
const TOKEN_ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A key or certificate could not be made, such as for a time that a certificate cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerateError(String);

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secrets bundle cannot be made: {}", self.0)
    }
}

impl std::error::Error for GenerateError {}

fn failed(error: impl fmt::Display) -> GenerateError {
    GenerateError(error.to_string())
}

impl SecretsBundle {
    /// Makes a new bundle whose certificates are valid for ten years from `now_unix_s`.
    pub fn generate(entropy: &Entropy, now_unix_s: u64) -> Result<Self, GenerateError> {
        let rng = &mut ChaCha20Rng::from_seed(*entropy.0);
        let organization = |name: &str| Name::from_str(&format!("O={name}")).map_err(failed);
        let service_account = RsaPrivateKey::new(rng, SERVICE_ACCOUNT_KEY_BITS).map_err(failed)?;
        let service_account = service_account.to_pkcs1_der().map_err(failed)?;
        Ok(Self {
            cluster_id: Secret::new(URL_SAFE.encode(bytes(rng).as_slice())),
            cluster_secret: Secret::new(STANDARD.encode(bytes(rng).as_slice())),
            bootstrap_token: token(rng),
            at_rest: AtRestKey::Secretbox(Secret::new(STANDARD.encode(bytes(rng).as_slice()))),
            trustd_token: token(rng),
            etcd: ecdsa_authority(rng, organization("etcd")?, now_unix_s).map_err(failed)?,
            kubernetes: ecdsa_authority(rng, organization("kubernetes")?, now_unix_s).map_err(failed)?,
            // Talos names this one by a common name it then leaves out of the certificate: the subject is empty.
            aggregator: ecdsa_authority(rng, Name::default(), now_unix_s).map_err(failed)?,
            os: ed25519_authority(rng, organization("talos")?, now_unix_s).map_err(failed)?,
            service_account: pem_of("RSA PRIVATE KEY", service_account.as_bytes()).map_err(failed)?,
        })
    }
}

fn bytes(rng: &mut ChaCha20Rng) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    rng.fill_bytes(bytes.as_mut());
    bytes
}

/// Six characters, a dot, sixteen characters.
fn token(rng: &mut ChaCha20Rng) -> Secret {
    let mut text = String::with_capacity(23);
    while text.len() < 23 {
        if text.len() == 6 {
            text.push('.');
        }
        // 252 is the largest multiple of 36 in a byte: what lies above would favour the first characters.
        let byte = rng.next_u32().to_le_bytes()[0];
        if byte < 252
            && let Some(c) = TOKEN_ALPHABET.get(usize::from(byte % 36))
        {
            text.push(char::from(*c));
        }
    }
    Secret::new(text)
}
