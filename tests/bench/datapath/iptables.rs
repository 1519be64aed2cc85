//! What kube-proxy makes in its mode `iptables`: a list of services, each jump with its conditions, and chains by chance.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::objects::{PORT, Services};

/// The whole table, in the place of the one before.
pub(crate) fn whole(services: Services, file: &Path) {
    let (mut chains, mut rules) = (head(), String::new());
    list(services, &mut rules);
    services.all().for_each(|service| of_service(services, service, &services.endpoints(service), (&mut chains, &mut rules)));
    rules.push_str("-A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n-A POSTROUTING -j KUBE-POSTROUTING\n");
    std::fs::write(file, format!("{chains}{rules}COMMIT\n")).unwrap();
}

/// What is loaded with `--noflush` when a service has other endpoints: the list, and the chains of that service.
pub(crate) fn change(services: Services, service: u32, before: &[Ipv4Addr], after: &[Ipv4Addr], file: &Path) {
    let (mut chains, mut rules) = (head(), String::new());
    list(services, &mut rules);
    of_service(services, service, after, (&mut chains, &mut rules));
    for address in before.iter().filter(|address| !after.contains(address)) {
        let chain = endpoint(service, *address);
        let _ = writeln!(chains, ":{chain} - [0:0]");
        let _ = writeln!(rules, "-X {chain}");
    }
    std::fs::write(file, format!("{chains}{rules}COMMIT\n")).unwrap();
}

fn head() -> String {
    "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-POSTROUTING - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n".to_owned()
}

fn list(services: Services, rules: &mut String) {
    rules.push_str(
        "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000\n-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
         -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000\n-A KUBE-POSTROUTING -j MASQUERADE --random-fully\n",
    );
    for service in services.all() {
        let address = services.cluster_ip(service);
        let _ = writeln!(
            rules,
            "-A KUBE-SERVICES -m comment --comment \"bench/s{service}:http cluster IP\" -p tcp -m tcp -d {address} --dport 80 -j {}",
            chain(service)
        );
    }
}

fn of_service(services: Services, service: u32, endpoints: &[Ipv4Addr], (chains, rules): (&mut String, &mut String)) {
    let own = chain(service);
    let name = format!("bench/s{service}:http");
    let _ = writeln!(chains, ":{own} - [0:0]");
    let _ = writeln!(
        rules,
        "-A {own} -m comment --comment \"{name} cluster IP\" -p tcp -m tcp -d {} --dport 80 ! -s 10.91.0.0/16 -j KUBE-MARK-MASQ",
        services.cluster_ip(service)
    );
    for (number, address) in endpoints.iter().enumerate() {
        let left = endpoints.len() - number;
        let chance = if left > 1 { format!("-m statistic --mode random --probability {:.10} ", 1.0 / left as f64) } else { String::new() };
        let jump = endpoint(service, *address);
        let _ = writeln!(rules, "-A {own} -m comment --comment \"{name} -> {address}:{PORT}\" {chance}-j {jump}");
        let _ = writeln!(chains, ":{jump} - [0:0]");
        let _ = writeln!(rules, "-A {jump} -m comment --comment {name} -s {address} -j KUBE-MARK-MASQ");
        let _ = writeln!(rules, "-A {jump} -m comment --comment {name} -p tcp -m tcp -j DNAT --to-destination {address}:{PORT}");
    }
}

fn chain(service: u32) -> String {
    format!("KUBE-SVC-{service:016}")
}

fn endpoint(service: u32, address: Ipv4Addr) -> String {
    format!("KUBE-SEP-{service:08}{:08X}", address.to_bits())
}
