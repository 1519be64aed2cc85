//! Changing a checksum by what changed under it (RFC 1624), over words as they lie in memory.

use crate::packet::Packet;

/// A sum of one's complements, folded only when it is used. It has room for a million words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diff(u64);

impl Diff {
    pub const NONE: Self = Self(0);

    #[inline(always)]
    pub fn of_u16(old: u16, new: u16) -> Self {
        Self(u64::from(!old) + u64::from(new))
    }

    #[inline(always)]
    pub fn of_u32(old: u32, new: u32) -> Self {
        Self(u64::from(!old) + u64::from(new))
    }

    #[inline(always)]
    pub fn of_words(old: [u32; 4], new: [u32; 4]) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (old, new);
        Self::of_u32(a, e).plus(Self::of_u32(b, f)).plus(Self::of_u32(c, g)).plus(Self::of_u32(d, h))
    }

    #[inline(always)]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// As the kernel's helpers take it.
    #[inline(always)]
    pub fn folded(self) -> u64 {
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        (sum & 0xffff_ffff) + (sum >> 32)
    }

    /// The checksum after the change.
    #[inline(always)]
    pub fn applied(self, checksum: u16) -> u16 {
        let sum = u64::from(!checksum) + self.0;
        let sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        !((sum + (sum >> 16)) as u16)
    }
}

/// The sum of a number of words of a packet, which are read at once: of checks one by one the compiler makes one that
/// the verifier does not follow.
#[inline(always)]
pub(crate) fn sum_of<P: Packet, const WORDS: usize>(packet: &P, offset: usize) -> Option<Diff> {
    let words: [u32; WORDS] = packet.load(offset)?;
    Some(words.iter().fold(Diff::NONE, |sum, &word| sum.plus(Diff::of_u32(0, word))))
}
