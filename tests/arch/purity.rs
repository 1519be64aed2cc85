//! What the sources of a pure crate may not name. Tests inside them may.

use proc_macro2::{Span, TokenStream, TokenTree};
use std::collections::BTreeMap;
use syn::visit::{self, Visit};
use syn::{Attribute, File, ImplItemFn, Item, Macro, Path, UseTree};

const BANNED_PATHS: [&str; 16] = [
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::time::UNIX_EPOCH",
    "std::hash::RandomState",
];
const BANNED_MACROS: [&str; 5] = ["dbg", "eprint", "eprintln", "print", "println"];

/// The violations in the files of one crate, given as path and text.
pub(crate) fn violations(files: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut parsed = Vec::new();
    for (path, text) in files {
        match syn::parse_file(text) {
            Ok(file) => parsed.push((path, file)),
            Err(error) => found.push(format!("{path}: cannot be read as Rust: {error}")),
        }
    }
    let tests: Vec<_> = parsed.iter().flat_map(|(path, file)| test_modules(path, file)).collect();
    let is_test = |path: &str| tests.iter().any(|module| path.strip_prefix(module).is_some_and(|rest| rest.starts_with(['.', '/'])));
    for (path, file) in parsed.iter().filter(|(path, _)| !is_test(path)) {
        let mut names = Names::default();
        names.visit_file(file);
        let mut search = Search { names: names.0, found: Vec::new() };
        search.visit_file(file);
        found.extend(search.found.into_iter().map(|(line, what)| format!("{path}:{line}: `{what}` in a pure crate")));
    }
    found
}

/// The modules that a file declares for tests only and that lie in files of their own, as paths without ending.
fn test_modules(path: &str, file: &File) -> Vec<String> {
    let stem = path.trim_end_matches(".rs");
    let folder = match stem.rsplit_once('/') {
        Some((folder, "lib" | "main" | "mod")) => folder,
        _ => stem,
    };
    let module = |item: &Item| match item {
        Item::Mod(module) if module.content.is_none() && for_tests(&module.attrs) => Some(format!("{folder}/{}", module.ident)),
        _ => None,
    };
    file.items.iter().filter_map(module).collect()
}

fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.parse_args::<Path>().is_ok_and(|condition| condition.is_ident("test"));
        attribute.path().is_ident("test") || (attribute.path().is_ident("cfg") && condition)
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// What the imports of a file bring in: the name used here, and what it stands for.
#[derive(Default)]
struct Names(BTreeMap<String, Vec<String>>);

impl Visit<'_> for Names {
    fn visit_item_use(&mut self, import: &syn::ItemUse) {
        for (path, name, _) in imports(&import.tree, &[]) {
            self.0.insert(name, path);
        }
    }
}

/// Every path of an import with the name it gets and where it stands. A glob has the name `*`.
fn imports(tree: &UseTree, before: &[String]) -> Vec<(Vec<String>, String, Span)> {
    let with = |last: &syn::Ident| before.iter().cloned().chain([last.to_string()]).collect::<Vec<_>>();
    match tree {
        UseTree::Path(path) => imports(&path.tree, &with(&path.ident)),
        UseTree::Group(group) => group.items.iter().flat_map(|tree| imports(tree, before)).collect(),
        UseTree::Glob(glob) => vec![(before.to_vec(), "*".into(), glob.star_token.spans[0])],
        UseTree::Name(name) if name.ident == "self" => {
            vec![(before.to_vec(), before.last().cloned().unwrap_or_default(), name.ident.span())]
        }
        UseTree::Name(name) => vec![(with(&name.ident), name.ident.to_string(), name.ident.span())],
        UseTree::Rename(rename) if rename.ident == "self" => vec![(before.to_vec(), rename.rename.to_string(), rename.rename.span())],
        UseTree::Rename(rename) => vec![(with(&rename.ident), rename.rename.to_string(), rename.ident.span())],
    }
}

struct Search {
    names: BTreeMap<String, Vec<String>>,
    found: Vec<(usize, String)>,
}

impl Search {
    fn look(&mut self, path: &[String], span: Span) {
        let Some((first, rest)) = path.split_first() else { return };
        let whole = match self.names.get(first) {
            Some(meaning) => [meaning, rest].concat(),
            None => path.to_vec(),
        };
        self.judge(&whole, false, span);
    }

