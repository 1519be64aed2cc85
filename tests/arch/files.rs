//! The length and name of every file, and where `unsafe` may stand.

use proc_macro2::{TokenStream, TokenTree};

/// Longer files are two topics. Around 400 is where a person starts to split.
const MOST_LINES: usize = 500;
/// These names say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["common", "helper", "helpers", "manager", "misc", "shared", "util", "utils"];
/// Everything that talks to the kernel without a safe library, and nothing else.
const MAY_BE_UNSAFE: [&str; 2] = ["datapath/", "lab/src/namespace.rs"];

pub(crate) fn violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!("{path}: {lines} lines, more than {MOST_LINES}: which two topics are these?"));
    }
    if let Some(name) = path.trim_end_matches(".rs").split('/').find(|name| EMPTY_NAMES.contains(name)) {
        found.push(format!("{path}: `{name}` does not say what is in it"));
    }
    match text.parse::<TokenStream>() {
        Err(error) => found.push(format!("{path}: cannot be read as Rust: {error}")),
        Ok(_) if MAY_BE_UNSAFE.iter().any(|place| path.starts_with(place)) => {}
        Ok(tokens) => found.extend(unsafe_lines(tokens).into_iter().map(|line| format!("{path}:{line}: `unsafe` is not allowed here"))),
    }
    found
}

fn unsafe_lines(tokens: TokenStream) -> Vec<usize> {
    let lines = |token| match token {
        TokenTree::Ident(word) if word == "unsafe" => vec![word.span().start().line],
        TokenTree::Group(group) => unsafe_lines(group.stream()),
        _ => Vec::new(),
    };
    tokens.into_iter().flat_map(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_misnamed_or_unsafe_is_found() {
        let long = "// line\n".repeat(501);
        assert!(violations("cli/a.rs", &long)[0].contains("501 lines"));
        assert!(violations("cli/src/utils.rs", "")[0].contains("`utils`"));
        assert!(violations("cli/common/a.rs", "")[0].contains("`common`"));
        let code = "fn f() {\n    m!(unsafe { g() });\n}";
        assert_eq!(violations("cli/a.rs", code), ["cli/a.rs:2: `unsafe` is not allowed here"]);
        assert!(violations("cli/a.rs", "fn f( {")[0].contains("cannot be read as Rust"));
    }

    #[test]
    fn what_is_right_is_not() {
        assert_eq!(violations("cli/a.rs", &"// unsafe\n".repeat(500)), [""; 0]);
        assert_eq!(violations("datapath/loader/src/a.rs", "unsafe fn f() {}"), [""; 0]);
        assert_eq!(violations("cli/src/utilisation.rs", "const A: &str = \"unsafe\";"), [""; 0]);
    }
}
