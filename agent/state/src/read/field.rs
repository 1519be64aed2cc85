//! One value of an object, with its path, so that a mistake can be told where it is.

use std::fmt;
use std::net::IpAddr;

use ichor_yaml::{Node, Position, Value};
use ipnet::IpNet;

/// What is wrong at which place of a text.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) position: Position,
    pub(crate) text: String,
}

/// A value that may be missing; `null` is missing too.
pub(crate) struct Field<'a> {
    node: Option<&'a Node>,
    /// Where it is, or where it would have to be.
    position: Position,
    path: Path<'a>,
}

/// The way to a value, put into words only where something is wrong with it. No object goes deeper.
#[derive(Clone, Copy, Default)]
struct Path<'a>([Option<Part<'a>>; 8]);

#[derive(Clone, Copy)]
enum Part<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    fn then(mut self, part: Part<'a>) -> Self {
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(part);
        }
        self
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, part) in self.0.iter().flatten().enumerate() {
            match part {
                Part::Key(key) if depth == 0 => f.write_str(key)?,
                Part::Key(key) => write!(f, ".{key}")?,
                Part::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl<'a> Field<'a> {
    pub(crate) fn root(node: &'a Node) -> Self {
        Self { node: Some(node), position: node.span.start, path: Path::default() }
    }

    pub(crate) fn at(&self, key: &'a str) -> Self {
        let node = self.node.and_then(|node| node.get(key)).filter(|node| !node.is_null());
        Self { node, position: node.map_or(self.position, |node| node.span.start), path: self.path.then(Part::Key(key)) }
    }

    pub(crate) fn mistake(&self, text: &str) -> Mistake {
        Mistake { position: self.position, text: format!("{} {text}", self.path) }
    }

    fn wrong_kind(&self, wanted: &str) -> Mistake {
        let found = match self.node.map(|node| &node.value) {
            None | Some(Value::Null) => "missing",
            Some(Value::Bool(_)) => "true or false",
            Some(Value::Int(_) | Value::Float(_)) => "a number",
            Some(Value::Str(_)) => "a text",
            Some(Value::Seq(_)) => "a list",
            Some(Value::Map(_)) => "a mapping",
        };
        self.mistake(&format!("is {found}, and must be {wanted}"))
    }

    pub(crate) fn text(&self) -> Result<Option<&'a str>, Mistake> {
        match self.node {
            None => Ok(None),
            Some(node) => node.as_str().map(Some).ok_or_else(|| self.wrong_kind("a text")),
        }
    }

    pub(crate) fn required(&self) -> Result<&'a str, Mistake> {
        match self.text()? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(self.mistake("is empty, and must be a text")),
            None => Err(self.wrong_kind("a text")),
        }
    }

    pub(crate) fn flag(&self) -> Result<Option<bool>, Mistake> {
        match self.node {
            None => Ok(None),
            Some(node) => node.as_bool().map(Some).ok_or_else(|| self.wrong_kind("true or false")),
        }
    }

    /// A number from `least` to `most`.
    pub(crate) fn number<T: TryFrom<i128> + PartialOrd + Copy + std::fmt::Display>(&self, least: T, most: T) -> Result<Option<T>, Mistake> {
        let Some(node) = self.node else { return Ok(None) };
        let Some(number) = node.as_int() else { return Err(self.wrong_kind("a whole number")) };
        match T::try_from(number) {
            Ok(value) if value >= least && value <= most => Ok(Some(value)),
            _ => Err(self.mistake(&format!("is {number}, and must be {least} to {most}"))),
        }
    }

    /// A port; 0 stands for none, as it does in Go's clients.
    pub(crate) fn port(&self) -> Result<Option<u16>, Mistake> {
        Ok(self.number(0, u16::MAX)?.filter(|&port| port != 0))
    }

    pub(crate) fn required_port(&self) -> Result<u16, Mistake> {
        match self.node {
            Some(_) => Ok(self.number(1, u16::MAX)?.unwrap_or_default()),
            None => Err(self.wrong_kind("a port from 1 to 65535")),
        }
    }

    pub(crate) fn address(&self) -> Result<Option<IpAddr>, Mistake> {
        let Some(text) = self.text()?.filter(|text| !text.is_empty()) else { return Ok(None) };
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(mapped)) if mapped.to_ipv4_mapped().is_some() => {
                Err(self.mistake(&format!("is `{text}`; write an IPv4 address as such")))
            }
            Ok(address) => Ok(Some(address)),
            Err(_) => Err(self.mistake(&format!("is `{text}`, which is no IP address"))),
        }
    }

    /// A prefix; bits behind its length are dropped. Kubernetes allows blanks around one, so they are here too.
    pub(crate) fn prefix(&self) -> Result<Option<IpNet>, Mistake> {
        let Some(text) = self.text()?.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        match text.parse::<IpNet>() {
            Ok(prefix) => Ok(Some(prefix.trunc())),
            Err(_) => Err(self.mistake(&format!("is `{text}`; write a prefix like 10.0.0.0/8 or fd00::/8"))),
        }
    }

    pub(crate) fn items(&self) -> Result<Vec<Field<'a>>, Mistake> {
        let Some(node) = self.node else { return Ok(Vec::new()) };
        let Some(items) = node.as_seq() else { return Err(self.wrong_kind("a list")) };
        let item = |(index, node): (usize, &'a Node)| Field {
            node: Some(node).filter(|node| !node.is_null()),
            position: node.span.start,
            path: self.path.then(Part::Index(index)),
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// What `read` finds in each item; items in which it finds nothing are left out.
    pub(crate) fn list<T>(&self, read: impl Fn(&Field<'a>) -> Result<Option<T>, Mistake>) -> Result<Vec<T>, Mistake> {
        let items = self.items()?;
        let mut found = Vec::with_capacity(items.len());
        for item in &items {
            found.extend(read(item)?);
        }
        Ok(found)
    }

    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Field<'a>)>, Mistake> {
        let Some(node) = self.node else { return Ok(Vec::new()) };
        let Some(map) = node.as_map() else { return Err(self.wrong_kind("a mapping")) };
        Ok(map.entries.iter().map(|entry| (entry.key.as_str(), self.at(&entry.key))).collect())
    }

    /// The one of some words that stands here.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<Option<T>, Mistake> {
        let Some(text) = self.text()?.filter(|text| !text.is_empty()) else { return Ok(None) };
        match choices.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                Err(self.mistake(&format!("is `{text}`; write {}", words.join(" or "))))
            }
        }
    }
}
