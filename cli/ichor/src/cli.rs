//! What the command line can say. Types only; the work is in `commands`.

pub mod inspect;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

const BEGIN: &str = "\
Begin with `ichor init`, fill in cluster.yaml, and run `ichor configure` after each edit.

Exit codes:
  0  done
  1  refused or failed; the reason is on stderr
  2  the command line is wrong
  3  with --check: the files are not what `configure` would write";

/// From one cluster.yaml to the network of a Talos cluster
#[derive(Debug, Parser)]
#[command(
    name = "ichor",
    version,
    about,
    after_help = BEGIN,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The form of the data on stdout: for people, or one JSON document
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT", help_heading = "Common options")]
    pub output: Format,
    /// When to use colours; NO_COLOR is obeyed too
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN", help_heading = "Common options")]
    pub color: Colour,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Common options")]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true, help_heading = "Common options")]
    pub verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented cluster.yaml to begin with
    Init(Box<Init>),
    /// Render everything that cluster.yaml describes
    Configure(Configure),
    /// Check cluster.yaml and write nothing
    Validate(ConfigFile),
    /// Convert the files of cluster-template to a cluster.yaml
    Import(Import),
    /// See, change and renew the encrypted secrets
    #[command(subcommand)]
    Secrets(Secrets),
    /// Export what Talos machines are given
    #[command(subcommand)]
    Talos(Talos),
    /// Make the network of cluster.yaml on this machine, from network namespaces
    #[command(subcommand)]
    Lab(Lab),
    /// Look at the pods that a node's agent has cabled
    #[command(subcommand)]
    Endpoint(inspect::Endpoint),
    /// Look at the services that a node's agent serves
    #[command(subcommand)]
    Service(inspect::Service),
    /// Look at the nodes that a node's agent knows
    #[command(subcommand)]
    Node(inspect::Node),
    /// Look into the tables of a node's datapath
    #[command(subcommand)]
    Bpf(inspect::Bpf),
    /// Watch what a node's datapath drops, and which flows begin
    Monitor(inspect::Monitor),
    /// Print the JSON Schema of cluster.yaml, for editors
    Schema,
    /// Print the completion script of a shell
    Completions(Completions),
    /// Write the manual pages
    Man(Man),
    /// Print the version, and the versions that were tested with it
    Version,
    /// The second half of a write, in a process of its own
    #[command(hide = true)]
    FinishWrite { root: PathBuf },
    #[command(flatten)]
    Planned(Planned),
}

/// Commands that are planned: each says so, instead of passing for a mistake in typing.
#[derive(Debug, Subcommand)]
pub enum Planned {
    #[command(hide = true)]
    Bootstrap(Anything),
    #[command(hide = true)]
    Connectivity(Anything),
    #[command(hide = true)]
    Explain(Anything),
    #[command(hide = true)]
    Observe(Anything),
    #[command(hide = true)]
    Rollback(Anything),
    #[command(hide = true)]
    Status(Anything),
    #[command(hide = true)]
    Upgrade(Anything),
}

#[derive(Debug, Args)]
pub struct Anything {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub words: Vec<String>,
}

/// Where the cluster is described.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// The file that describes the cluster
    #[arg(long, value_name = "FILE", default_value = "cluster.yaml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor configure                     render, show what changed, write
  ichor configure --check --diff      show what would change, write nothing
  ichor configure --overwrite         give up edits made by hand in rendered files

