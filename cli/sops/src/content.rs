//! What differs between a file of YAML documents and a file of bytes.

use ichor_yaml::{Document, Layout, Node};

use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::open::Opener;
use crate::rules::Rules;
use crate::seal::{Sealer, Terms};

/// The plaintext of a file, and the form that it is sealed in.
pub(crate) trait Content: Sized {
    /// The rules of a file whose `sops` block names none.
    fn unnamed_rules() -> Rules;

    /// The rules to seal under, given those of the file before.
    fn rules(terms: &Terms, held: Option<&Rules>) -> Rules;

    /// The sealed file as a tree.
    fn parse(text: &str) -> Result<Vec<Document>, Error>;

    /// The text of a sealed file.
    fn emit(documents: &[Node], layout: Layout) -> String;

    /// The plaintext in the one shape that is sealed and compared.
    fn settled(self) -> Result<Self, Error>;

    /// Fails on what a SOPS file cannot hold.
    fn fingerprint(&self) -> Result<Fingerprint, Error>;

    /// The sealed documents without their `sops` blocks.
    fn encrypt(self, rules: &Rules, sealer: &mut Sealer<'_>) -> Result<Vec<Node>, Error>;

    /// The way back; the MAC is still to be compared.
    fn decrypt(documents: Vec<Node>, rules: &Rules, opener: &mut Opener<'_>) -> Result<Self, Error>;
}
