//! The patches that turn a generated base into this cluster's machines: without secrets, and the same for the same input.

mod documents;
mod install;
mod network;
mod v1alpha1;

use ichor_yaml::{Layout, Node};

pub(crate) use install::{disk_expression, installer_image};

use crate::input::{Cluster, Kernel, KernelModule, Machine, Role};
use crate::version::Form;

/// Which machines a patch is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Role(Role),
    /// The machine of this name.
    Machine(String),
}

/// Where a patch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the fields of the input.
    Generated,
    /// Written by the user; counted from one within its scope.
    User(usize),
}

/// One strategic-merge patch, of one or more documents.
#[derive(Clone, Debug)]
pub struct Patch {
    pub scope: Scope,
    pub origin: Origin,
    pub documents: Vec<Node>,
}

impl Patch {
    /// A relative path that no other patch of the cluster has.
    pub fn file_name(&self) -> String {
        let stem = match &self.scope {
            Scope::All => "all".to_owned(),
            Scope::Role(role) => role.as_str().to_owned(),
            Scope::Machine(name) => format!("nodes/{name}"),
        };
        match self.origin {
            Origin::Generated => format!("{stem}.yaml"),
            Origin::User(number) => format!("extra/{stem}-{number}.yaml"),
        }
    }

    /// The patch as a file for `talosctl --config-patch`.
    pub fn to_yaml(&self) -> String {
        ichor_yaml::emit_all(&self.documents, Layout::Two)
    }

    /// Whether the patch is for this machine.
    pub fn applies_to(&self, machine: &Machine) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Role(role) => *role == machine.role,
            Scope::Machine(name) => *name == machine.name,
        }
    }
}

impl Role {
    /// The word that Talos uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "controlplane",
            Self::Worker => "worker",
        }
    }
}

/// All patches of the cluster in the order in which they apply: generated before the user's, wide before narrow.
pub fn patches(cluster: &Cluster) -> Vec<Patch> {
    let form = cluster.talos.form();
    let mut list = Vec::new();
    let mut generated = |scope, documents: Vec<Node>| {
        if !documents.is_empty() {
            list.push(Patch { scope, origin: Origin::Generated, documents });
        }
    };
    generated(Scope::All, for_all(cluster, form));
    generated(Scope::Role(Role::ControlPlane), for_control_planes(cluster, form));
    for machine in &cluster.nodes {
        generated(Scope::Machine(machine.name.clone()), for_machine(cluster, machine, form));
    }
    list.extend(user(&Scope::All, &cluster.patches.all));
    list.extend(user(&Scope::Role(Role::ControlPlane), &cluster.patches.control_plane));
    list.extend(user(&Scope::Role(Role::Worker), &cluster.patches.worker));
    for machine in &cluster.nodes {
        list.extend(user(&Scope::Machine(machine.name.clone()), &machine.patches));
    }
    list
}

fn user(scope: &Scope, patches: &[Vec<Node>]) -> impl Iterator<Item = Patch> {
    let filled = patches.iter().filter(|documents| !documents.is_empty()).enumerate();
    filled.map(|(index, documents)| Patch { scope: scope.clone(), origin: Origin::User(index + 1), documents: documents.clone() })
}

fn for_all(cluster: &Cluster, form: Form) -> Vec<Node> {
    let mut documents = match form {
        Form::V1Alpha1 => v1alpha1::for_all(cluster),
        Form::Documents => documents::for_all(cluster),
    };
    documents.extend(network::for_all(cluster, form));
    documents
}

fn for_control_planes(cluster: &Cluster, form: Form) -> Vec<Node> {
    match form {
        Form::V1Alpha1 => v1alpha1::for_control_planes(cluster),
        Form::Documents => documents::for_control_planes(cluster),
    }
}

fn for_machine(cluster: &Cluster, machine: &Machine, form: Form) -> Vec<Node> {
    let mut documents = match form {
        Form::V1Alpha1 => v1alpha1::for_machine(cluster, machine),
        Form::Documents => documents::for_machine(cluster, machine),
    };
    documents.extend(network::for_machine(machine));
    documents
}

/// What a machine adds to the cluster's modules; a module that stood in both would be loaded twice.
fn own_modules<'a>(cluster: &'a Kernel, machine: &'a Kernel) -> impl Iterator<Item = &'a KernelModule> {
    machine.modules.iter().filter(|module| !cluster.modules.contains(module))
}
