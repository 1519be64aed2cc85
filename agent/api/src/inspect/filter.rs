//! Which rows are wanted.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Cidr;
use crate::inspect::event::EventKind;
use crate::inspect::row::{End, Owner, OwnerKind, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// `NAME` in any namespace, or `NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Reference {
    pub namespace: Option<String>,
    pub name: String,
}

impl From<String> for Reference {
    fn from(text: String) -> Self {
        match text.split_once('/') {
            Some((namespace, name)) => Self { namespace: Some(namespace.to_owned()), name: name.to_owned() },
            None => Self { namespace: None, name: text },
        }
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        match reference.namespace {
            Some(namespace) => format!("{namespace}/{}", reference.name),
            None => reference.name,
        }
    }
}

impl Reference {
    fn names(&self, owner: &Owner, kind: OwnerKind) -> bool {
        owner.kind == kind && owner.name == self.name && (self.namespace.is_none() || self.namespace == owner.namespace)
    }
}

/// What a row must have, where something is said. Of a connection one end is enough, not always the same one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Cidr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `tcp`, `udp`, `sctp`, `icmp` or `icmpv6`, in small or capital letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventKind>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl Filter {
    /// Whether a connection between these is wanted.
    pub fn takes(&self, ends: &[&End], protocol: &str) -> bool {
        let some = |wanted: &dyn Fn(&End) -> bool| ends.iter().any(|end| wanted(end));
        let owned = |wanted: &dyn Fn(&Owner) -> bool| ends.iter().filter_map(|end| end.owner.as_ref()).any(wanted);
        self.takes_protocol(protocol)
            && self.family.is_none_or(|family| some(&|end| Family::of(end.address) == family))
            && self.port.is_none_or(|port| some(&|end| end.port == port))
            && self.address.is_none_or(|wanted| some(&|end| wanted.0.contains(&end.address)))
            && self.namespace.as_ref().is_none_or(|wanted| owned(&|owner| owner.namespace.as_ref() == Some(wanted)))
            && self.pod.as_ref().is_none_or(|wanted| owned(&|owner| wanted.names(owner, OwnerKind::Pod)))
            && self.service.as_ref().is_none_or(|wanted| owned(&|owner| wanted.names(owner, OwnerKind::Service)))
    }

    /// Whether a pod with these addresses is wanted.
    pub fn takes_pod(&self, namespace: &str, name: &str, addresses: &[IpAddr]) -> bool {
        let owner = Owner { kind: OwnerKind::Pod, namespace: Some(namespace.to_owned()), name: name.to_owned() };
        let ends: Vec<_> = addresses.iter().map(|address| End { address: *address, port: 0, owner: Some(owner.clone()) }).collect();
        self.takes(&ends.iter().collect::<Vec<_>>(), "")
    }

    pub fn takes_state(&self, state: State) -> bool {
        self.state.is_none_or(|wanted| wanted == state)
    }

    pub fn takes_kind(&self, kind: EventKind) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
    }

    /// Whether drops for a reason are wanted, or what went on where there is none.
    pub fn takes_reason(&self, reason: Option<&str>) -> bool {
        self.reasons.is_empty() || reason.is_some_and(|reason| self.reasons.iter().any(|wanted| wanted == reason))
    }

    fn takes_protocol(&self, protocol: &str) -> bool {
        self.protocol.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(protocol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(address: &str, port: u16, owner: Option<(OwnerKind, &str)>) -> End {
        let owner = owner.map(|(kind, name)| Owner { kind, namespace: Some("default".into()), name: name.into() });
        End { address: address.parse().unwrap(), port, owner }
    }

    fn takes(filter: &str) -> bool {
        let filter: Filter = serde_json::from_str(filter).unwrap();
        let pod = end("10.42.0.2", 40000, Some((OwnerKind::Pod, "shell-1")));
        let service = end("10.43.0.9", 80, Some((OwnerKind::Service, "web")));
        filter.takes(&[&pod, &service], "TCP")
    }

    #[test]
    fn each_word_must_hold_of_one_end() {
        for (filter, expected) in [
            ("{}", true),
            (r#"{"pod":"shell-1","port":80}"#, true),
            (r#"{"pod":"default/shell-1","service":"web"}"#, true),
            (r#"{"pod":"other/shell-1"}"#, false),
            (r#"{"pod":"web"}"#, false),
            (r#"{"namespace":"default"}"#, true),
            (r#"{"namespace":"other"}"#, false),
            (r#"{"address":"10.42.0.0/16"}"#, true),
            (r#"{"address":"10.44.0.0/16"}"#, false),
            (r#"{"port":81}"#, false),
            (r#"{"protocol":"tcp","family":"ipv4"}"#, true),
            (r#"{"protocol":"udp"}"#, false),
            (r#"{"family":"ipv6"}"#, false),
        ] {
            assert_eq!(takes(filter), expected, "{filter}");
        }
    }

    #[test]
    fn a_word_that_is_not_known_is_refused() {
        assert!(serde_json::from_str::<Filter>(r#"{"colour":"red"}"#).is_err());
    }

    #[test]
    fn reasons_leave_out_what_went_on() {
        let filter = Filter { reasons: vec!["refused".into()], ..Filter::default() };
        assert!(filter.takes_reason(Some("refused")) && !filter.takes_reason(Some("too-big")) && !filter.takes_reason(None));
        assert!(Filter::default().takes_reason(None));
    }
}
