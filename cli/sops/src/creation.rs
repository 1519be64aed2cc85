//! `.sops.yaml`: for whom and how a file is sealed, by its path.

use ichor_yaml::{Layout, Map, Node, Value, parse_one};
use regex_lite::Regex;

use crate::age::Recipient;
use crate::error::{Error, ErrorKind};
use crate::rules::Rules;
use crate::seal::Terms;

/// What a rule may say and is understood.
const SUPPORTED: [&str; 8] = [
    "path_regex",
    "age",
    "key_groups",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "mac_only_encrypted",
];

/// The creation rules of a `.sops.yaml`.
#[derive(Clone, Debug)]
pub struct CreationRules {
    rules: Vec<Node>,
    layout: Layout,
}

impl CreationRules {
    /// Reads the file; a rule is checked when it is asked for.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let root = parse_one(text)?;
        if !matches!(root.value, Value::Map(_) | Value::Null) {
            return Err(rule_error("the file is not a mapping", "start it with `creation_rules:`", &root));
        }
        let rules = match root.get("creation_rules") {
            None => Vec::new(),
            Some(node) => match &node.value {
                Value::Seq(items) => items.clone(),
                Value::Null => Vec::new(),
                _ => return Err(rule_error("`creation_rules` is not a list", "start each rule with a dash", node)),
            },
        };
        Ok(Self { rules, layout: layout(&root)? })
    }

    /// The terms for a file, whose path is relative to the folder of `.sops.yaml`; `None` if there are no rules at all.
    pub fn terms_for(&self, path: &str) -> Result<Option<Terms>, Error> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        for node in &self.rules {
            let Some(rule) = node.as_map() else {
                return Err(rule_error("a creation rule is not a mapping", "give it keys such as `path_regex` and `age`", node));
            };
            if matches(rule, path)? {
                return terms(node, rule, self.layout).map(Some);
            }
        }
        let help = "add a rule whose `path_regex` matches it, or one without `path_regex` at the end";
        Err(Error::new(ErrorKind::Rule, format!("no creation rule matches `{path}`"), help))
    }
}

fn rule_error(message: impl Into<String>, help: &str, node: &Node) -> Error {
    Error::new(ErrorKind::Rule, message, help).at(node.span)
}

fn layout(root: &Node) -> Result<Layout, Error> {
    let Some(indent) = root.at(&["stores", "yaml", "indent"]) else { return Ok(Layout::Four) };
    match indent.value {
        Value::Int(0 | 4) | Value::Null => Ok(Layout::Four),
        Value::Int(2) => Ok(Layout::Two),
        _ => {
            let message = "only an indentation of 2 or 4 is supported";
            Err(Error::new(ErrorKind::Unsupported, message, "set `stores.yaml.indent` to 2 or 4").at(indent.span))
        }
    }
}

fn matches(rule: &Map, path: &str) -> Result<bool, Error> {
    let Some((node, pattern)) = text(rule, "path_regex")? else { return Ok(true) };
    let regex = Regex::new(pattern).map_err(|error| {
        let help = "write it in the syntax of RE2 without Unicode classes, like secrets/.*\\.sops\\.yaml$";
        rule_error(format!("`path_regex` is not a regular expression: {error}"), help, node)
    })?;
    Ok(regex.is_match(path))
}

/// A string that is set; an empty one counts as not set.
fn text<'a>(rule: &'a Map, key: &str) -> Result<Option<(&'a Node, &'a str)>, Error> {
    match rule.get(key) {
        None => Ok(None),
        Some(node) => match &node.value {
            Value::Null => Ok(None),
            Value::Str(text) => Ok(Some((node, text.as_str())).filter(|_| !text.is_empty())),
            _ => Err(rule_error(format!("`{key}` is not a string"), "put it in quotes", node)),
        },
    }
}

fn terms(node: &Node, rule: &Map, layout: Layout) -> Result<Terms, Error> {
    refuse_unsupported(rule)?;
    let mut found = None;
    for key in Rules::KEYS {
        let Some((node, text)) = text(rule, key)? else { continue };
        if let Some((other, ..)) = found.replace((key, node, text)) {
            return Err(rule_error(format!("a rule has both `{other}` and `{key}`"), "keep one of them", node));
        }
    }
    let rules = match found {
        Some((key, node, text)) => Rules::from_key(key, text).map_err(|error| error.at(node.span))?,
        None => Rules::default(),
    };
    let only = match rule.get("mac_only_encrypted") {
        None => false,
        Some(node) if node.is_null() => false,
        Some(node) => {
            node.as_bool().ok_or_else(|| rule_error("`mac_only_encrypted` is neither true nor false", "write true or false", node))?
        }
    };
    let recipients = recipients(rule)?;
    if recipients.is_empty() {
        return Err(rule_error("the rule names no age recipient", "add `age:` with at least one recipient", node));
    }
    Ok(Terms { recipients, rules: rules.mac_only_encrypted(only), layout })
}

fn refuse_unsupported(rule: &Map) -> Result<(), Error> {
    let other = rule.entries.iter().find(|entry| !SUPPORTED.contains(&entry.key.as_str()) && !entry.node.is_null());
    match other {
        Some(entry) => {
            let message = format!("`{}` in a creation rule is not supported", entry.key);
            let help = format!("supported are {}; use age recipients, or `sops` for this file", SUPPORTED.join(", "));
            Err(Error::new(ErrorKind::Unsupported, message, help).at(entry.key_span))
        }
        None => Ok(()),
    }
}

