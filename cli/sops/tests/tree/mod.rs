//! Trees with every kind of value and comment.

use ichor_yaml::{Map, Node, Value};
use proptest::prelude::*;

/// A document, whose comments have at least so many characters.
pub(crate) fn tree(least: usize) -> impl Strategy<Value = Node> {
    let comment = format!("[a-z #:!-]{{{least},8}}");
    // For a text that starts with white space `sops` itself prints a literal block that is not YAML.
    let lines = "[ -~\n]{0,20}".prop_filter("printed wrongly", |text: &String| !text.starts_with([' ', '\n']));
    let text = || prop_oneof![lines.clone(), "\\PC{0,8}", "[a-z.:#'\"0-9 _-]{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::Float(format!("{n}.5"))),
        text().prop_map(Value::from),
    ];
    let line = move || prop::string::string_regex(&comment).unwrap();
    let comments = move || (prop::collection::vec(line(), 0..2), prop::option::of(line()));
    let node = (leaf, comments()).prop_map(|(value, (before, right))| Node { value, before, right, ..Node::default() });
    let map = move |inner: BoxedStrategy<Node>| {
        let keys = "[a-zA-Z0-9 ._:-]{1,10}".prop_filter("taken by the format", |key| key != "sops");
        (prop::collection::btree_map(keys, inner, 0..4), comments()).prop_map(|(entries, (before, _))| {
            let map = entries.into_iter().fold(Map::new(), |map, (key, node)| map.with(key, node));
            Node { value: Value::Map(map), before, ..Node::default() }
        })
    };
    let inner = node.prop_recursive(3, 20, 4, move |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Node::from), map(inner.boxed())]
    });
    prop::collection::btree_map("[a-z]{1,3}", inner, 0..5)
        .prop_map(|entries| Node::from(entries.into_iter().fold(Map::new(), |map, (key, node)| map.with(key, node))))
}
