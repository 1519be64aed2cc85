//! No frame may make the datapath panic, whatever its tables hold.
#![no_main]

mod frame;
mod tables;

use ichor_datapath_logic::{Family, FlowTable, Next, Origin, Packet, V4, V6, answer, apply, decide};
use ichor_datapath_types::{Config, DropReason, Eth, Work};
use libfuzzer_sys::fuzz_target;

use crate::frame::Frame;
use crate::tables::Chance;

/// In front of the frame: where it is met, what is switched on, and what the tables answer.
const HEAD: usize = 34;

fuzz_target!(|input: &[u8]| {
    let Some((head, frame)) = input.split_at_checked(HEAD) else { return };
    let (&[origin, features, ref chance @ ..], mut frame) = (head, Frame(frame.to_vec())) else { return };
    let tables = Chance::new(chance);
    let config = Config {
        features: features.into(),
        node_v4: 1,
        node_v6: [1; 4],
        first_port: 61000,
        last_port: 61007,
        mtu: 1500,
        ..Config::default()
    };
    let origin = match origin % 4 {
        0 => Origin::Endpoint { interface: 7 },
        1 => Origin::Wire { only_transit: false },
        2 => Origin::Wire { only_transit: true },
        _ => Origin::Host,
    };
    // Twice: the second packet meets the flow that the first one wrote.
    for _ in 0..2 {
        let _verdict = match frame.load::<Eth>(0) {
            Some(Eth { ethertype: V4::ETHERTYPE, .. }) => run::<V4>(&mut frame, &tables, &config, origin),
            Some(Eth { ethertype: V6::ETHERTYPE, .. }) => run::<V6>(&mut frame, &tables, &config, origin),
            _ => return,
        };
    }
});

fn run<F: Family>(frame: &mut Frame, tables: &Chance, config: &Config, origin: Origin) -> Result<(), DropReason>
where
    Chance: FlowTable<F::Octets>,
    Work<F::Octets>: Default,
{
    let mut work = Work::default();
    let next = decide::<F, _, _>(frame, tables, config, origin, &mut work)?;
    match next {
        Next::Refuse | Next::TooBig => answer::<F, _>(frame, next, config, &work).map(drop),
        _ => apply::<F, _>(frame, next, &work),
    }
}
