//! The form of a table's rows, and how rows of another form become such rows.

/// A part of a key or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
}

/// What a table's definition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) key: Vec<Field>,
    pub(crate) value: Vec<Field>,
    pub(crate) key_bytes: usize,
    pub(crate) value_bytes: usize,
    pub(crate) entries: u32,
}

impl Layout {
    /// A short name of the rows' form: FNV-1a over the fields.
    pub(crate) fn digest(&self) -> u32 {
        let form =
            |fields: &[Field]| fields.iter().map(|field| format!("{} {} {};", field.name, field.offset, field.bytes)).collect::<String>();
        let text = format!("{}{}=>{}{}", form(&self.key), self.key_bytes, form(&self.value), self.value_bytes);
        text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }
}

/// How a key or a value is taken over: which bytes go where. A field that is new begins as zero; one that means
/// something else than before has to have another name.
#[derive(Debug)]
pub(crate) struct Conversion {
    moves: Vec<(usize, usize, usize)>,
    bytes: usize,
}

impl Conversion {
    pub(crate) fn new(from: &[Field], to: &[Field], bytes: usize) -> Self {
        const NUMBER: usize = 8;
        let found = |field: &Field| {
            let old = from.iter().find(|old| old.name == field.name)?;
            // A number may grow: its lowest byte comes first. An address may not.
            let fits = old.bytes == field.bytes || old.bytes.max(field.bytes) <= NUMBER;
            fits.then_some((old.offset, field.offset, old.bytes.min(field.bytes)))
        };
        Self { moves: to.iter().filter_map(found).collect(), bytes }
    }

    pub(crate) fn of(&self, old: &[u8]) -> Vec<u8> {
        let mut new = vec![0; self.bytes];
        for &(from, to, bytes) in &self.moves {
            if let (Some(from), Some(to)) = (old.get(from..from + bytes), new.get_mut(to..to + bytes)) {
                to.copy_from_slice(from);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, offset: usize, bytes: usize) -> Field {
        Field { name: name.into(), offset, bytes }
    }

    #[test]
    fn fields_go_by_their_names() {
        let old = [field("port", 0, 2), field("flags", 2, 1), field("gone", 3, 1), field("address", 4, 4)];
        let new = [field("address", 0, 16), field("flags", 16, 4), field("new", 20, 2), field("port", 22, 2)];
        let row = Conversion::new(&old, &new, 24).of(&[1, 2, 3, 9, 5, 6, 7, 8]);
        // An address of another family is none of this one.
        assert_eq!(row, [[0; 16].as_slice(), &[3, 0, 0, 0, 0, 0, 1, 2]].concat());
        let back = Conversion::new(&new, &old, 8).of(&row);
        assert_eq!(back, [1, 2, 3, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn another_order_has_another_digest() {
        let of = |key: Vec<Field>| Layout { key, value: Vec::new(), key_bytes: 4, value_bytes: 0, entries: 1 }.digest();
        let (first, second) = (of(vec![field("a", 0, 2), field("b", 2, 2)]), of(vec![field("b", 0, 2), field("a", 2, 2)]));
        assert_ne!(first, second);
        assert_eq!(first, of(vec![field("a", 0, 2), field("b", 2, 2)]));
    }
}
