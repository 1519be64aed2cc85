//! What kube-proxy makes in its mode `nftables`: one lookup for all services, a chain for each service and each endpoint.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::objects::{PORT, Services};

/// The whole ruleset, in the place of the one before.
pub(crate) fn whole(services: Services, file: &Path) {
    let mut text = "table ip kube-proxy {}\ndelete table ip kube-proxy\ntable ip kube-proxy {\n".to_owned();
    text.push_str(
        "chain mark-for-masquerade { meta mark set mark or 0x4000; }\n\
         chain masquerading { meta mark & 0x4000 == 0 return\n meta mark set meta mark ^ 0x4000\n masquerade fully-random\n }\n",
    );
    for service in services.all() {
        let endpoints = services.endpoints(service);
        for address in &endpoints {
            let _ = writeln!(text, "chain {} {{ {}\n }}", endpoint(service, *address), endpoint_rules(*address).join("\n"));
        }
        let _ = writeln!(
            text,
            "chain service-{service} {{ {}\n }}",
            service_rules(service, services.cluster_ip(service), &endpoints).join("\n")
        );
    }
    text.push_str("map service-ips { type ipv4_addr . inet_proto . inet_service : verdict\n elements = {\n");
    for service in services.all() {
        let _ = writeln!(text, "{} . tcp . 80 : goto service-{service},", services.cluster_ip(service));
    }
    text.push_str(
        "} }\nchain services { ip daddr . meta l4proto . th dport vmap @service-ips; }\n\
         chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }\n\
         chain nat-output { type nat hook output priority -100; jump services; }\n\
         chain nat-postrouting { type nat hook postrouting priority srcnat; jump masquerading; }\n}\n",
    );
    std::fs::write(file, text).unwrap();
}

/// The transaction after which a service has other endpoints.
pub(crate) fn change(services: Services, service: u32, before: &[Ipv4Addr], after: &[Ipv4Addr], file: &Path) {
    let mut text = String::new();
    for address in after.iter().filter(|address| !before.contains(address)) {
        let chain = endpoint(service, *address);
        let _ = writeln!(text, "add chain ip kube-proxy {chain}\nflush chain ip kube-proxy {chain}");
        for rule in endpoint_rules(*address) {
            let _ = writeln!(text, "add rule ip kube-proxy {chain} {rule}");
        }
    }
    let _ = writeln!(text, "flush chain ip kube-proxy service-{service}");
    for rule in service_rules(service, services.cluster_ip(service), after) {
        let _ = writeln!(text, "add rule ip kube-proxy service-{service} {rule}");
    }
    for address in before.iter().filter(|address| !after.contains(address)) {
        let chain = endpoint(service, *address);
        let _ = writeln!(text, "flush chain ip kube-proxy {chain}\ndelete chain ip kube-proxy {chain}");
    }
    std::fs::write(file, text).unwrap();
}

fn endpoint(service: u32, address: Ipv4Addr) -> String {
    format!("endpoint-{service}-{:08x}", address.to_bits())
}

fn endpoint_rules(address: Ipv4Addr) -> [String; 2] {
    [format!("ip saddr {address} jump mark-for-masquerade"), format!("meta l4proto tcp dnat to {address}:{PORT}")]
}

fn service_rules(service: u32, cluster_ip: Ipv4Addr, endpoints: &[Ipv4Addr]) -> [String; 2] {
    let choices: Vec<_> =
        endpoints.iter().enumerate().map(|(number, address)| format!("{number} : goto {}", endpoint(service, *address))).collect();
    [
        format!("ip daddr {cluster_ip} tcp dport 80 ip saddr != 10.91.0.0/16 jump mark-for-masquerade"),
        format!("numgen random mod {} vmap {{ {} }}", endpoints.len(), choices.join(", ")),
    ]
}
