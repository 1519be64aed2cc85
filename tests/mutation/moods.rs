//! The example as other people have it: other versions, routers, engines. Each is right, and is then changed, too.

use ichor_yaml::{Map, Node, Value};

use crate::tree::Dice;

/// An example with a name.
pub(crate) struct Mood {
    pub(crate) name: &'static str,
    pub(crate) root: Node,
}

/// What is set, by dotted path; a step that is a number is an item. Nothing means that the key goes away.
type Setting = (&'static str, Option<&'static str>);

const MOODS: &[(&str, &[Setting])] = &[
    ("on Talos 1.14", &[("versions.talos", Some("v1.14.0"))]),
    ("on Talos 1.12", &[("versions.talos", Some("v1.12.4")), ("versions.kubernetes", Some("v1.34.1"))]),
    ("with FRR and BFD", &[("bgp.routers.0.kind", Some("frr")), ("bgp.routers.0.version", None), ("bgp.routers.0.bfd", Some("{}"))]),
    ("with BIRD and BFD", &[("bgp.routers.0.kind", Some("bird")), ("bgp.routers.0.version", None), ("bgp.routers.0.bfd", Some("{}"))]),
    ("with Argo CD", &[("gitops.engine", Some("argocd")), ("gitops.layout", Some("manifests"))]),
    (
        "without an engine",
        &[("gitops.engine", Some("none")), ("gitops.repository", None), ("gitops.private", None), ("gitops.layout", Some("components"))],
    ),
    (
        "with every application",
        &[
            ("apps", Some("{rustfs: true, dragonfly: true, keycloak: true, litellm: true, langfuse: true}")),
            ("policies.mode", Some("enforce")),
            ("gitops.layout", Some("infra")),
        ],
    ),
    (
        "with L2 beside BGP",
        &[
            ("l2", Some("{enabled: true, interfaces: [lan]}")),
            (
                "pools",
                Some(
                    "[{name: main, cidrs: [192.168.50.0/24, 'fd00:50::/112'], announce: [bgp]}, \
                     {name: near, ranges: [{start: 192.168.42.200, stop: 192.168.42.220}, {start: 'fd00:42::200', stop: 'fd00:42::220'}], announce: [l2], service_selector: {near: 'true'}}]",
                ),
            ),
        ],
    ),
    (
        "with L2 only",
        &[
            ("bgp", None),
            ("pools.0.cidrs", None),
            ("pools.0.ranges", Some("[{start: 192.168.42.200, stop: 192.168.42.220}, {start: 'fd00:42::200', stop: 'fd00:42::220'}]")),
            ("gateways.internal.addresses", Some("[192.168.42.201, 'fd00:42::201']")),
            ("gateways.external.addresses", Some("[192.168.42.202, 'fd00:42::202']")),
            ("dns.split.addresses", Some("[192.168.42.203, 'fd00:42::203']")),
        ],
    ),
];

/// The example in each mood.
pub(crate) fn moods(example: &Node) -> Vec<Mood> {
    let mood = |(name, settings): &(&'static str, &[Setting])| {
        let mut root = example.clone();
        settings.iter().for_each(|(path, value)| set(&mut root, path, *value));
        Mood { name, root }
    };
    MOODS.iter().map(mood).collect()
}

fn set(node: &mut Node, path: &str, value: Option<&str>) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    match (&mut node.value, rest) {
        (Value::Seq(items), Some(rest)) => set(&mut items[step.parse::<usize>().unwrap()], rest, value),
        (Value::Map(map), Some(rest)) => {
            if map.get(step).is_none() {
                map.set(step, Map::new());
            }
            set(map.get_mut(step).unwrap(), rest, value);
        }
        (Value::Map(map), None) => match value {
            Some(value) => map.set(step, ichor_yaml::parse_one(value).unwrap()),
            None => drop(map.remove(step).unwrap()),
        },
        (other, _) => panic!("{path} leads into {other:?}"),
    }
}

/// A few of all, chosen by the dice.
pub(crate) fn chosen<'e, E>(edits: &'e [E], dice: &mut Dice, count: usize) -> Vec<&'e E> {
    (0..count.min(edits.len())).map(|_| &edits[dice.roll(edits.len())]).collect()
}
