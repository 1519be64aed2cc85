//! Other values for a value: near ones that may be meant, and far ones that cannot.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ichor_yaml::{Map, Node, Value};

/// Values of every kind, whatever stands there.
pub(crate) fn strangers(node: &Node) -> Vec<(&'static str, Node)> {
    vec![
        ("nothing", Node::default()),
        ("an empty text", Node::from("")),
        ("a text", Node::from("banana")),
        ("zero", Node::from(0)),
        ("a negative number", Node::from(-7)),
        ("a huge number", Node::from(99_999_999_999_999_999_999_i128)),
        ("a fraction", Node::new(Value::Float("1.5".into()))),
        ("true", Node::from(true)),
        ("an empty list", Node::from(Vec::new())),
        ("an empty mapping", Node::from(Map::new())),
        ("itself in a list", Node::from(vec![node.clone()])),
        ("itself in a mapping", Node::from(Map::new().with("value", node.clone()))),
        ("a text with signs of YAML", Node::from("a: b # c, [d] {e} & *f")),
        ("a text of several lines", Node::from("one\ntwo\n")),
        ("a text in other letters", Node::from("ключ-\u{1f511}-\u{202e}")),
        ("a very long text", Node::from("a".repeat(3000))),
    ]
}

/// Values that are near to what stands there.
pub(crate) fn neighbours(node: &Node) -> Vec<(String, Node)> {
    match &node.value {
        Value::Bool(value) => vec![("the contrary".into(), Node::from(!value))],
        Value::Int(number) => numbers(*number),
        Value::Str(text) => texts(text),
        Value::Seq(items) => lists(items),
        _ => Vec::new(),
    }
}

fn numbers(number: i128) -> Vec<(String, Node)> {
    let near = [number - 1, number + 1, number * 2, -number].map(|other| (format!("{other}"), Node::from(other)));
    near.into_iter().chain([("the same in quotes".to_owned(), Node::from(number.to_string()))]).collect()
}

fn lists(items: &[Node]) -> Vec<(String, Node)> {
    let mut others =
        vec![("none of the items".to_owned(), Vec::new()), ("the items backwards".to_owned(), items.iter().rev().cloned().collect())];
    for index in 0..items.len() {
        let mut fewer = items.to_vec();
        fewer.remove(index);
        others.push((format!("no item {index}"), fewer));
        let mut more = items.to_vec();
        more.push(items[index].clone());
        others.push((format!("item {index} twice"), more));
    }
    others.into_iter().map(|(what, items)| (what, Node::from(items))).collect()
}

fn texts(text: &str) -> Vec<(String, Node)> {
    let mut others: Vec<String> = match (text.parse::<IpAddr>(), text.split_once('/')) {
        (Ok(ip), _) => addresses(ip),
        (_, Some((address, length))) => match (address.parse::<IpAddr>(), length.parse::<u8>()) {
            (Ok(ip), Ok(length)) => prefixes(ip, length),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    others.extend([text.to_uppercase(), format!("{text} "), format!("{text}-2"), format!("{}x{}", &text[..middle], &text[middle..])]);
    others.retain(|other| other != text);
    others.into_iter().map(|other| (format!("`{other}`"), Node::from(other))).collect()
}

fn addresses(ip: IpAddr) -> Vec<String> {
    let other_family = if ip.is_ipv4() { "fd00:42::77" } else { "192.168.42.77" };
    let shifted = [1, -1, 256, -256, 40, 1 << 16].map(|by| shift(ip, by).to_string());
    shifted.into_iter().chain([other_family.into(), format!("{ip}/24"), "127.0.0.1".into(), "::".into(), "224.0.0.5".into()]).collect()
}

fn prefixes(ip: IpAddr, length: u8) -> Vec<String> {
    let widest = if ip.is_ipv4() { 32 } else { 128 };
    let lengths = [length.wrapping_sub(1), length + 1, length + 4, 0, widest, widest + 1].map(|length| format!("{ip}/{length}"));
    let moved = [1_i128 << 8, -(1 << 8), 1 << 16, 1 << 64].map(|by| format!("{}/{length}", shift(ip, by)));
    let other_family = if ip.is_ipv4() { format!("fd00:77::/{}", 128 - (32 - length.min(32))) } else { "192.168.77.0/24".to_owned() };
    lengths.into_iter().chain(moved).chain([other_family, ip.to_string()]).collect()
}

fn shift(ip: IpAddr, by: i128) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(u32::try_from((i128::from(ip.to_bits()) + by).rem_euclid(1 << 32)).unwrap()).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().wrapping_add_signed(by)).into(),
    }
}
