//! Objects from YAML trees.

mod field;
mod node;
mod pod;
mod service;
mod slice;

use std::collections::BTreeMap;

use ichor_yaml::Node as Yaml;

pub(crate) use field::{Field, Mistake};

use crate::name::Name;
use crate::object::{Namespace, Object, Protocol, Timestamp};
use crate::problem::{Place, Problem};

/// Where an object is that does not say it.
const NAMESPACE: &str = "default";

/// Reads one object; nothing for a kind that the tables do not depend on.
pub fn read_object(file: &str, root: &Yaml) -> Result<Option<Object>, Problem> {
    object(&Field::root(root)).map_err(|mistake| Problem {
        object: title(root),
        place: Some(Place::new(file, mistake.position)),
        text: mistake.text,
    })
}

/// Kind and name of an object that may be broken.
pub(crate) fn title(root: &Yaml) -> String {
    let text = |path: &[&str]| root.at(path).and_then(Yaml::as_str);
    let Some(kind) = text(&["kind"]) else { return String::new() };
    let namespaced = !["Node", "CiliumNode", "Namespace"].contains(&kind);
    let namespace = text(&["metadata", "namespace"]).or_else(|| namespaced.then_some(NAMESPACE));
    match (namespace, text(&["metadata", "name"])) {
        (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (None, Some(name)) => format!("{kind} {name}"),
        _ => kind.to_owned(),
    }
}

fn object(root: &Field<'_>) -> Result<Option<Object>, Mistake> {
    let version = root.at("apiVersion").required()?;
    let kind = root.at("kind").required()?;
    let metadata = root.at("metadata");
    let name = || metadata.at("name").required().map(str::to_owned);
    let full_name = || -> Result<Name, Mistake> {
        Ok(Name::new(metadata.at("namespace").text()?.unwrap_or(NAMESPACE), metadata.at("name").required()?))
    };
    Ok(Some(match (version, kind) {
        ("v1", "Node") => Object::Node(name()?, node::read(root)?),
        ("cilium.io/v2", "CiliumNode") => Object::CiliumNode(name()?, root.at("spec").at("ipam").at("podCIDRs").list(Field::prefix)?),
        ("v1", "Namespace") => Object::Namespace(name()?, Namespace { labels: labels(root)? }),
        ("v1", "Pod") => Object::Pod(full_name()?, pod::read(root)?.into()),
        ("v1", "Service") => Object::Service(full_name()?, service::read(root)?.into()),
        ("discovery.k8s.io/v1", "EndpointSlice") => Object::EndpointSlice(full_name()?, slice::read(root)?.into()),
        _ => return Ok(None),
    }))
}

fn labels(root: &Field<'_>) -> Result<BTreeMap<String, String>, Mistake> {
    let read = |(name, value): (&str, Field<'_>)| Ok((name.to_owned(), value.text()?.unwrap_or_default().to_owned()));
    root.at("metadata").at("labels").entries()?.into_iter().map(read).collect()
}

fn protocol(field: &Field<'_>) -> Result<Protocol, Mistake> {
    match field.text()? {
        None | Some("TCP") => Ok(Protocol::Tcp),
        Some("UDP") => Ok(Protocol::Udp),
        Some("SCTP") => Ok(Protocol::Sctp),
        Some(other) => Err(field.mistake(&format!("is `{other}`; write TCP, UDP or SCTP"))),
    }
}

fn created(root: &Field<'_>) -> Result<Timestamp, Mistake> {
    let field = root.at("metadata").at("creationTimestamp");
    let Some(text) = field.text()? else { return Ok(Timestamp::default()) };
    text.parse().map_err(|()| field.mistake(&format!("is `{text}`; write it like 2026-01-31T12:00:00Z")))
}
