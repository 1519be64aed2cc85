//! Every length at which a frame can end.

use ichor_datapath_types::DropReason;

use crate::cluster::service;
use crate::frame::Frame;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

const ETHERNET: usize = 14;

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    let network = ETHERNET + if f == Family::V4 { 20 } else { 40 };
    vec![tcp_in_xdp(f, network + 20), udp_in_xdp(f, network + 8), from_pod(f, network + 20)]
}

fn tcp_in_xdp(f: Family, headers: usize) -> Scenario {
    let (frame, becomes) = (f.tcp("client:5000 > lb:80"), f.tcp("node:61000 > far:8080"));
    let all = scenario(f, "a TCP packet of every length, in XDP").with(service("tcp lb:80").to("far:8080"));
    each_length(&frame, headers, all, Scenario::xdp, |all, cut| {
        let all = all.sent(becomes.clone().cut(cut));
        if cut > headers {
            return all;
        }
        all.flows(&[
            "tcp client:5000 > lb:80 => node:61000 > far:8080 established source destination #1",
            "tcp far:8080 > node:61000 => lb:80 > client:5000 new reply source destination #1",
        ])
    })
}

fn udp_in_xdp(f: Family, headers: usize) -> Scenario {
    let frame = f.udp("client:5000 > lb:53").body(b"x");
    let all = scenario(f, "a UDP packet of every length, in XDP");
    each_length(&frame, headers, all, Scenario::xdp, |all, _| all.passes())
}

fn from_pod(f: Family, headers: usize) -> Scenario {
    let frame = f.tcp("a:40000 > b:80").body(b"xyz");
    let all = scenario(f, "a TCP packet of every length, from a pod");
    let from_pod = |all: Scenario, what, frame| all.pod("a", what, frame);
    each_length(&frame, headers, all, from_pod, |all, cut| all.delivered(frame.clone().cut(cut)))
}

/// Up to the end of the Ethernet header it could be anything, up to the end of the transport's it is truncated.
fn each_length(
    frame: &Frame,
    headers: usize,
    all: Scenario,
    meet: impl Fn(Scenario, &'static str, Frame) -> Scenario,
    whole: impl Fn(Scenario, usize) -> Scenario,
) -> Scenario {
    (0..=frame.bytes().len()).fold(all, |all, cut| {
        let cut_frame = frame.clone().cut(cut);
        if cut < ETHERNET {
            meet(all, "no Ethernet header", cut_frame).passes()
        } else if cut < headers {
            meet(all, "not all headers", cut_frame).dropped(DropReason::Truncated)
        } else {
            whole(meet(all, "all headers", cut_frame), cut)
        }
    })
}
