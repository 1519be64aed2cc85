//! A mistake: what is wrong, where, and how to mend it.

use std::collections::BTreeSet;
use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use ichor_yaml::Span;

/// Whether a diagnostic forbids to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One mistake in the user's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The dotted path of the field, `nodes[1].addresses`.
    pub path: Path,
    pub span: Span,
    pub message: String,
    /// A sentence that mends it.
    pub help: Option<String>,
    /// Other places that belong to the mistake, each with a word.
    pub also: Vec<(Span, String)>,
}

impl Diagnostic {
    pub fn new(path: &Path, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path: path.clone(), span, message: message.into(), help: None, also: Vec::new() }
    }

    /// The same, but allowed.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also.push((span, label.into()));
        self
    }

    /// The mistake as a person reads it: the source line underlined, and a `help:` below.
    pub fn render(&self, file: &str, source: &str, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let primary = AnnotationKind::Primary.span(clamp(self.span, source)).label(self.path.to_string());
        let context = self.also.iter().map(|(span, label)| AnnotationKind::Context.span(clamp(*span, source)).label(label));
        let snippet = Snippet::source(source).path(file).annotation(primary).annotations(context);
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group: Group<'_> = level.primary_title(&self.message).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

/// A span that ends on its first line and inside the source: a whole block underlined says nothing.
fn clamp(span: Span, source: &str) -> std::ops::Range<usize> {
    let floor = |mut offset: usize| {
        offset = offset.min(source.len());
        while !source.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let start = floor(span.start.offset);
    let line_end = source.get(start..).and_then(|rest| rest.find('\n')).map_or(source.len(), |at| start + at);
    start..floor(span.end.offset).clamp(start, line_end)
}

/// The way from the root of the file to a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// The path as text; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same path for every item of a list: `nodes.addresses` of `nodes[1].addresses[0]`.
    pub(crate) fn without_indices(&self) -> String {
        let mut inside = false;
        self.0
            .chars()
            .filter(|c| {
                inside = (inside || *c == '[') && *c != ']';
                !inside && *c != ']'
            })
            .collect()
    }

    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        if self.0.is_empty() { Self(key.to_owned()) } else { Self(format!("{}.{key}", self.0)) }
    }

    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the file" } else { &self.0 })
    }
}

impl From<&str> for Path {
    fn from(path: &str) -> Self {
        Self(path.to_owned())
    }
}

/// All mistakes of a run, in the order of the file.
#[derive(Debug, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    unsure: BTreeSet<String>,
}

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.doubt(&diagnostic.path);
        self.all.push(diagnostic);
    }

    /// Notes that what is known of `path` is not what the user meant, so that nothing is concluded from it.
    pub(crate) fn doubt(&mut self, path: &Path) {
        self.unsure.insert(path.without_indices());
    }

    /// Whether `field`, written without indices, was read without a mistake: itself, all that it is part of, and all
    /// that is part of it.
    pub(crate) fn is_sure_of(&self, field: &str) -> bool {
        let is_part = |inner: &str, outer: &str| {
            outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        !self.unsure.iter().any(|place| is_part(field, place) || is_part(place, field))
    }

    pub(crate) fn each(&mut self, change: impl FnMut(&mut Diagnostic)) {
        self.all.iter_mut().for_each(change);
    }

    /// Takes a mistake back that another one has explained; what it is about stays in doubt.
    pub(crate) fn withdraw(&mut self, path: &Path, message: &str) {
        self.all.retain(|diagnostic| diagnostic.path != *path || diagnostic.message != message);
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.all.extend(other.all);
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.all.sort_by(|a, b| (a.span, &a.path, &a.message).cmp(&(b.span, &b.path, &b.message)));
        self.all.dedup();
        self.all
    }
}
