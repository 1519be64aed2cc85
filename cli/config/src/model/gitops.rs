//! Who owns the cluster after bootstrap, and who can read its secrets.

use super::List;
use crate::field::{AgeRecipient, GitUrl, Int, Name, RelativePath, Words, choice, section};

section! {
    /// Which engine owns the cluster after bootstrap.
    pub struct Gitops {
        /// The engine.
        engine: Engine = "none",
        /// The repository that it follows.
        repository: Option<GitUrl> = "null",
        /// The branch.
        branch: Words = "main",
        /// The folder of the rendered tree in the repository; empty parts are not allowed, and `.` is the root.
        path: RelativePath = ".",
        /// How the tree is laid out below that folder.
        layout: Layout = "apps",
        /// The namespace of the engine; by default `flux-system` or `argocd`.
        namespace: Option<Name> = "null",
        /// Minutes between two looks at the repository.
        interval_min: Int<1, 1440> = "5",
        /// Whether the engine needs a key to read the repository; it is kept in the encrypted secrets.
        private: bool = "false",
    }
}

choice! {
    /// A GitOps engine.
    pub enum Engine {
        /// Flux.
        Flux = "flux",
        /// Argo CD.
        ArgoCd = "argocd",
        /// None: `ichor bootstrap` stays the owner, and says so.
        None = "none",
    }
}

choice! {
    /// How the rendered tree is laid out.
    pub enum Layout {
        /// `cluster/bootstrap` for what bootstrap applies, `cluster/apps/NAMESPACE/APP` for what the engine owns.
        Apps = "apps",
        /// `infra/controllers` for the agent and `infra/configs` for its objects.
        Infra = "infra",
        /// `infrastructure/ichor`, `infrastructure/ichor-bgp` and `infrastructure/ichor-pools`, one component each.
        Components = "components",
        /// `manifests` for the objects and `argocd-apps` for the applications.
        Manifests = "manifests",
    }
}

section! {
    /// Who can read the encrypted files.
    pub struct Secrets {
        /// The age public keys of everyone who may; the cluster's own key belongs here too when an engine decrypts.
        recipients: List<AgeRecipient>,
        /// The encrypted file that holds the Talos secrets and every password.
        file: RelativePath = "secrets.sops.yaml",
    }
}
