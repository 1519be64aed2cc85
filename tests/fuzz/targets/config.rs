//! No text may make the reader of `cluster.yaml` panic, and whatever it complains about is in the text and can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// Showing a mistake goes through the whole text.
const SHOWN: usize = 10;

fuzz_target!(|text: &str| {
    let mistakes = match ichor_config::read(text) {
        Ok(cluster) => cluster.warnings().to_vec(),
        Err(mistakes) => mistakes,
    };
    // For YAML a carriage return ends a line, too.
    let lines = text.split(['\n', '\r']).count();
    for mistake in &mistakes {
        assert!(mistake.help.as_ref().is_some_and(|help| !help.is_empty()), "no help: {mistake:?}");
        for span in std::iter::once(&mistake.span).chain(mistake.also.iter().map(|(span, _)| span)) {
            assert!(span.start.offset <= span.end.offset && text.get(span.start.offset..span.end.offset).is_some(), "outside: {mistake:?}");
            assert!((1..=lines).contains(&span.start.line) && span.start.column >= 1, "line {} of {lines}: {mistake:?}", span.start.line);
        }
    }
    for mistake in mistakes.iter().take(SHOWN) {
        assert!(!mistake.render("cluster.yaml", text, false).is_empty());
    }
});
