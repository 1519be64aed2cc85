//! Events of the parser to a tree, within a budget.

use std::collections::BTreeMap;
use std::fmt;

use granit_parser::{Event, Options, Parser, Placement, ScalarStyle, Span as RawSpan};

use crate::node::{Entry, Map, Node, Position, Span, Value};
use crate::scalar::resolve;

/// Deeper or larger than any file that a person writes; a bomb of aliases ends here.
const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 1_000_000;

/// One document of a stream.
#[derive(Clone, Debug)]
pub struct Document {
    pub root: Node,
    /// Keys that stand twice in one mapping; the tree holds the first.
    pub duplicates: Vec<Duplicate>,
}

/// A key that stands twice in one mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    pub key: String,
    pub first: Span,
    pub second: Span,
}

/// Text that is not YAML, or not YAML that this crate reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub message: String,
    pub span: Span,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.span.start.line, self.span.start.column, self.message)
    }
}

impl std::error::Error for Error {}

/// Reads every document of a stream.
pub fn parse(text: &str) -> Result<Vec<Document>, Error> {
    let mut options = Options::default();
    options.set_emit_comments(true);
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| scan_error(&error))?;
        builder.event(event, convert(&span))?;
    }
    Ok(builder.documents)
}

/// Reads exactly one document without duplicate keys.
pub fn parse_one(text: &str) -> Result<Node, Error> {
    let mut documents = parse(text)?.into_iter();
    let Some(document) = documents.next() else { return Ok(Node::default()) };
    if let Some(next) = documents.next() {
        return Err(Error { message: "only one YAML document is expected here".into(), span: next.root.span });
    }
    match document.duplicates.into_iter().next() {
        Some(duplicate) => Err(Error { message: format!("the key `{}` stands here twice", duplicate.key), span: duplicate.second }),
        None => Ok(document.root),
    }
}

fn scan_error(error: &granit_parser::ScanError) -> Error {
    let position = position(error.marker());
    Error { message: error.info().to_string(), span: Span { start: position, end: position } }
}

fn position(marker: &granit_parser::Marker) -> Position {
    Position { offset: marker.byte_offset().unwrap_or(marker.index()), line: marker.line(), column: marker.col() + 1 }
}

fn convert(span: &RawSpan) -> Span {
    Span { start: position(&span.start), end: position(&span.end) }
}

/// A collection that is still open.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(String, Span)>,
    /// Where the keys are among the entries, once there are so many that looking through them takes long.
    places: BTreeMap<String, usize>,
}

impl Open {
    /// Up to so many entries are looked through one by one.
    const FEW: usize = 16;

    /// Where a key stands already.
    fn find(&self, key: &str) -> Option<Span> {
        let Value::Map(map) = &self.node.value else { return None };
        let first = if map.entries.len() < Self::FEW {
            map.entries.iter().find(|entry| entry.key == key)
        } else {
            self.places.get(key).and_then(|place| map.entries.get(*place))
        };
        first.map(|entry| entry.key_span)
    }

    fn add(&mut self, entry: Entry) {
        let Value::Map(map) = &mut self.node.value else { return };
        map.entries.push(entry);
        let count = map.entries.len();
        if count >= Self::FEW {
            let new = if count == Self::FEW { 0 } else { count - 1 };
            self.places.extend(map.entries.iter().enumerate().skip(new).map(|(place, entry)| (entry.key.clone(), place)));
        }
    }
}

