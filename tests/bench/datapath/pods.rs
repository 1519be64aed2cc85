//! A pod that comes and goes by the CNI plugin, beside the kernel's part of that work done barely.

use std::time::Instant;

use ichor_lab::namespace;

use crate::figures::{Figures, at_most, number, progress};
use crate::node::Node;
use crate::place::Place;
use crate::world::{World, batch, cable, pod_side};

const PODS: u8 = 200;

/// Milliseconds of each step.
#[derive(Debug, Default)]
struct Steps {
    namespace: Vec<f64>,
    add: Vec<f64>,
    delete: Vec<f64>,
}

pub(crate) fn part(place: &Place) {
    progress(&format!("{PODS} pods by the plugin and by `ip`, in turns"));
    let world = World::new("pods");
    let mut node = Node::all(place, &world).remove(0);
    node.start();
    let bare = World::new("bare");
    let (mut ours, mut kernel) = (Steps::default(), Steps::default());
    for number in 0..PODS {
        let pod = format!("pod{number}");
        ours.turn(&world.named(&pod), || node.plugin("ADD", &pod), || node.plugin("DEL", &pod));
        let name = Place::namespace(&bare.named(&pod));
        let host = Place::namespace(&bare.named("node1"));
        let address = std::net::Ipv4Addr::new(10, 91, 1, 2);
        let add = || {
            batch(&host, &cable(&name, number, address));
            batch(&name, &pod_side(number, address));
        };
        kernel.turn(&bare.named(&pod), add, || batch(&host, &format!("link delete pod{number}\n")));
    }
    println!("\n{PODS} pods one after the other, beside the same namespaces, cables, addresses and routes by `ip -batch`; ms");
    println!("  {:<34}{:>10}{:>10}{:>10}{:>10}", "", "ichor p50", "p99", "bare p50", "p99");
    let [namespaces, add, delete, both] =
        [|s: &Steps| s.namespace.clone(), |s: &Steps| s.add.clone(), |s: &Steps| s.delete.clone(), Steps::both]
            .map(|of| (Figures::of(of(&ours)), Figures::of(of(&kernel))));
    for (name, (ours, kernel)) in [("making the namespace", &namespaces), ("ADD", &add), ("DEL", &delete), ("namespace and ADD", &both)] {
        let values =
            [ours.median(), ours.quantile(0.99), kernel.median(), kernel.quantile(0.99)].map(|value| format!("{:>10}", number(value)));
        println!("  {name:<34}{}", values.join(""));
    }
    at_most("ADD, median / bare, with the namespace in both", both.0.median() / both.1.median(), 1.5, "×");
    at_most("ADD, median / bare, without it", add.0.median() / add.1.median(), 1.5, "×");
}

impl Steps {
    /// A pod from its namespace to its end.
    fn turn(&mut self, pod: &str, add: impl FnOnce(), delete: impl FnOnce()) {
        let name = Place::namespace(pod);
        self.namespace.push(ms(|| namespace::make(&name, &[]).unwrap()));
        self.add.push(ms(add));
        self.delete.push(ms(delete));
        namespace::remove(&name).unwrap();
    }

    fn both(&self) -> Vec<f64> {
        self.namespace.iter().zip(&self.add).map(|(namespace, add)| namespace + add).collect()
    }
}

fn ms(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1000.0
}
