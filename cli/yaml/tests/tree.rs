//! Reading, writing, and reading again.

use ichor_yaml::{Layout, Map, Node, Value, emit, parse, parse_one};
use proptest::prelude::*;

fn node() -> impl Strategy<Value = Node> {
    let text = prop_oneof![any::<String>(), "[ -~\n]{0,20}", "[a-z.:#'\"0-9 -]{0,12}"];
    let leaf = prop_oneof![
        Just(Node::default()),
        any::<bool>().prop_map(Node::from),
        any::<i64>().prop_map(Node::from),
        text.clone().prop_map(Node::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Node::from),
            prop::collection::btree_map(text.clone(), inner, 0..5)
                .prop_map(|map| Node::from(map.into_iter().fold(Map::new(), |map, (key, node)| map.with(key, node)))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(node in node(), four in any::<bool>()) {
        let layout = if four { Layout::Four } else { Layout::Two };
        let text = emit(&node, layout);
        prop_assert_eq!(&parse_one(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?, &node, "{}", text);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = parse(&text);
    }
}

#[test]
fn comments_survive() {
    let text = "# top\na: 1 # right\n# above b\nb:\n  # above c\n  c: x\n  # tail of b\n# above d\nd:\n  - one # r1\n  # above two\n  - two\n  - k: v # kv\n    l: w\n# end\n";
    assert_eq!(emit(&parse_one(text).unwrap(), Layout::Two), text);
}

#[test]
fn a_key_is_found_twice_in_a_mapping_of_any_size() {
    for count in [1, 15, 16, 17, 18, 100] {
        for again in 0..count {
            let mut text: String = (0..count).map(|number| format!("k{number}: {number}\n")).collect();
            text.push_str(&format!("k{again}: again\nlast: 1\n"));
            let document = parse(&text).unwrap().remove(0);
            let [duplicate] = document.duplicates.as_slice() else { panic!("{text}: {:?}", document.duplicates) };
            assert_eq!((duplicate.first.start.line, duplicate.second.start.line), (again + 1, count + 1), "{text}");
            assert_eq!(document.root.as_map().unwrap().entries.len(), count + 1);
        }
    }
}

#[test]
fn duplicates_are_collected_and_refused_when_strict() {
    let text = "a: 1\nb: {c: 1, c: 2}\na: 2\n";
    let documents = parse(text).unwrap();
    let keys: Vec<_> = documents[0].duplicates.iter().map(|d| (d.key.as_str(), d.first.start.line, d.second.start.line)).collect();
    assert_eq!(keys, [("c", 2, 2), ("a", 1, 3)]);
    assert_eq!(parse_one(text).unwrap_err().to_string(), "2:11: the key `c` stands here twice");
}

#[test]
fn spans_point_at_the_value() {
    let text = "köln:\n  port: \"x\"\n";
    let node = parse_one(text).unwrap();
    let port = node.at(&["köln", "port"]).unwrap();
    assert_eq!((port.span.start.line, port.span.start.column), (2, 9));
    assert_eq!(&text[port.span.start.offset..port.span.end.offset], "\"x\"");
}

#[test]
fn bombs_end_early() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let prior = level - 1;
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{prior}"); 10].join(", ")));
    }
    assert!(parse(&bomb).unwrap_err().message.contains("aliases"));
    // A long text weighs more than a short one.
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), vec!["*a"; 1000].join(", "));
    assert!(parse(&long).unwrap_err().message.contains("aliases"));
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert!(parse("a: &a [*a]\n").is_err());
}

#[test]
fn several_documents() {
    let documents = parse("a: 1\n---\nb: 2\n").unwrap();
    assert_eq!(documents.len(), 2);
    assert!(parse_one("a: 1\n---\nb: 2\n").is_err());
    assert_eq!(parse_one("").unwrap().value, Value::Null);
}

#[test]
fn four_spaces_as_sops_writes() {
    let item = Map::new().with("c", "x").with("d", "---l1\nl2\n").with("e", Map::new().with("f", 1));
    let node = Node::from(Map::new().with("a", Map::new().with("b", vec![Node::from(item), Node::from("m1\nm2")])));
    let text = "a:\n    b:\n        - c: x\n          d: |\n            ---l1\n            l2\n          e:\n            f: 1\n        - |-\n          m1\n          m2\n";
    assert_eq!(emit(&node, Layout::Four), text);
}

#[test]
fn a_comment_beside_a_literal_block_goes_above() {
    let text = Node { right: Some(" c".into()), ..Node::from("l1\nl2\n") };
    let node = Node::from(Map::new().with("a", text.clone()).with("b", vec![text.clone(), Node::from(Map::new().with("d", text))]));
    let out = emit(&node, Layout::Two);
    assert_eq!(parse_one(&out).unwrap(), node, "{out}");
    assert_eq!(out.matches(" c\n").count(), 3, "{out}");
}
