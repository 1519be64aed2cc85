//! Self-signed authorities as Talos makes them: the same subjects, usages and key types.

use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::Rng as _;
use p256::ecdsa::DerSignature;
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::LineEnding;
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder, Error};
use x509_cert::der::asn1::OctetString;
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::der::{DateTime, EncodePem as _, pem};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use super::Authority;
use crate::secret::Secret;

/// Ten years of 365 days.
const VALIDITY: Duration = Duration::from_secs(87_600 * 3600);

/// RFC 8410: a PKCS#8 key of version 1 ends in the 32 bytes of the seed.
const ED25519_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// An authority over ECDSA with the curve P-256.
pub(super) fn ecdsa_authority(rng: &mut ChaCha20Rng, subject: Name, now_unix_s: u64) -> Result<Authority, Error> {
    let key = p256::SecretKey::generate_from_rng(rng);
    let signer = p256::ecdsa::SigningKey::from(&key);
    let public = SubjectPublicKeyInfoOwned::from_key(signer.verifying_key())?;
    let certificate = builder(rng, subject, now_unix_s, public)?.build::<_, DerSignature>(&signer)?;
    let key = key.to_sec1_der()?;
    Ok(Authority { certificate: certificate.to_pem(LineEnding::LF)?, key: pem_of("EC PRIVATE KEY", &key)? })
}

/// An authority over Ed25519.
pub(super) fn ed25519_authority(rng: &mut ChaCha20Rng, subject: Name, now_unix_s: u64) -> Result<Authority, Error> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut());
    let signer = ed25519_dalek::SigningKey::from_bytes(&seed);
    let public = SubjectPublicKeyInfoOwned::from_key(&signer.verifying_key())?;
    let certificate = builder(rng, subject, now_unix_s, public)?.build::<_, ed25519_dalek::Signature>(&signer)?;
    let der = zeroize::Zeroizing::new([ED25519_PREFIX.as_slice(), seed.as_slice()].concat());
    // Talos' own type, although the content is PKCS#8.
    Ok(Authority { certificate: certificate.to_pem(LineEnding::LF)?, key: pem_of("ED25519 PRIVATE KEY", &der)? })
}

pub(super) fn pem_of(label: &'static str, der: &[u8]) -> Result<Secret, Error> {
    let text = pem::encode_string(label, LineEnding::LF, der).map_err(x509_cert::der::Error::from)?;
    Ok(Secret::new(text))
}

fn builder(
    rng: &mut ChaCha20Rng,
    subject: Name,
    now_unix_s: u64,
    public: SubjectPublicKeyInfoOwned,
) -> Result<CertificateBuilder<RootProfile>, Error> {
    let serial = SerialNumber::generate(rng);
    let mut key_id = [0; 20];
    rng.fill_bytes(&mut key_id);
    let now = Duration::from_secs(now_unix_s);
    let time = |since_epoch| DateTime::from_unix_duration(since_epoch).map(Time::from);
    let validity = Validity::new(time(now)?, time(now.saturating_add(VALIDITY))?);
    CertificateBuilder::new(RootProfile { subject, key_id }, serial, validity, public)
}

struct RootProfile {
    subject: Name,
    key_id: [u8; 20],
}

impl BuilderProfile for RootProfile {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> Result<Vec<Extension>, Error> {
        let subject = tbs.subject();
        let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::KeyCertSign);
        let extended = ExtendedKeyUsage(vec![ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH]);
        let constraints = BasicConstraints { ca: true, path_len_constraint: None };
        let key_id = SubjectKeyIdentifier(OctetString::new(self.key_id)?);
        Ok(vec![
            usage.to_extension(subject, &[])?,
            extended.to_extension(subject, &[])?,
            constraints.to_extension(subject, &[])?,
            key_id.to_extension(subject, &[])?,
        ])
    }
}
