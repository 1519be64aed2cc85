//! One small age file: a header with a stanza for each recipient, and a payload of a single chunk.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::armor::{armor, dearmor};
use super::{Identity, Recipient};
use crate::Entropy;

const VERSION_LINE: &str = "age-encryption.org/v1\n";
const X25519_LABEL: &[u8] = b"age-encryption.org/v1/X25519";
const STANZA_COLUMNS: usize = 64;
const FILE_KEY_BYTES: usize = 16;
const PAYLOAD_NONCE_BYTES: usize = 16;
/// The only chunk is number zero and the last.
const CHUNK_NONCE: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Why an age file does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// None of the identities is among its recipients.
    Identity,
    /// It is not an age file, or was changed.
    Damaged,
}

/// Seals a short text, such as a data key, for one recipient.
pub(crate) fn wrap(secret: &[u8], recipient: &Recipient, entropy: &mut Entropy<'_>) -> String {
    let mut file_key = Zeroizing::new([0; FILE_KEY_BYTES]);
    entropy(&mut *file_key);
    let ephemeral = Identity::generate(entropy);
    let share = ephemeral.recipient();
    let shared = ephemeral.0.diffie_hellman(&PublicKey::from(recipient.0));
    let body = seal(&wrap_key(shared.as_bytes(), &share, recipient), [0; 12], &*file_key);

    let mut header = String::from(VERSION_LINE);
    header.push_str(&format!("-> X25519 {}\n{}\n---", STANDARD_NO_PAD.encode(share.0), STANDARD_NO_PAD.encode(body)));
    let mac = STANDARD_NO_PAD.encode(header_mac(&*file_key, &header).finalize().into_bytes());

    let mut nonce = [0; PAYLOAD_NONCE_BYTES];
    entropy(&mut nonce);
    let mut file = format!("{header} {mac}\n").into_bytes();
    file.extend_from_slice(&nonce);
    file.extend_from_slice(&seal(&derive(&nonce, &*file_key, b"payload"), CHUNK_NONCE, secret));
    armor(&file)
}

/// Opens what [`wrap`] or age itself sealed.
pub(crate) fn unwrap(text: &str, identities: &[Identity]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let file = dearmor(text).ok_or(Refusal::Damaged)?;
    let header = Header::parse(&file).ok_or(Refusal::Damaged)?;
    let file_key = header.file_key(identities).ok_or(Refusal::Identity)?;
    header_mac(&file_key, header.text).verify_slice(&header.mac).map_err(|_| Refusal::Damaged)?;
    let (nonce, chunk) = header.payload.split_at_checked(PAYLOAD_NONCE_BYTES).ok_or(Refusal::Damaged)?;
    open(&derive(nonce, &file_key, b"payload"), CHUNK_NONCE, chunk).ok_or(Refusal::Damaged)
}

struct Header<'a> {
    /// Up to the three dashes: what the header's MAC covers.
    text: &'a str,
    stanzas: Vec<Stanza>,
    mac: Vec<u8>,
    payload: &'a [u8],
}

/// A file key, wrapped for an X25519 recipient.
struct Stanza {
    share: Recipient,
    body: Vec<u8>,
}

impl<'a> Header<'a> {
    fn parse(file: &'a [u8]) -> Option<Self> {
        let dashes = file.windows(5).position(|window| window == b"\n--- ")? + 4;
        let text = std::str::from_utf8(file.get(..dashes)?).ok()?;
        let rest = file.get(dashes + 1..)?;
        let line_end = rest.iter().position(|byte| *byte == b'\n')?;
        let mac = STANDARD_NO_PAD.decode(rest.get(..line_end)?).ok()?;
        let stanzas = stanzas(text.strip_prefix(VERSION_LINE)?.strip_suffix("---")?)?;
        Some(Self { text, stanzas, mac, payload: rest.get(line_end + 1..)? })
    }

    fn file_key(&self, identities: &[Identity]) -> Option<Zeroizing<Vec<u8>>> {
        self.stanzas.iter().find_map(|stanza| identities.iter().find_map(|identity| stanza.file_key(&identity.0)))
    }
}

