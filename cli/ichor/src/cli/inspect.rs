//! What the commands that ask a node's agent can say.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use ichor_agent_api::Cidr;
use ichor_datapath_types::DropReason;
use ipnet::IpNet;

#[derive(Debug, Subcommand)]
pub enum Endpoint {
    /// List the pods that the node's agent has cabled
    #[command(after_help = "\
Examples:
  ichor endpoint list                       on a node
  ichor endpoint list --node node-1         of a node of the lab")]
    List(PodsList),
    /// Ask the kernel and the pods whether each pod's network works; exit with 1 if one does not
    #[command(after_help = "\
What is looked at:
  cable     the node's end is there and switched on, and so is the pod's
  inside    the pod's end has its addresses and its default routes
  program   packets from and to the pod meet the datapath
  tables    the datapath knows the pod's addresses
  routes    the node's own routes lead to the pod
  answer    the pod answers an echo on each of its addresses

Example:
  ichor endpoint health --node node-1 --pod web-1")]
    Health(PodsList),
}

#[derive(Debug, Subcommand)]
pub enum Service {
    /// List the addresses and ports under which services are reached, and who answers there
    #[command(after_help = "\
Examples:
  ichor service list --service web          every address of the services called web
  ichor service list --pod web-1            the services that the pod answers for")]
    List(EndsList),
}

#[derive(Debug, Subcommand)]
pub enum Node {
    /// List the nodes that the agent knows
    List(NodeList),
}

/// Tables of the datapath, as they are in the node's kernel.
#[derive(Debug, Subcommand)]
pub enum Bpf {
    /// The load balancer
    #[command(subcommand)]
    Lb(BpfLb),
    /// Connection tracking
    #[command(subcommand)]
    Ct(BpfCt),
    /// Address translation
    #[command(subcommand)]
    Nat(BpfNat),
    /// Network policies
    #[command(subcommand)]
    Policy(BpfPolicy),
    /// Counters of what went on and what was dropped
    #[command(subcommand)]
    Metrics(BpfMetrics),
    /// How full tables are
    #[command(subcommand)]
    Map(BpfMap),
}

#[derive(Debug, Subcommand)]
pub enum BpfLb {
    /// List the frontends and their backends
    #[command(after_help = "\
Example:
  ichor bpf lb list --address 192.168.50.254")]
    List(EndsList),
}

#[derive(Debug, Subcommand)]
pub enum BpfCt {
    /// List the connections that are remembered, each direction by itself
    List(CtList),
}

#[derive(Debug, Subcommand)]
pub enum BpfNat {
    /// List the connections whose addresses or ports change on the way
    #[command(after_help = "\
Example:
  ichor bpf nat list --pod shell-1          what the pod's connections are seen as outside")]
    List(EndsList),
}

#[derive(Debug, Subcommand)]
pub enum BpfPolicy {
    /// List the policies of each endpoint; this version has none
    List(PolicyList),
}

#[derive(Debug, Subcommand)]
pub enum BpfMetrics {
    /// List how many packets went on, and how many were dropped for which reason
    List(MetricsList),
}

#[derive(Debug, Subcommand)]
pub enum BpfMap {
    /// List the tables in which new rows push out old ones, with how many of their rows are taken
    #[command(after_help = "\
Example:
  ichor bpf map list                        is there room for new connections?")]
    List(MapList),
}

/// Which agent is asked.
#[derive(Clone, Debug, Args)]
pub struct Agent {
    /// The agent's socket [default: the one in ICHOR_SOCKET, else /var/lib/ichor/agent.sock]
    #[arg(long, value_name = "PATH", conflicts_with = "node", value_hint = ValueHint::FilePath, help_heading = "Which agent")]
    pub socket: Option<PathBuf>,
    /// The agent of this node of a lab
    #[arg(long, value_name = "NODE", help_heading = "Which agent")]
    pub node: Option<String>,
    /// The lab's name [default: the only one there is]
    #[arg(long, value_name = "NAME", requires = "node", help_heading = "Which agent")]
    pub lab: Option<String>,
}