/// As `sops` has it, key groups win over the rule's own list.
fn recipients(rule: &Map) -> Result<Vec<Recipient>, Error> {
    let groups = rule.get("key_groups").filter(|node| !node.is_null());
    let groups = match groups.map(|node| (node, node.as_seq())) {
        Some((node, None)) => return Err(rule_error("`key_groups` is not a list", "start each group with a dash", node)),
        Some((_, Some([]))) | None => return rule.get("age").map_or_else(|| Ok(Vec::new()), recipient_list),
        Some((_, Some([group]))) => group,
        Some((node, Some(_))) => {
            let message = "a data key that is split among several key groups is not supported";
            return Err(Error::new(ErrorKind::Unsupported, message, "use one group").at(node.span));
        }
    };
    let map = groups.as_map().ok_or_else(|| rule_error("a key group is not a mapping", "give it an `age` list", groups))?;
    if let Some(entry) = map.entries.iter().find(|entry| entry.key != "age" && !entry.node.is_null()) {
        let message = format!("`{}` in a key group is not supported", entry.key);
        return Err(Error::new(ErrorKind::Unsupported, message, "use `age` only").at(entry.key_span));
    }
    map.get("age").map_or_else(|| Ok(Vec::new()), recipient_list)
}

/// One string with commas, or a list of such.
fn recipient_list(node: &Node) -> Result<Vec<Recipient>, Error> {
    let items = match &node.value {
        Value::Seq(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut recipients = Vec::new();
    for item in items.iter().filter(|item| !item.is_null()) {
        let text = item.as_str().ok_or_else(|| rule_error("a recipient is not a string", "write recipients as age1...", item))?;
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let recipient = word.parse().map_err(|error: Error| error.at(item.span))?;
            if !recipients.contains(&recipient) {
                recipients.push(recipient);
            }
        }
    }
    Ok(recipients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::age::Identity;

    fn recipient(seed: u8) -> Recipient {
        Identity::generate(&mut |bytes| bytes.fill(seed)).recipient()
    }

    /// `A` and `B` stand for two recipients.
    fn terms(text: &str, path: &str) -> Result<Option<Terms>, Error> {
        let text = text.replace('A', &recipient(1).to_string()).replace('B', &recipient(2).to_string());
        CreationRules::parse(&text)?.terms_for(path)
    }

    #[test]
    fn the_first_match_wins() {
        let text = "creation_rules:\n- {path_regex: '\\.sops\\.yaml$', encrypted_regex: ^data$, age: A}\n- {path_regex: a, age: B}\n- age: [B, 'A,B,']\n";
        let first = terms(text, "apps/a.sops.yaml").unwrap().unwrap();
        assert_eq!((first.recipients, first.rules), (vec![recipient(1)], Rules::encrypted_regex("^data$").unwrap()));
        let second = terms(text, "apps/a.yaml").unwrap().unwrap();
        assert_eq!((second.recipients, second.rules), (vec![recipient(2)], Rules::default()));
        assert_eq!(terms(text, "b").unwrap().unwrap().recipients, [recipient(2), recipient(1)]);
    }

    #[test]
    fn groups_and_layout() {
        let text = "creation_rules:\n- age: B\n  mac_only_encrypted: true\n  key_groups: [{age: [A]}]\nstores: {yaml: {indent: 2}}\n";
        let terms = terms(text, "x").unwrap().unwrap();
        assert_eq!((terms.recipients.as_slice(), terms.layout), ([recipient(1)].as_slice(), Layout::Two));
        assert_eq!(terms.rules, Rules::default().mac_only_encrypted(true));
    }

    #[test]
    fn a_file_without_rules_says_nothing() {
        for text in ["", "creation_rules:\n", "destination_rules: []\n"] {
            assert!(terms(text, "x").unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (rule, word) in [
            ("{age: A, pgp: FBC7}", "`pgp`"),
            ("{age: A, kms: arn}", "`kms`"),
            ("{age: A, shamir_threshold: 2}", "`shamir_threshold`"),
            ("{age: A, encypted_regex: x}", "`encypted_regex`"),
            ("{age: A, encrypted_comment_regex: x}", "`encrypted_comment_regex`"),
            ("{age: A, key_groups: [{age: [A]}, {age: [B]}]}", "several key groups"),
            ("{age: A, key_groups: [{age: [A], pgp: [x]}]}", "`pgp` in a key group"),
            ("{age: 'ssh-ed25519 x'}", "SSH"),
            ("{age: age1yubikey1qqq}", "plugin"),
            ("{age: age1nonsense}", "not an age recipient"),
            ("{age: ''}", "no age recipient"),
            ("{path_regex: x}", "no age recipient"),
            ("{age: A, encrypted_regex: '('}", "regular expression"),
            ("{age: A, path_regex: '('}", "regular expression"),
            ("{age: A, encrypted_regex: a, unencrypted_suffix: b}", "both"),
            ("{age: A, mac_only_encrypted: 'yes'}", "neither true nor false"),
            ("{age: A, path_regex: nothing}", "no creation rule matches `x`"),
            ("text", "not a mapping"),
        ] {
            let error = terms(&format!("creation_rules: [{rule}]"), "x").unwrap_err();
            assert!(error.message.contains(word), "{rule}: {error}");
            assert_eq!(error.position.is_some(), !word.contains("matches"), "{rule}: {error}");
        }
        assert!(terms("stores: {yaml: {indent: 3}}", "x").unwrap_err().message.contains("2 or 4"));
    }
}
