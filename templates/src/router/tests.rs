//! Files for the genuine parsers of FRR and BIRD; `tests/interop` hands them over.

use std::collections::BTreeMap;

use super::*;

fn render(text: &str) -> Tree {
    let cluster = ichor_config::parse(text).and_then(ichor_config::validate).expect("a cluster without mistakes");
    let secrets = wanted(&cluster).into_iter().map(|wanted| (wanted.name, SecretText::new("correct-horse")));
    let engine = Engine::new(BTreeMap::new(), TEMPLATES).expect("no overrides");
    let mut tree = Tree::default();
    files(&engine, &cluster, &Secrets::new(secrets.collect()), &mut tree).expect("the templates render");
    tree
}

#[test]
fn show() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster.example.yaml")).unwrap();
    let frr = text
        .replace("kind: unifi", "kind: frr\n      bfd: {}\n      graceful_restart: true\n      max_hops: 2\n      extended_next_hop: true");
    let bird = frr.replace("kind: frr", "kind: bird");
    for (i, t) in [text, frr, bird].iter().enumerate() {
        for (path, content) in render(t).iter() {
            let c = match content {
                Content::Clear(c) => c.clone(),
                Content::Secret(s) => s.expose().to_owned(),
            };
            std::fs::write(format!("/tmp/router-{i}-{}", path.replace('/', "_")), c).unwrap();
        }
    }
}