/// How much is wanted.
#[derive(Clone, Debug, Args)]
pub struct Limit {
    /// No more than so many
    #[arg(long, value_name = "NUMBER", help_heading = "Filters", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

/// Which pods.
#[derive(Clone, Debug, Args)]
pub struct Pods {
    /// Only of this namespace
    #[arg(short, long, value_name = "NAMESPACE", help_heading = "Filters")]
    pub namespace: Option<String>,
    /// Only this pod, of any namespace or as NAMESPACE/POD
    #[arg(long, value_name = "POD", help_heading = "Filters")]
    pub pod: Option<String>,
    /// Only with this address, or one of this network
    #[arg(long, value_name = "ADDRESS|CIDR", value_parser = network, help_heading = "Filters")]
    pub address: Option<Cidr>,
}

/// Which connections, by either of their ends.
#[derive(Clone, Debug, Args)]
pub struct Ends {
    #[command(flatten)]
    pub pods: Pods,
    /// Only this service, of any namespace or as NAMESPACE/SERVICE
    #[arg(long, value_name = "SERVICE", help_heading = "Filters")]
    pub service: Option<String>,
    /// Only with this port
    #[arg(long, value_name = "PORT", help_heading = "Filters")]
    pub port: Option<u16>,
    /// Only this protocol
    #[arg(long, value_enum, value_name = "PROTOCOL", help_heading = "Filters")]
    pub protocol: Option<Protocol>,
    /// Only this address family
    #[arg(long, value_enum, value_name = "FAMILY", help_heading = "Filters")]
    pub family: Option<Family>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmpv6,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Family {
    Ipv4,
    Ipv6,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    New,
    Established,
    Lasting,
    Closing,
    Reset,
}

/// Which pods, and how many of them.
#[derive(Debug, Args)]
pub struct PodsList {
    #[command(flatten)]
    pub pods: Pods,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub agent: Agent,
}

/// Which connections or services, and how many of them.
#[derive(Debug, Args)]
pub struct EndsList {
    #[command(flatten)]
    pub ends: Ends,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub agent: Agent,
}

#[derive(Debug, Args)]
pub struct NodeList {
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub agent: Agent,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor bpf ct list --pod shell-1 --protocol tcp
  ichor bpf ct list --state closing --limit 20

What goes from one pod to another under its own address changes nothing on the way: it is not
remembered, so it is not listed. `ichor monitor` shows its first packet.")]
pub struct CtList {
    /// The table: there is one for all endpoints
    #[arg(value_enum, hide = true)]
    pub table: Option<CtTable>,
    #[command(flatten)]
    pub ends: Ends,
    /// Only where this side has said so much
    #[arg(long, value_enum, value_name = "STATE", help_heading = "Filters")]
    pub state: Option<State>,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub agent: Agent,
}

/// For fingers that know `cilium bpf ct list global`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CtTable {
    Global,
}

#[derive(Debug, Args)]
pub struct PolicyList {
    #[command(flatten)]
    pub pods: Pods,
    #[command(flatten)]
    pub agent: Agent,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor bpf metrics list                    what was counted
  ichor bpf metrics list --all              every reason, also those for which nothing was dropped")]
pub struct MetricsList {
    /// Only drops for this reason; repeat it for each
    #[arg(long, value_name = "REASON", value_parser = reasons(), hide_possible_values = true, help_heading = "Filters")]
    pub reason: Vec<String>,
    /// Also what was never counted
    #[arg(long, help_heading = "Filters")]
    pub all: bool,
    #[command(flatten)]
    pub agent: Agent,
}

#[derive(Debug, Args)]
pub struct MapList {
    #[command(flatten)]
    pub agent: Agent,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor monitor --drops                     what is dropped on this node, and why
  ichor monitor --pod shell-1               what a pod begins, and what of it is dropped
  ichor monitor --output json --limit 1     wait for one event, as a line of JSON

`ichor bpf metrics list --all` names every reason. The datapath tells at most 1000 drops and 1000
new flows in a second on each CPU, and only while somebody listens; what it does not tell is
counted, and the count is shown. With `--output json` each event is a line of its own.")]
pub struct Monitor {
    /// Only drops
    #[arg(long, conflicts_with = "flows", help_heading = "Filters")]
    pub drops: bool,
    /// Only new flows
    #[arg(long, help_heading = "Filters")]
    pub flows: bool,
    /// Only drops for this reason; repeat it for each
    #[arg(long, value_name = "REASON", conflicts_with = "flows", value_parser = reasons(), hide_possible_values = true, help_heading = "Filters")]
    pub reason: Vec<String>,
    #[command(flatten)]
    pub ends: Ends,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub agent: Agent,
}

fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(DropReason::ALL.iter().map(|reason| PossibleValue::new(reason.name()).help(reason.text())))
}

/// A network, or one address.
fn network(text: &str) -> Result<Cidr, String> {
    let address = text.parse().map(|address: std::net::IpAddr| IpNet::from(address));
    address.or_else(|_| text.parse()).map(Cidr).map_err(|_| "it is neither an address nor a network such as 10.42.0.0/16".to_owned())
}
