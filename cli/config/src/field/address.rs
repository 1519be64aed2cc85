//! Addresses, prefixes and MACs.

use std::fmt;
use std::net::IpAddr;

use ichor_yaml::Node;
use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::{Field, wrong_type};
use crate::diagnostic::{Diagnostic, Diagnostics, Path};

/// One IPv4 or IPv6 address that a host can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub IpAddr);

/// A prefix with no bits set behind its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr(pub IpNet);

/// A MAC address, kept in the lower-case form with colons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(String);

impl Mac {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Field for Address {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        let text = text_of(node, path, "an IP address", out)?;
        let diagnostic = match text.parse::<IpAddr>() {
            Ok(ip) if ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() => {
                Diagnostic::new(path, node.span, format!("`{text}` is not an address that a host on the network can have"))
                    .help("write the unicast address of the host")
            }
            Ok(ip) => return Some(Self(ip)),
            Err(_) if text.parse::<IpNet>().is_ok() => Diagnostic::new(path, node.span, format!("`{text}` is a prefix, not an address"))
                .help(format!("write `{}`", text.split('/').next().unwrap_or_default())),
            Err(_) => Diagnostic::new(path, node.span, format!("`{text}` is not an IP address"))
                .help("write four numbers up to 255 with dots, such as `192.168.1.10`, or an IPv6 address such as `fd00::10`"),
        };
        out.push(diagnostic);
        None
    }

    fn describe() -> String {
        "IP address".into()
    }

    fn schema() -> Json {
        json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
    }
}

impl Field for Cidr {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        let text = text_of(node, path, "a prefix such as `10.0.0.0/24`", out)?;
        let diagnostic = match text.parse::<IpNet>() {
            Ok(net) if net.trunc() != net => Diagnostic::new(path, node.span, format!("`{text}` has bits set behind its prefix length"))
                .help(format!("write `{}`", net.trunc())),
            Ok(net) => return Some(Self(net)),
            Err(_) if text.parse::<IpAddr>().is_ok() => Diagnostic::new(path, node.span, format!("`{text}` is an address, not a prefix"))
                .help(format!(
                    "write `{text}/{}` for this one address, or the prefix length of the network",
                    if text.contains(':') { 128 } else { 32 }
                )),
            Err(_) => Diagnostic::new(path, node.span, format!("`{text}` is not a prefix"))
                .help("write ADDRESS/LENGTH, such as `10.0.0.0/24` or `fd00::/64`"),
        };
        out.push(diagnostic);
        None
    }

    fn describe() -> String {
        "prefix (CIDR)".into()
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$" })
    }
}

impl Field for Mac {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        let text = text_of(node, path, "a MAC address", out)?;
        let lower = text.to_ascii_lowercase().replace('-', ":");
        let parts: Vec<_> = lower.split(':').collect();
        if parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Some(Self(lower));
        }
        out.push(
            Diagnostic::new(path, node.span, format!("`{text}` is not a MAC address")).help("write six pairs, such as `52:54:00:12:34:56`"),
        );
        None
    }

    fn describe() -> String {
        "MAC address".into()
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$" })
    }
}

fn text_of<'a>(node: &'a Node, path: &Path, wanted: &str, out: &mut Diagnostics) -> Option<&'a str> {
    let text = node.as_str();
    if text.is_none() {
        out.push(wrong_type(node, path, wanted).help(format!("write {wanted}")));
    }
    text
}
