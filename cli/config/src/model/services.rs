//! Gateways, names and certificates.

use super::{Labels, List};
use crate::field::{Address, Domain, Https, Int, Name, Words, choice, section};

section! {
    /// Gateways for HTTP.
    pub struct Gateways {
        /// Whether Gateway API is served.
        enabled: bool = "true",
        /// The gateway for clients on the local network.
        internal: Option<Gateway> = "null",
        /// The gateway that the tunnel to the internet ends at.
        external: Option<Gateway> = "null",
        /// More gateways.
        extra: List<NamedGateway> = "[]",
        /// The namespace of the gateways and their companions.
        namespace: Name = "network",
    }
}

section! {
    /// One gateway.
    pub struct Gateway {
        /// Its addresses, pinned; each must be in a pool.
        addresses: List<Address>,
        /// The DNS names that it serves; by default the domain of `dns` and everything below it.
        hostnames: List<Hostname> = "[]",
        /// Whether plain HTTP is answered with a redirect to HTTPS.
        https_redirect: bool = "true",
    }
}

section! {
    /// One more gateway.
    pub struct NamedGateway {
        /// Its name.
        name: Name,
        /// Its addresses, pinned; each must be in a pool.
        addresses: List<Address>,
        /// The DNS names that it serves.
        hostnames: List<Hostname> = "[]",
        /// Whether plain HTTP is answered with a redirect to HTTPS.
        https_redirect: bool = "true",
    }
}

/// A DNS name, where the first label may be `*`.
pub type Hostname = crate::field::Text<HostnameKind>;

/// The rule of host names.
#[derive(Debug)]
pub enum HostnameKind {}

impl crate::field::TextKind for HostnameKind {
    const DESCRIBE: &'static str = "DNS name, with `*` as its first label or not";
    const PATTERN: &'static str = "^(\\*\\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$";

    fn check(text: &str) -> Result<(), (String, String)> {
        <crate::field::kinds::Domain as crate::field::TextKind>::check(text.strip_prefix("*.").unwrap_or(text))
    }
}

section! {
    /// Split DNS, the tunnel to the internet, and records outside.
    pub struct Dns {
        /// The domain under which the cluster's services are reached.
        domain: Option<Domain> = "null",
        /// The DNS server for clients on the local network.
        split: Option<SplitDns> = "null",
        /// The tunnel from the internet.
        tunnel: Option<Tunnel> = "null",
        /// Whether external-dns keeps the records outside.
        external_dns: bool = "false",
    }
}

section! {
    /// A DNS server for the local network, which answers with the internal gateway's address.
    pub struct SplitDns {
        /// Its addresses, pinned; each must be in a pool.
        addresses: List<Address>,
        /// Seconds that answers may be kept.
        ttl_s: Int<1, 86400> = "1",
    }
}

section! {
    /// A Cloudflare tunnel: connections from the internet come in through a pod that only calls out.
    pub struct Tunnel {
        /// The tunnel's id.
        id: Name,
        /// How many pods hold the tunnel.
        replicas: Int<1, 10> = "2",
    }
}

section! {
    /// Certificates for the gateways.
    pub struct Certificates {
        /// Whether cert-manager objects are rendered.
        enabled: bool = "false",
        /// The ACME server.
        server: Https = "https://acme-v02.api.letsencrypt.org/directory",
        /// Where the ACME server sends warnings.
        email: Option<Words> = "null",
        /// The names of the wildcard certificate; by default the domain of `dns` and everything below it.
        names: List<Hostname> = "[]",
        /// How the ACME server is convinced.
        challenge: Challenge = "cloudflare",
        /// What happens with a renewed certificate.
        export: Option<Export> = "null",
    }
}

choice! {
    /// How the ACME server is convinced.
    pub enum Challenge {
        /// By a DNS record at Cloudflare.
        Cloudflare = "cloudflare",
        /// By an answer over HTTP through the external gateway; has no wildcard names.
        Http = "http",
    }
}

section! {
    /// Hands a renewed certificate to a device outside the cluster, such as a NAS.
    pub struct Export {
        /// The image that does it; it finds the certificate under `/certificate`.
        image: Words,
        /// Its arguments.
        args: List<Words> = "[]",
        /// When it looks for a new certificate, in cron's form.
        schedule: Words = "17 3 * * *",
        /// Labels on its pods, for policies of your own.
        labels: Labels = "{}",
    }
}
