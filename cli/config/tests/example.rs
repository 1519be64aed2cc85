//! The example that every new user sees.

#[test]
fn the_example_is_without_mistakes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cluster.example.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let result = ichor_config::parse(&text).and_then(ichor_config::validate);
    if let Err(mistakes) = result {
        let page: Vec<_> = mistakes.iter().map(|m| m.render("cluster.example.yaml", &text, false)).collect();
        panic!("{}", page.join("\n\n"));
    }
}