#[derive(Default)]
struct Builder {
    documents: Vec<Document>,
    duplicates: Vec<Duplicate>,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    pending: Vec<(String, Span)>,
    /// Comments that stood above a key and wait for its value.
    for_value: Vec<Vec<String>>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Error> {
        match event {
            Event::DocumentStart(..) => self.root = None,
            Event::DocumentEnd => self.document_end(),
            Event::Comment(text, placement) => self.comment(text.into_owned(), placement, span),
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(Error { message: "an alias cannot stand inside the value that it names".into(), span });
                };
                self.count(count(&node), span)?;
                self.node(Node { span, ..node }, 0)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix().to_owned()));
                let value = scalar(&text, style, tag, span)?;
                self.node(Node { value, span, ..Node::default() }, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => self.open(Value::Seq(Vec::new()), anchor, span)?,
            Event::MappingStart(_, anchor, _) => self.open(Value::Map(Map::new()), anchor, span)?,
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            _ => {}
        }
        Ok(())
    }

    fn document_end(&mut self) {
        let mut root = self.root.take().unwrap_or_default();
        let rest = self.pending.drain(..).map(|(text, _)| text);
        match &mut root.value {
            Value::Map(map) => map.tail.extend(rest),
            _ => root.before.extend(rest),
        }
        self.anchors.clear();
        self.documents.push(Document { root, duplicates: std::mem::take(&mut self.duplicates) });
    }

    fn comment(&mut self, text: String, placement: Placement, span: Span) {
        if placement == Placement::Right
            && let Some(last) = self.last_on_line(span.start.line)
        {
            last.right = Some(text);
            return;
        }
        self.pending.push((text, span));
    }

    /// The value that ended on this line, to which a comment at its right belongs.
    fn last_on_line(&mut self, line: usize) -> Option<&mut Node> {
        let node = match self.stack.last_mut() {
            Some(open) if open.key.is_none() => match &mut open.node.value {
                Value::Map(map) => map.entries.last_mut().map(|entry| &mut entry.node),
                Value::Seq(items) => items.last_mut(),
                _ => None,
            },
            _ => None,
        }?;
        (node.span.end.line == line || node.span.start.line == line).then_some(node)
    }

    fn open(&mut self, value: Value, anchor: usize, span: Span) -> Result<(), Error> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Error { message: format!("nested deeper than {MAX_DEPTH} levels"), span });
        }
        self.count(1, span)?;
        // A collection at the root has no owner for the comments above it but its first entry.
        let before = if self.stack.is_empty() || !self.stack.last().is_some_and(|open| matches!(open.node.value, Value::Seq(_))) {
            Vec::new()
        } else {
            self.take_pending()
        };
        let node = Node { value, span, before, right: None };
        self.stack.push(Open { node, anchor, key: None, places: BTreeMap::new() });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), Error> {
        let Some(mut open) = self.stack.pop() else { return Ok(()) };
        open.node.span.end = span.start;
        if let Value::Map(map) = &mut open.node.value {
            // A comment that is indented less than this mapping belongs to what comes after it.
            let column = map.entries.first().map_or(0, |entry| entry.key_span.start.column);
            let inside = self.pending.iter().take_while(|(_, span)| span.start.column >= column).count();
            map.tail.extend(self.pending.drain(..inside).map(|(text, _)| text));
        }
        self.attach(open.node, open.anchor)
    }

    fn node(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        self.count(1, node.span)?;
        if let Some(open) = self.stack.last_mut()
            && matches!(open.node.value, Value::Map(_))
            && open.key.is_none()
        {
            let span = node.span;
            if anchor != 0 {
                self.anchors.insert(anchor, node.clone());
            }
            open.key = Some((key_text(node)?, span));
            let before = self.take_pending();
            self.for_value.push(before);
            return Ok(());
        }
        let mut node = node;
        if self.stack.last().is_none_or(|open| open.key.is_none()) {
            node.before = self.take_pending();
        }
        self.attach(node, anchor)
    }

    fn attach(&mut self, mut node: Node, anchor: usize) -> Result<(), Error> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::Seq(items) => items.push(node),
            Value::Map(_) => {
                let Some((key, key_span)) = open.key.take() else {
                    return Err(Error { message: "a key must be a plain word, not a list or a mapping".into(), span: node.span });
                };
                node.before = self.for_value.pop().unwrap_or_default();
                match open.find(&key) {
                    Some(first) => self.duplicates.push(Duplicate { key, first, second: key_span }),
                    None => open.add(Entry { key, key_span, node }),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take_pending(&mut self) -> Vec<String> {
        self.pending.drain(..).map(|(text, _)| text).collect()
    }

    fn count(&mut self, more: usize, span: Span) -> Result<(), Error> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            return Err(Error { message: format!("more than {MAX_NODES} values, aliases counted each time"), span });
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Seq(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(map) => 1 + map.entries.iter().map(|entry| count(&entry.node)).sum::<usize>(),
        // A long text weighs as much as many values: an alias copies it.
        Value::Str(text) => 1 + text.len() / 64,
        _ => 1,
    }
}

fn key_text(node: Node) -> Result<String, Error> {
    match node.value {
        Value::Str(text) | Value::Float(text) => Ok(text),
        Value::Int(value) => Ok(value.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Null => Ok("null".into()),
        Value::Seq(_) | Value::Map(_) => {
            Err(Error { message: "a key must be a plain word, not a list or a mapping".into(), span: node.span })
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<(bool, String)>, span: Span) -> Result<Value, Error> {
    let plain = style == ScalarStyle::Plain;
    let Some((core, suffix)) = tag else {
        return Ok(if plain { resolve(text) } else { Value::Str(text.to_owned()) });
    };
    let resolved = resolve(text);
    match (core, suffix.as_str(), &resolved) {
        (true, "str", _) => Ok(Value::Str(text.to_owned())),
        (true, "int", Value::Int(_)) | (true, "float", Value::Float(_)) | (true, "bool", Value::Bool(_)) | (true, "null", Value::Null) => {
            Ok(resolved)
        }
        (true, "float", Value::Int(_)) => Ok(Value::Float(text.to_owned())),
        // Not by its name: what was meant as a secret may begin like a tag.
        _ => Err(Error { message: "a tag (`!…`) that does not fit this value".to_owned(), span }),
    }
}
