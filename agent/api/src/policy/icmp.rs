//! ICMP messages, by number or by name.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::pattern;

/// ICMP messages.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IcmpRule {
    /// The messages.
    #[schemars(length(max = 40))]
    pub fields: Option<Vec<IcmpField>>,
}

/// A kind of ICMP message.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IcmpField {
    /// The family; IPv4 if it is missing.
    #[schemars(extend("default" = "IPv4"))]
    pub family: Option<IcmpFamily>,
    /// The type as a number, or its name in CamelCase such as EchoRequest.
    #[serde(rename = "type")]
    pub kind: IcmpType,
}

/// The family of an ICMP message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IcmpFamily {
    /// ICMP.
    #[default]
    #[serde(rename = "IPv4")]
    V4,
    /// ICMPv6.
    #[serde(rename = "IPv6")]
    V6,
}

/// The type of an ICMP message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IcmpType {
    /// Its number.
    Number(u8),
    /// Its name, or its number as text.
    Name(String),
}

const V4: &[(&str, u8)] = &[
    ("EchoReply", 0),
    ("DestinationUnreachable", 3),
    ("Redirect", 5),
    ("Echo", 8),
    ("EchoRequest", 8),
    ("RouterAdvertisement", 9),
    ("RouterSelection", 10),
    ("TimeExceeded", 11),
    ("ParameterProblem", 12),
    ("Timestamp", 13),
    ("TimestampReply", 14),
    ("Photuris", 40),
    ("ExtendedEchoRequest", 42),
    ("ExtendedEchoReply", 43),
];

const V6: &[(&str, u8)] = &[
    ("DestinationUnreachable", 1),
    ("PacketTooBig", 2),
    ("TimeExceeded", 3),
    ("ParameterProblem", 4),
    ("EchoRequest", 128),
    ("EchoReply", 129),
    ("MulticastListenerQuery", 130),
    ("MulticastListenerReport", 131),
    ("MulticastListenerDone", 132),
    ("RouterSolicitation", 133),
    ("RouterAdvertisement", 134),
    ("NeighborSolicitation", 135),
    ("NeighborAdvertisement", 136),
    ("RedirectMessage", 137),
    ("RouterRenumbering", 138),
    ("ICMPNodeInformationQuery", 139),
    ("ICMPNodeInformationResponse", 140),
    ("InverseNeighborDiscoverySolicitation", 141),
    ("InverseNeighborDiscoveryAdvertisement", 142),
    ("HomeAgentAddressDiscoveryRequest", 144),
    ("HomeAgentAddressDiscoveryReply", 145),
    ("MobilePrefixSolicitation", 146),
    ("MobilePrefixAdvertisement", 147),
    ("DuplicateAddressRequestCodeSuffix", 157),
    ("DuplicateAddressConfirmationCodeSuffix", 158),
    ("ExtendedEchoRequest", 160),
    ("ExtendedEchoReply", 161),
];

impl IcmpType {
    /// The number of the type in a family; none if the family has no such name.
    pub fn number(&self, family: IcmpFamily) -> Option<u8> {
        let names = match family {
            IcmpFamily::V4 => V4,
            IcmpFamily::V6 => V6,
        };
        match self {
            Self::Number(number) => Some(*number),
            Self::Name(name) => name.parse().ok().or_else(|| names.iter().find(|(known, _)| known == name).map(|&(_, number)| number)),
        }
    }
}

impl fmt::Display for IcmpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl JsonSchema for IcmpType {
    fn schema_name() -> Cow<'static, str> {
        "IcmpType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut names: Vec<&str> = V4.iter().chain(V6).map(|&(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        json_schema!({
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "pattern": format!("^({}|{})$", pattern::OCTET, names.join("|")),
            "x-kubernetes-int-or-string": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_number_of_its_family() {
        let echo = IcmpType::Name("EchoRequest".into());
        assert_eq!((echo.number(IcmpFamily::V4), echo.number(IcmpFamily::V6)), (Some(8), Some(128)));
        assert_eq!(IcmpType::Name("PacketTooBig".into()).number(IcmpFamily::V4), None);
        assert_eq!(IcmpType::Name("255".into()).number(IcmpFamily::V4), Some(255));
        assert_eq!(IcmpType::Name("256".into()).number(IcmpFamily::V4), None);
        assert_eq!(IcmpType::Number(3).number(IcmpFamily::V6), Some(3));
    }

    #[test]
    fn numbers_and_names_are_both_read() {
        let fields: Vec<IcmpField> = serde_json::from_str(r#"[{"type":8},{"family":"IPv6","type":"EchoRequest"}]"#).unwrap();
        assert_eq!(fields[0].kind, IcmpType::Number(8));
        assert_eq!(fields[1].kind.number(fields[1].family.unwrap()), Some(128));
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"[{"type":8},{"family":"IPv6","type":"EchoRequest"}]"#);
    }
}