/// The X25519 stanzas of a header; those of other kinds are passed over.
fn stanzas(text: &str) -> Option<Vec<Stanza>> {
    let mut stanzas = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut words = line.strip_prefix("-> ")?.split(' ');
        let (kind, share, more) = (words.next()?, words.next(), words.next());
        let mut body = String::new();
        loop {
            let line = lines.next()?;
            body.push_str(line);
            // A body ends with a line that is shorter than full, even if it is empty.
            if line.len() != STANZA_COLUMNS {
                break;
            }
        }
        if kind == "X25519" && more.is_none() {
            let share = Recipient(STANDARD_NO_PAD.decode(share?).ok()?.try_into().ok()?);
            stanzas.push(Stanza { share, body: STANDARD_NO_PAD.decode(body).ok()? });
        }
    }
    Some(stanzas)
}

impl Stanza {
    fn file_key(&self, secret: &StaticSecret) -> Option<Zeroizing<Vec<u8>>> {
        let shared = secret.diffie_hellman(&PublicKey::from(self.share.0));
        if !shared.was_contributory() {
            return None;
        }
        let recipient = Recipient(PublicKey::from(secret).to_bytes());
        open(&wrap_key(shared.as_bytes(), &self.share, &recipient), [0; 12], &self.body).filter(|key| key.len() == FILE_KEY_BYTES)
    }
}

fn wrap_key(shared: &[u8; 32], share: &Recipient, recipient: &Recipient) -> Zeroizing<[u8; 32]> {
    derive(&[share.0, recipient.0].concat(), shared, X25519_LABEL)
}

fn derive(salt: &[u8], secret: &[u8], label: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    // Fails only for outputs of more than 8,160 bytes.
    let _ = Hkdf::<Sha256>::new(Some(salt), secret).expand(label, &mut *key);
    key
}

fn header_mac(file_key: &[u8], header: &str) -> Hmac<Sha256> {
    // A key shorter than the block counts as if filled up with zeros.
    let mut key = Zeroizing::new([0; 64]);
    let (start, _) = key.split_at_mut(32);
    start.copy_from_slice(&*derive(&[], file_key, b"header"));
    let mut mac = Hmac::<Sha256>::new((&*key).into());
    mac.update(header.as_bytes());
    mac
}

fn seal(key: &[u8; 32], nonce: [u8; 12], plaintext: &[u8]) -> Vec<u8> {
    // Fails only for messages of more than 256 GiB.
    ChaCha20Poly1305::new(key.into()).encrypt(&Nonce::from(nonce), plaintext).unwrap_or_default()
}

fn open(key: &[u8; 32], nonce: [u8; 12], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    ChaCha20Poly1305::new(key.into()).decrypt(&Nonce::from(nonce), ciphertext).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> impl FnMut(&mut [u8]) {
        let mut next = 0_u8;
        move |bytes| {
            next += 1;
            bytes.fill(next);
        }
    }

    fn identity(seed: u8) -> Identity {
        Identity::generate(&mut |bytes| bytes.fill(seed))
    }

    #[test]
    fn only_the_identity_opens() {
        let (ours, other) = (identity(40), identity(41));
        let text = wrap(b"secret", &ours.recipient(), &mut counter());
        assert_eq!(**unwrap(&text, &[other.clone(), ours]).unwrap(), *b"secret");
        assert_eq!(unwrap(&text, &[other]).unwrap_err(), Refusal::Identity);
        assert_eq!(unwrap(&text, &[]).unwrap_err(), Refusal::Identity);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let ours = identity(40);
        let file = dearmor(&wrap(&[9; 32], &ours.recipient(), &mut counter())).unwrap();
        for index in 0..file.len() {
            let mut changed = file.clone();
            changed[index] ^= 1;
            assert!(unwrap(&armor(&changed), std::slice::from_ref(&ours)).is_err(), "byte {index}");
        }
        for len in 0..file.len() {
            assert!(unwrap(&armor(&file[..len]), std::slice::from_ref(&ours)).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn stanzas_of_other_kinds_are_passed_over() {
        let full = "A".repeat(STANZA_COLUMNS);
        let share = STANDARD_NO_PAD.encode([1; 32]);
        let text = format!("-> grease-x a b c\n{full}\n\n-> X25519 {share}\nAAAA\n-> scrypt abc 18\nAA\n");
        assert_eq!(stanzas(&text).unwrap().len(), 1);
        assert!(stanzas("-> X25519 AAAA\nAAAA\n").is_none());
        assert!(stanzas("X25519\n").is_none());
    }

    #[test]
    fn a_share_of_low_order_opens_nothing() {
        let stanza = Stanza { share: Recipient([0; 32]), body: vec![0; 32] };
        assert!(stanza.file_key(&identity(40).0).is_none());
    }
}