Secrets are opened with the age key in SOPS_AGE_KEY, in the file that SOPS_AGE_KEY_FILE names, or in
sops/age/keys.txt in the folder of settings, as `sops` does it.")]
pub struct Configure {
    #[command(flatten)]
    pub config: ConfigFile,
    /// The folder that the files are written to [default: the folder of cluster.yaml]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Write nothing; exit with 3 if anything would change
    #[arg(long)]
    pub check: bool,
    /// Show every changed line; an encrypted value is shown as a mark that changes when it does
    #[arg(long)]
    pub diff: bool,
    /// Replace rendered files that were edited by hand, or were rendered for the cluster's former name
    #[arg(long)]
    pub overwrite: bool,
    /// A folder of templates that stand in for those of the same name [default: .ichor/templates, if it is there]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub templates: Option<PathBuf>,
    /// Print the names of all templates and stop
    #[arg(long, conflicts_with_all = ["check", "diff", "overwrite", "templates"])]
    pub list_templates: bool,
    /// The Gateway API's CRDs: a file, a folder or an https URL [default: fetched once, then cached]
    #[arg(long, value_name = "PATH|URL")]
    pub gateway_api: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor init                          ask for the few things that must be known
  ichor init --name home --node-cidr 192.168.1.0/24 --vip 192.168.1.10 \\
      --node node-1=192.168.1.11,52:54:00:12:34:56 --install-disk /dev/sda --age-key age.key")]
pub struct Init {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "cluster.yaml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// The cluster's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The network of the nodes; repeat it for a second family
    #[arg(long, value_name = "CIDR")]
    pub node_cidr: Vec<String>,
    /// A control-plane node: its name, its address or addresses, and the MAC address or name of its interface; repeat it for each
    #[arg(long, value_name = "NAME=ADDRESS,MAC")]
    pub node: Vec<String>,
    /// A worker node, in the same form; repeat it for each
    #[arg(long, value_name = "NAME=ADDRESS,MAC")]
    pub worker: Vec<String>,
    /// A free address of the node network for the Kubernetes API
    #[arg(long, value_name = "ADDRESS")]
    pub vip: Option<String>,
    /// The disk that Talos is installed to
    #[arg(long, value_name = "DEVICE")]
    pub install_disk: Option<String>,
    /// Addresses for Services, as a prefix or as FIRST-LAST; repeat it for a second family
    #[arg(long, value_name = "CIDR|RANGE")]
    pub pool: Vec<String>,
    /// Announce addresses to the router with this address by BGP; repeat it for a second family
    #[arg(long, value_name = "ADDRESS", requires_all = ["router_asn", "node_asn"])]
    pub router: Vec<String>,
    /// The router's AS number
    #[arg(long, value_name = "ASN", requires = "router")]
    pub router_asn: Option<String>,
    /// The nodes' AS number
    #[arg(long, value_name = "ASN", requires = "router")]
    pub node_asn: Option<String>,
    /// The domain under which services are reached
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// The GitOps engine: flux, argocd or none
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<String>,
    /// The Git repository that the engine follows
    #[arg(long, value_name = "URL")]
    pub repository: Option<String>,
    /// An age public key that may read the secrets; repeat it for each
    #[arg(long, value_name = "age1…")]
    pub recipient: Vec<String>,
    /// Make an age key pair in this file and name it in `.gitignore`, or use the one that is there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub age_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ichor import ~/home-ops --config cluster.yaml

PATH is a cluster.toml, a cluster.yaml with its nodes.yaml beside it, or the folder that holds them.
Passwords and tokens are not copied: the report says how to store each one encrypted.")]
pub struct Import {
    /// What to convert
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "cluster.yaml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// The cluster's name, which the old files do not say
    #[arg(long, value_name = "NAME", default_value = "kubernetes")]
    pub name: String,
    /// Print the new file instead of writing it
    #[arg(long)]
    pub print: bool,
}

#[derive(Debug, Subcommand)]
pub enum Secrets {
    /// Show which secrets there are, which are missing, and who can read them
    Status(SecretsPlace),
    /// Change all of them in $EDITOR; the decrypted text stays in memory
    Edit(SecretsPlace),
    /// Make generated passwords anew, or the key that encrypts the file
    Rotate(SecretsRotate),
    /// Store one secret, read from stdin
    Set(SecretsSet),
}

/// Where the secrets are.
#[derive(Clone, Debug, Args)]
pub struct SecretsPlace {
    #[command(flatten)]
    pub config: ConfigFile,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor secrets rotate                     a new data key, for the recipients in cluster.yaml
  ichor secrets rotate bgp.gateway         a new password; `ichor configure` then uses it")]
pub struct SecretsRotate {
    #[command(flatten)]
    pub place: SecretsPlace,
    /// Generated secrets to make anew; without any, the file gets a new data key
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor secrets set cloudflare.token < token.txt
  pass show cloudflare | ichor secrets set cloudflare.token
  ichor secrets set talos < secrets.yaml          what `talosctl gen secrets` made")]
pub struct SecretsSet {
    #[command(flatten)]
    pub place: SecretsPlace,
    /// The secret's name, as `ichor secrets status` shows it
    #[arg(value_name = "NAME")]
    pub name: String,
}

#[derive(Debug, Subcommand)]
pub enum Talos {
    /// Export the full machine configuration of a node
    Config(TalosConfig),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor talos config node-1                       encrypted, for Git
  ichor talos config node-1 --reveal | talosctl apply-config --insecure -n ADDRESS -f /dev/stdin")]
pub struct TalosConfig {
    #[command(flatten)]
    pub config: ConfigFile,
    /// The node's name
    #[arg(value_name = "NODE")]
    pub node: String,
    /// The file to write, encrypted [default: talos/NODE.sops.yaml beside cluster.yaml]
    #[arg(long, value_name = "FILE", conflicts_with = "reveal", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Print it in clear text instead
    #[arg(long)]
    pub reveal: bool,
}

#[derive(Debug, Subcommand)]
pub enum Lab {
    /// Make a lab, check every path in it, and leave it to be played with
    Up(LabUp),
    /// Show nodes, pods and services, and what of them is broken
    Status(LabStatus),
    /// Run a command in a node, a pod, the router or the client outside
    Exec(LabExec),
    /// Break a node, its cable or its agent
    Break(LabPart),
    /// Mend what `break` broke
    Mend(LabPart),
    /// Remove a lab, also one that is half-made or was left by a crash
    Down(LabName),
}

/// Which lab is meant.
#[derive(Clone, Debug, Args)]
pub struct LabName {
    /// The lab's name [default: the only one there is]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor lab up                              the example: three nodes, both families
  ichor lab up --config cluster.yaml        yours
  ichor lab up --name second                another one beside it

Each node is a network namespace with ichor's own agent in it, and its pods are cabled by ichor's
own CNI plugin. Routes that BGP would bring to the router are static here.")]
pub struct LabUp {
    /// The file that describes the cluster [default: the example that is built in]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The lab's name [default: the cluster's]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Make it, and check nothing
    #[arg(long)]
    pub no_check: bool,
}

#[derive(Debug, Args)]
pub struct LabStatus {
    #[command(flatten)]
    pub lab: LabName,
    /// Walk every path again; exit with 1 if one fails
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ichor lab exec node-1 -- ip route
  ichor lab exec pod/shell-2 -- curl http://10.43.0.103
  ichor lab exec client -- curl http://192.168.50.254")]
pub struct LabExec {
    #[command(flatten)]
    pub lab: LabName,
    /// A node's name, `pod/NAME`, `router` or `client`
    #[arg(value_name = "WHERE")]
    pub place: String,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct LabPart {
    #[command(flatten)]
    pub lab: LabName,
    /// What of the node: its power, its cable or its agent
    #[arg(value_enum, value_name = "PART")]
    pub part: LabPartKind,
    /// The node's name
    #[arg(value_name = "NODE")]
    pub node: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LabPartKind {
    /// The whole node: what runs on it and what its kernel knows
    Node,
    /// Its cable to the LAN
    Link,
    /// Its agent's process
    Agent,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// The folder that the pages are written to
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}
