//! Ways into a YAML tree, and the numbers that choose among them.

use ichor_yaml::{Layout, Node, Value};

/// The way from the root to a node, by the index of each child.
pub(crate) type Way = Vec<usize>;

/// The same numbers for the same seed, on every machine (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }

    /// A few of many, each once, in their order.
    pub(crate) fn some<T>(&mut self, mut from: Vec<T>, count: usize) -> Vec<T> {
        while from.len() > count {
            from.remove(self.roll(from.len()));
        }
        from
    }
}

fn children(node: &Node) -> Vec<&Node> {
    match &node.value {
        Value::Map(map) => map.entries.iter().map(|entry| &entry.node).collect(),
        Value::Seq(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

/// The ways to all nodes below the root.
pub(crate) fn ways(root: &Node) -> Vec<Way> {
    let mut found = Vec::new();
    for (index, child) in children(root).into_iter().enumerate() {
        found.push(vec![index]);
        found.extend(ways(child).into_iter().map(|rest| std::iter::once(index).chain(rest).collect()));
    }
    found
}

/// The node at the end of a way.
pub(crate) fn at<'n>(root: &'n Node, way: &[usize]) -> &'n Node {
    way.iter().fold(root, |node, index| children(node)[*index])
}

pub(crate) fn at_mut<'n>(root: &'n mut Node, way: &[usize]) -> &'n mut Node {
    way.iter().fold(root, |node, index| match &mut node.value {
        Value::Map(map) => &mut map.entries[*index].node,
        Value::Seq(items) => &mut items[*index],
        other => panic!("{other:?} has no children"),
    })
}

/// A way in words: `bgp.routers[0].asn`.
pub(crate) fn spelled(root: &Node, way: &[usize]) -> String {
    let mut words = String::new();
    for (depth, index) in way.iter().enumerate() {
        match &at(root, &way[..depth]).value {
            Value::Map(map) => {
                if depth > 0 {
                    words.push('.');
                }
                words.push_str(&map.entries[*index].key);
            }
            _ => words.push_str(&format!("[{index}]")),
        }
    }
    words
}

pub(crate) fn text_of(root: &Node) -> String {
    ichor_yaml::emit(root, Layout::Two)
}
