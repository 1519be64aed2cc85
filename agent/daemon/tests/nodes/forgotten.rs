//! A node has forgotten a connection that was silent when a table was full, and then something is said on it.

use std::io::ErrorKind;

use ichor_datapath_loader::Table;
use ichor_datapath_types::{Flow, FlowKey, Octets, flow_flag};

use crate::full::{Connection, each_backend};
use crate::node::Node;
use crate::sweep::{ago, tables};

const SILENT_S: u64 = 5;

/// What a node forgets: both directions, the one that began, or the answers.
const FORGETS: [(&str, &[bool]); 3] =
    [("both directions forgotten", &[true, false]), ("what began forgotten", &[false]), ("answers forgotten", &[true])];

/// Where nothing but the service's address is translated, the same backend is found again; where the node's port is lost,
/// too, whoever speaks is told. Nobody is left hanging.
pub(crate) fn check(nodes: &[Node; 2], entries: u32, mode: &str) {
    let mut tables = tables(&nodes[0], entries);
    let (mut same, mut told) = (0, 0);
    for is_v4 in [true, false] {
        for (what, forgets) in FORGETS {
            for mut connection in each_backend(is_v4, what) {
                let name = connection.name.clone();
                connection.say(1).unwrap_or_else(|error| panic!("{mode}, {name}, before anything is forgotten: {error}"));
                let port = connection.stream.get_ref().local_addr().unwrap().port().to_be();
                let gone = match is_v4 {
                    true => forget(&mut tables.flows_v4().unwrap(), port, forgets),
                    false => forget(&mut tables.flows_v6().unwrap(), port, forgets),
                };
                // Answers that go past this node have no row here.
                assert!(gone > 0 || is_taken(forgets) && mode == "dsr", "{name}: it was not remembered");
                match connection.say(2) {
                    Ok(_) => same += 1,
                    Err(error) if (is_taken(forgets) || may_be_told(&connection, mode)) && error.kind() == ErrorKind::ConnectionReset => {
                        told += 1;
                    }
                    Err(error) => panic!("{mode}, {name}: {error}"),
                }
            }
        }
    }
    println!("{mode}: of the connections that the node forgot, {same} went on with their backend, and {told} were told that they are over");
    if mode == "dsr" {
        check_where_the_backend_is(nodes, entries);
    }
}

/// The node that answers directly has forgotten, and the one that was asked tells it again.
fn check_where_the_backend_is([asked, answering]: &[Node; 2], entries: u32) {
    let (mut asked, mut answering) = (tables(asked, entries), tables(answering, entries));
    let mut same = 0;
    for is_v4 in [true, false] {
        for (what, forgets) in FORGETS {
            for mut connection in each_backend(is_v4, &format!("where the backend is, {what}")) {
                let name = connection.name.clone();
                if !name.contains("from outside") || !name.ends_with("answered by c") {
                    continue;
                }
                connection.say(1).unwrap_or_else(|error| panic!("{name}, before anything is forgotten: {error}"));
                let port = connection.stream.get_ref().local_addr().unwrap().port().to_be();
                let (gone, silent) = match is_v4 {
                    true => (forget(&mut answering.flows_v4().unwrap(), port, forgets), fall_silent(&mut asked.flows_v4().unwrap(), port)),
                    false => (forget(&mut answering.flows_v6().unwrap(), port, forgets), fall_silent(&mut asked.flows_v6().unwrap(), port)),
                };
                assert_eq!((gone, silent), (forgets.len(), 1), "{name}");
                connection.say(2).unwrap_or_else(|error| panic!("{name}: {error}"));
                same += 1;
            }
        }
    }
    println!("dsr: all {same} connections that the backend's node forgot went on");
    assert_eq!(same, 12);
}

/// Puts the row of a client's port so far into the past as it takes to be pushed out elsewhere, at least.
fn fall_silent<A: Octets>(table: &mut Table<'_, FlowKey<A>, Flow<A>>, port: u16) -> usize {
    let rows: Vec<_> = table.entries().unwrap().into_iter().filter(|(key, _)| key.tuple.source_port == port).collect();
    rows.iter().for_each(|(key, flow)| table.put(key, &Flow { seen: ago(SILENT_S), ..*flow }).unwrap());
    rows.len()
}

/// Whether an answer may be taken for something else before the answers are written down again: then both ends are told.
fn is_taken(forgets: &[bool]) -> bool {
    forgets == [true]
}

/// Whether the node's port is lost with what was remembered.
fn may_be_told(connection: &Connection, mode: &str) -> bool {
    let is_hidden = mode == "snat" && connection.name.ends_with("answered by c");
    is_hidden || connection.name.ends_with("answered by outside")
}

/// Removes the rows of a client's port, of answers or of what began.
fn forget<A: Octets>(table: &mut Table<'_, FlowKey<A>, Flow<A>>, port: u16, replies: &[bool]) -> usize {
    let is_it = |key: &FlowKey<A>, flow: &Flow<A>| match flow.flags & flow_flag::REPLY != 0 {
        true => flow.becomes.destination_port == port && replies.contains(&true),
        false => key.tuple.source_port == port && replies.contains(&false),
    };
    let rows: Vec<_> = table.entries().unwrap().into_iter().filter(|(key, flow)| is_it(key, flow)).collect();
    rows.iter().for_each(|(key, _)| table.remove(key).unwrap());
    rows.len()
}
