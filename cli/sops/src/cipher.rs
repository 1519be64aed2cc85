//! Single values: AES-256-GCM under the file's data key, with the value's path as associated data.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Entropy;
use crate::scalar::{Kind, Scalar};

/// `sops` draws 32 bytes for each value, unlike the 12 that GCM is mostly used with.
const IV_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// The key that all values of one file are encrypted with.
pub(crate) struct DataKey {
    bytes: Zeroizing<[u8; 32]>,
    cipher: AesGcm<Aes256, U32>,
}

/// Why an encrypted value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The text does not have the form of an encrypted value.
    Form,
    /// The tag does not fit the ciphertext, the key and the place.
    Tag,
    /// The plaintext is not of the type that the value claims.
    Type,
}

impl DataKey {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self { cipher: AesGcm::new(&bytes.into()), bytes: Zeroizing::new(bytes) }
    }

    pub(crate) fn draw(entropy: &mut Entropy<'_>) -> Self {
        let mut bytes = [0; 32];
        entropy(&mut bytes);
        Self::new(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The written form of a scalar; empty text stays empty, as the format wants it.
    pub(crate) fn encrypt(&self, scalar: &Scalar, aad: &str, entropy: &mut Entropy<'_>) -> String {
        if scalar.bytes.is_empty() {
            return String::new();
        }
        let mut iv = [0; IV_BYTES];
        entropy(&mut iv);
        let payload = Payload { msg: &scalar.bytes, aad: aad.as_bytes() };
        // GCM refuses only messages of more than 64 GiB, which no tree of nodes holds.
        let mut data = self.cipher.encrypt(&Nonce::from(iv), payload).unwrap_or_default();
        let tag = data.split_off(data.len().saturating_sub(TAG_BYTES));
        let (data, iv, tag) = (STANDARD.encode(data), STANDARD.encode(iv), STANDARD.encode(tag));
        format!("ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{}]", scalar.kind.label())
    }

    pub(crate) fn decrypt(&self, text: &str, aad: &str) -> Result<Scalar, Refusal> {
        if text.is_empty() {
            return Ok(Scalar { kind: Kind::Str, bytes: Zeroizing::default() });
        }
        let parts = Parts::parse(text).ok_or(Refusal::Form)?;
        let payload = Payload { msg: &parts.data_and_tag, aad: aad.as_bytes() };
        let bytes = self.cipher.decrypt(&Nonce::from(parts.iv), payload).map_err(|_| Refusal::Tag)?;
        Scalar::decrypted(parts.kind, Zeroizing::new(bytes)).ok_or(Refusal::Type)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}

struct Parts {
    data_and_tag: Vec<u8>,
    iv: [u8; IV_BYTES],
    kind: Kind,
}

impl Parts {
    fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix("ENC[AES256_GCM,data:")?.strip_suffix(']')?;
        let (data, rest) = body.split_once(",iv:")?;
        let (iv, rest) = rest.split_once(",tag:")?;
        let (tag, label) = rest.split_once(",type:")?;
        let mut data_and_tag = STANDARD.decode(data).ok()?;
        let tag: [u8; TAG_BYTES] = STANDARD.decode(tag).ok()?.try_into().ok()?;
        data_and_tag.extend_from_slice(&tag);
        Some(Self { data_and_tag, iv: STANDARD.decode(iv).ok()?.try_into().ok()?, kind: Kind::from_label(label)? })
    }
}

/// Whether a text has the form of an encrypted comment.
pub(crate) fn is_encrypted_comment(text: &str) -> bool {
    Parts::parse(text).is_some_and(|parts| parts.kind == Kind::Comment)
}

/// The ciphertexts of a file that was opened, by place and plaintext, so that an unchanged value keeps its bytes.
#[derive(Default)]
pub(crate) struct Ciphertexts(BTreeMap<[u8; 32], String>);

impl Ciphertexts {
    pub(crate) fn keep(&mut self, aad: &str, scalar: &Scalar, text: &str) {
        self.0.insert(Self::place(aad, scalar), text.to_owned());
    }

    pub(crate) fn find(&self, aad: &str, scalar: &Scalar) -> Option<&str> {
        self.0.get(&Self::place(aad, scalar)).map(String::as_str)
    }

    /// A hash, so that no second copy of the plaintext lives here.
    fn place(aad: &str, scalar: &Scalar) -> [u8; 32] {
        // The tree shows a time as a string; found again as one, it keeps its type.
        let kind = if scalar.kind == Kind::Time { Kind::Str } else { scalar.kind };
        let aad_bytes = aad.len().to_le_bytes();
        Sha256::new().chain_update(aad_bytes).chain_update(aad).chain_update([kind as u8]).chain_update(&*scalar.bytes).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_bound_to_key_path_and_type() {
        let key = DataKey::new([7; 32]);
        let scalar = Scalar::of(&"value".into()).unwrap().unwrap();
        let mut iv = 0;
        let text = key.encrypt(&scalar, "a:b:", &mut |bytes| {
            iv += 1;
            bytes.fill(iv);
        });
        assert_eq!(&*key.decrypt(&text, "a:b:").unwrap().bytes, b"value");
        assert_eq!(key.decrypt(&text, "a:c:").err(), Some(Refusal::Tag));
        assert_eq!(DataKey::new([8; 32]).decrypt(&text, "a:b:").err(), Some(Refusal::Tag));
        assert_eq!(key.decrypt(&text.replace("type:str", "type:int"), "a:b:").err(), Some(Refusal::Type));
        assert_eq!(key.decrypt(&text.replace("type:str", "type:text"), "a:b:").err(), Some(Refusal::Form));
        assert_eq!(key.decrypt(&text.replace("iv:A", "iv:"), "a:b:").err(), Some(Refusal::Form));
        assert_eq!(key.decrypt(&format!("{text} "), "a:b:").err(), Some(Refusal::Form));
        assert_eq!(key.decrypt("value", "a:b:").err(), Some(Refusal::Form));
        assert!(key.decrypt("", "a:b:").unwrap().bytes.is_empty());
        assert_eq!(format!("{key:?}"), "DataKey(redacted)");
    }
}