    fn judge(&mut self, path: &[String], glob: bool, span: Span) {
        let path = path.join("::").replacen("core::", "std::", 1);
        let inside = |whole: &str, part: &str| whole.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        if BANNED_PATHS.iter().any(|banned| inside(&path, banned) || (glob && inside(banned, &path))) {
            let star = if glob { "::*" } else { "" };
            self.found.push((span.start().line, format!("{path}{star}")));
        }
    }

    fn look_for_macro(&mut self, name: &str, span: Span) {
        if BANNED_MACROS.contains(&name) {
            self.found.push((span.start().line, format!("{name}!")));
        }
    }

    /// The arguments of a macro are not parsed; its paths can be seen all the same.
    fn look_into(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut at = Span::call_site();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.look(&std::mem::take(&mut path), at);
                        at = word.span();
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => colons += 1,
                other => {
                    if matches!(&other, TokenTree::Punct(mark) if mark.as_char() == '!') {
                        let name = path.last().cloned().unwrap_or_default();
                        self.look_for_macro(&name, at);
                    }
                    self.look(&std::mem::take(&mut path), at);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.look_into(group.stream());
                    }
                }
            }
        }
        self.look(&path, at);
    }
}

impl Visit<'_> for Search {
    fn visit_item(&mut self, item: &Item) {
        if !for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &ImplItemFn) {
        if !for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, import: &syn::ItemUse) {
        for (path, name, span) in imports(&import.tree, &[]) {
            self.judge(&path, name == "*", span);
        }
    }

    fn visit_path(&mut self, path: &Path) {
        let words: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(first) = path.segments.first() {
            self.look(&words, first.ident.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &Macro) {
        if let Some(last) = call.path.segments.last() {
            self.look_for_macro(&last.ident.to_string(), last.ident.span());
        }
        self.look_into(call.tokens.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        violations(&[("src/lib.rs".into(), text.into())])
    }

    #[test]
    fn every_way_to_name_a_ban_is_found() {
        for (line, what) in [
            ("use std::fs;", "std::fs"),
            ("use std::{collections::BTreeMap, fs as disk};", "std::fs"),
            ("use std::time::*;", "std::time::*"),
            ("use std::net; fn f() { net::TcpStream::connect(a); }", "std::net::TcpStream::connect"),
            ("use std::{self as s}; type A = s::time::Instant;", "std::time::Instant"),
            ("fn f() -> core::net::X { std::env::var(\"A\") }", "std::env::var"),
            ("fn f(at: std::time::SystemTime) {}", "std::time::SystemTime"),
            ("fn f() { if true { println!() } }", "println!"),
            ("fn f() { vec![format!(\"{}\", std::process::id())] }", "std::process::id"),
            ("fn f() { assert!(g(|| eprintln!())) }", "eprintln!"),
            ("impl A { fn f() { std::thread::sleep(d) } }", "std::thread::sleep"),
        ] {
            assert_eq!(found(&format!("\n{line}")), [format!("src/lib.rs:2: `{what}` in a pure crate")], "{line}");
        }
        assert!(found("fn f( {")[0].contains("cannot be read as Rust"));
    }

    #[test]
    fn what_computes_is_not() {
        let text = "
            //! std::fs
            use std::{fmt, net::{IpAddr, Ipv4Addr}, time::Duration, io::Write as _};
            fn f(print: &str, env: Env) -> String { let fs = env.fs; format!(\"println! std::fs {fs}\") }
            #[cfg(test)] use std::fs;
            #[cfg(test)] mod tests { fn f() { std::fs::read(\"a\"); println!() } }
            impl A { #[cfg(test)] fn f() { std::env::var(\"A\") } }";
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn a_file_of_tests_is_left_out_and_its_neighbours_are_not() {
        let bad = String::from("use std::fs;");
        let files = [
            ("src/lib.rs".into(), "mod tree; #[cfg(test)] mod tests;".into()),
            ("src/tests.rs".into(), bad.clone()),
            ("src/tests/deep.rs".into(), bad.clone()),
            ("src/tests_of_trees.rs".into(), bad.clone()),
            ("src/tree.rs".into(), "#[cfg(test)] mod shape;".into()),
            ("src/tree/shape.rs".into(), bad.clone()),
            ("src/shape.rs".into(), bad),
        ];
        let found = violations(&files);
        assert!(found.len() == 2 && found[0].starts_with("src/tests_of_trees.rs") && found[1].starts_with("src/shape.rs"), "{found:?}");
    }
}
