//! What the kernel and the compiler say about the forms of keys and values: the BPF type format.

use crate::layout::{Field, Layout};

const MAGIC: u16 = 0xeb9f;
const INT: u8 = 1;
const POINTER: u8 = 2;
const ARRAY: u8 = 3;
const STRUCT: u8 = 4;
const UNION: u8 = 5;
const ENUM: u8 = 6;
const TYPEDEF: u8 = 8;
const VOLATILE: u8 = 9;
const CONST: u8 = 10;
const RESTRICT: u8 = 11;
const FUNCTION_TYPE: u8 = 13;
const VARIABLE: u8 = 14;
const SECTION: u8 = 15;
const DECLARATION_TAG: u8 = 17;
const ENUM64: u8 = 19;

/// How deep types may lie in each other: what comes from elsewhere may go in circles.
const DEEPEST: u32 = 16;
const BITS: u32 = 8;

#[derive(Clone, Copy)]
struct Type<'d> {
    name: u32,
    kind: u8,
    /// Its size, or the type that it refers to.
    size: u32,
    /// Members and the like.
    rest: &'d [u8],
}

/// Types, by their numbers.
pub(crate) struct Btf<'d> {
    types: Vec<Type<'d>>,
    strings: &'d [u8],
}

impl<'d> Btf<'d> {
    pub(crate) fn parse(data: &'d [u8]) -> Option<Self> {
        const TYPE_HEAD: usize = 12;
        if half(data, 0)? != MAGIC {
            return None;
        }
        let head = at(data, 4)?;
        let part = |offset: usize, length: usize| data.get(head.checked_add(offset)?..)?.get(..length);
        let mut rest = part(at(data, 8)?, at(data, 12)?)?;
        let strings = part(at(data, 16)?, at(data, 20)?)?;
        // Number 0 is `void`.
        let mut types = vec![Type { name: 0, kind: 0, size: 0, rest: &[] }];
        while !rest.is_empty() {
            let (name, info, size) = (word(rest, 0)?, word(rest, 4)?, word(rest, 8)?);
            let kind = u8::try_from(info >> 24 & 0x1f).ok()?;
            let members = usize::try_from(info & 0xffff).ok()?;
            let length = match kind {
                INT | VARIABLE | DECLARATION_TAG => 4,
                ARRAY => 12,
                STRUCT | UNION | SECTION | ENUM64 => members * 12,
                ENUM | FUNCTION_TYPE => members * 8,
                _ => 0,
            };
            types.push(Type { name, kind, size, rest: rest.get(TYPE_HEAD..TYPE_HEAD + length)? });
            rest = rest.get(TYPE_HEAD + length..)?;
        }
        Some(Self { types, strings })
    }

    /// The form of a table, as its definition says it: a variable whose members point at what is meant.
    pub(crate) fn layout(&self, table: &str) -> Option<Layout> {
        let variable = self.types.iter().find(|found| found.kind == VARIABLE && self.name(found.name) == Some(table))?;
        let definition = self.resolve(variable.size)?;
        let pointed = |member: &str| {
            let (_, to, _) = self.members(definition).find(|(name, ..)| *name == member)?;
            let pointer = self.resolve(to)?;
            (pointer.kind == POINTER).then_some(pointer.size)
        };
        let entries = self.resolve(pointed("max_entries")?)?;
        // A ring has neither keys nor values.
        let form = |member: &str| {
            let mut fields = Vec::new();
            let Some(number) = pointed(member) else { return Some((fields, 0)) };
            self.flatten(number, 0, "", DEEPEST, &mut fields)?;
            Some((fields, self.size_of(number, DEEPEST)?))
        };
        let ((key, key_bytes), (value, value_bytes)) = (form("key")?, form("value")?);
        Some(Layout {
            key,
            value,
            key_bytes,
            value_bytes,
            entries: if entries.kind == ARRAY { word(entries.rest, 8)? } else { return None },
        })
    }

