//! Reading the old files into named fields that know where they stood.

use std::fmt;

use ichor_yaml::{Map, Node, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Source;
use super::fields::flat;

/// An old file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    pub file: &'static str,
    pub line: usize,
    pub message: String,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for ImportError {}

/// One field of an old file.
#[derive(Clone, Debug)]
pub(super) struct OldField {
    pub(super) file: &'static str,
    pub(super) line: usize,
    /// As it is spelled there.
    pub(super) name: String,
    /// As it is asked for.
    key: String,
    pub(super) node: Node,
}

impl OldField {
    /// The samples come with empty texts for what is to be filled in: these say nothing.
    pub(super) fn is_empty(&self) -> bool {
        match &self.node.value {
            Value::Null => true,
            Value::Str(text) => text.trim().is_empty(),
            Value::Seq(items) => items.is_empty(),
            _ => false,
        }
    }
}

/// The old files.
#[derive(Clone, Debug)]
pub(super) struct Old {
    fields: Vec<OldField>,
    pub(super) nodes: Vec<Vec<OldField>>,
}

const CLUSTER_YAML: &str = "cluster.yaml";
const NODES_YAML: &str = "nodes.yaml";
const CLUSTER_TOML: &str = "cluster.toml";

impl Old {
    pub(super) fn read(source: Source<'_>) -> Result<Self, ImportError> {
        match source {
            Source::Yaml { cluster, nodes } => {
                let mut old = Self { fields: Vec::new(), nodes: Vec::new() };
                old.read_root(CLUSTER_YAML, &parse_yaml(CLUSTER_YAML, cluster)?)?;
                old.read_root(NODES_YAML, &parse_yaml(NODES_YAML, nodes)?)?;
                Ok(old)
            }
            Source::Toml { cluster } => {
                let mut old = Self { fields: Vec::new(), nodes: Vec::new() };
                old.read_root(CLUSTER_TOML, &parse_toml(cluster)?)?;
                Ok(old)
            }
        }
    }

    fn read_root(&mut self, file: &'static str, root: &Node) -> Result<(), ImportError> {
        let wrong = |node: &Node, message: &str| ImportError { file, line: node.span.start.line.max(1), message: message.to_owned() };
        let map = match &root.value {
            Value::Map(map) => map,
            Value::Null => return Ok(()),
            _ => return Err(wrong(root, "this is not a mapping of fields")),
        };
        for entry in map.entries.iter().filter(|entry| entry.key != "nodes") {
            flatten(file, &entry.key, entry.key_span.start.line, &entry.node, &mut self.fields);
        }
        let Some(nodes) = map.get("nodes").filter(|nodes| !nodes.is_null()) else { return Ok(()) };
        for (index, node) in nodes.as_seq().ok_or_else(|| wrong(nodes, "`nodes` is not a list"))?.iter().enumerate() {
            let fields = node.as_map().ok_or_else(|| wrong(node, "a node is not a mapping of fields"))?;
            let field = |entry: &ichor_yaml::Entry| OldField {
                file,
                line: entry.key_span.start.line,
                name: format!("nodes[{index}].{}", entry.key),
                key: entry.key.clone(),
                node: entry.node.clone(),
            };
            self.nodes.push(fields.entries.iter().map(field).collect());
        }
        Ok(())
    }

    /// The value of a field that says something.
    pub(super) fn peek(&self, key: &str) -> Option<&Node> {
        self.fields.iter().find(|field| field.key == key && !field.is_empty()).map(|field| &field.node)
    }

    pub(super) fn take(&mut self, key: &str) -> Option<OldField> {
        take(&mut self.fields, key)
    }

    /// Everything that nobody asked for.
    pub(super) fn rest(&mut self) -> Vec<OldField> {
        let mut rest = std::mem::take(&mut self.fields);
        rest.extend(std::mem::take(&mut self.nodes).into_iter().flatten());
        rest
    }
}

/// Takes a field that says something out of a list.
pub(super) fn take(fields: &mut Vec<OldField>, key: &str) -> Option<OldField> {
    let index = fields.iter().position(|field| field.key == key && !field.is_empty())?;
    Some(fields.remove(index))
}

fn flatten(file: &'static str, name: &str, line: usize, node: &Node, out: &mut Vec<OldField>) {
    match node.as_map() {
        Some(map) => {
            for entry in &map.entries {
                flatten(file, &format!("{name}.{}", entry.key), entry.key_span.start.line, &entry.node, out);
            }
        }
        None => out.push(OldField { file, line, name: name.to_owned(), key: flat(name).to_owned(), node: node.clone() }),
    }
}

fn parse_yaml(file: &'static str, text: &str) -> Result<Node, ImportError> {
    ichor_yaml::parse_one(text).map_err(|error| ImportError { file, line: error.span.start.line.max(1), message: error.message })
}

fn parse_toml(text: &str) -> Result<Node, ImportError> {
    let line = |offset: usize| text.get(..offset).unwrap_or(text).split('\n').count();
    let root = DeTable::parse(text).map_err(|error| ImportError {
        file: CLUSTER_TOML,
        line: error.span().map_or(1, |span| line(span.start)),
        message: error.message().to_owned(),
    })?;
    Ok(table(root.get_ref(), &line))
}

fn table(table: &DeTable<'_>, line: &impl Fn(usize) -> usize) -> Node {
    let mut map = Map::new();
    for (key, value) in table {
        map.set(key.get_ref().to_string(), Node::default());
        if let Some(entry) = map.entries.last_mut() {
            entry.key_span.start.line = line(key.span().start);
            entry.node = value_of(value, line);
        }
    }
    map.into()
}

fn value_of(value: &Spanned<DeValue<'_>>, line: &impl Fn(usize) -> usize) -> Node {
    let mut node: Node = match value.get_ref() {
        DeValue::String(text) => Node::from(text.as_ref()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(int) => Node::from(int),
            Err(_) => Node::from(number.as_str()),
        },
        DeValue::Boolean(value) => Node::from(*value),
        DeValue::Array(items) => Node::new(Value::Seq(items.iter().map(|item| value_of(item, line)).collect())),
        DeValue::Table(inner) => table(inner, line),
        DeValue::Float(number) => Node::from(number.as_str()),
        DeValue::Datetime(time) => Node::from(time.to_string()),
    };
    node.span.start.line = line(value.span().start);
    node
}