    fn name(&self, offset: u32) -> Option<&'d str> {
        let text = self.strings.get(usize::try_from(offset).ok()?..)?;
        let end = text.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(text.get(..end)?).ok()
    }

    /// The type of this number, behind names and qualifiers.
    fn resolve(&self, mut number: u32) -> Option<Type<'d>> {
        for _ in 0..DEEPEST {
            let found = *self.types.get(usize::try_from(number).ok()?)?;
            match found.kind {
                TYPEDEF | VOLATILE | CONST | RESTRICT => number = found.size,
                _ => return Some(found),
            }
        }
        None
    }

    /// Name, type and place in bits.
    fn members(&self, of: Type<'d>) -> impl Iterator<Item = (&'d str, u32, u32)> {
        let member = |part: &'d [u8]| Some((self.name(word(part, 0)?)?, word(part, 4)?, word(part, 8)?));
        of.rest.chunks_exact(12).filter_map(member).collect::<Vec<_>>().into_iter()
    }

    fn size_of(&self, number: u32, deepest: u32) -> Option<usize> {
        let found = self.resolve(number)?;
        match found.kind {
            ARRAY => self.size_of(word(found.rest, 0)?, deepest.checked_sub(1)?)?.checked_mul(at(found.rest, 8)?),
            INT | STRUCT | UNION | ENUM | ENUM64 => usize::try_from(found.size).ok(),
            _ => None,
        }
    }

    /// The fields that have no fields, by their whole names.
    fn flatten(&self, number: u32, offset: usize, name: &str, deepest: u32, fields: &mut Vec<Field>) -> Option<()> {
        let found = self.resolve(number)?;
        if found.kind != STRUCT {
            let bytes = self.size_of(number, deepest)?;
            fields.push(Field { name: name.to_owned(), offset, bytes });
            return Some(());
        }
        for (member, of, bits) in self.members(found) {
            let name = if name.is_empty() { member.to_owned() } else { format!("{name}.{member}") };
            let offset = offset.checked_add(usize::try_from(bits / BITS).ok()?)?;
            self.flatten(of, offset, &name, deepest.checked_sub(1)?, fields)?;
        }
        Some(())
    }
}

/// The types in an object as the compiler writes it: the section `.BTF` of an ELF file.
pub(crate) fn section(object: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b".BTF\0";
    let size = usize::from(half(object, 0x3a)?);
    let header = |index: u16| object.get(at(object, 0x28)?.checked_add(size.checked_mul(index.into())?)?..);
    let content = |index: u16| {
        let header = header(index)?;
        object.get(at(header, 0x18)?..)?.get(..at(header, 0x20)?)
    };
    let names = content(half(object, 0x3e)?)?;
    let count = half(object, 0x3c)?;
    let is_named = |index: &u16| header(*index).and_then(|header| names.get(at(header, 0)?..)).is_some_and(|name| name.starts_with(NAME));
    (0..count).find(is_named).and_then(content)
}

fn word(data: &[u8], offset: usize) -> Option<u32> {
    ichor_datapath_types::read(data.get(offset..)?)
}

fn half(data: &[u8], offset: usize) -> Option<u16> {
    ichor_datapath_types::read(data.get(offset..)?)
}

/// A word that is a length or a place; those of the file that are longer are below four GiB as well.
fn at(data: &[u8], offset: usize) -> Option<usize> {
    usize::try_from(word(data, offset)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::OBJECT;

    #[test]
    fn the_object_says_what_its_tables_hold() {
        let types = Btf::parse(section(OBJECT).unwrap()).unwrap();
        let flows = types.layout("FLOWS6").unwrap();
        let names =
            |fields: &[Field]| fields.iter().map(|field| format!("{}@{}+{}", field.name, field.offset, field.bytes)).collect::<Vec<_>>();
        assert_eq!(
            names(&flows.key),
            [
                "tuple.source@0+16",
                "tuple.destination@16+16",
                "tuple.source_port@32+2",
                "tuple.destination_port@34+2",
                "protocol@36+1",
                "pad@37+1",
                "pad2@38+2"
            ]
        );
        assert_eq!((flows.key_bytes, flows.value_bytes), (40, 48));
        assert_eq!(names(&types.layout("SLOTS").unwrap().value), ["@0+4"]);
        assert!(types.layout("SOCKETS").unwrap().entries > 1000);
        assert_eq!(types.layout("EVENTS").unwrap().key_bytes, 0);
        assert!(types.layout("NOTHING").is_none());
    }

    #[test]
    fn nonsense_is_nothing() {
        let whole = section(OBJECT).unwrap();
        for length in (0..whole.len()).step_by(97) {
            let _none = Btf::parse(&whole[..length]).and_then(|types| types.layout("FLOWS4"));
        }
        for place in (0..whole.len()).step_by(61) {
            let mut broken = whole.to_vec();
            broken[place] ^= 0xff;
            let _any = Btf::parse(&broken).and_then(|types| types.layout("FLOWS4"));
        }
        assert!(section(b"\x7fELF").is_none());
    }
}
