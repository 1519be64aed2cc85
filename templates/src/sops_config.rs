//! `.sops.yaml`: so that `sops` itself makes and edits the same files as ichor does.

use ichor_config::Cluster;
use ichor_config::model::Layout;
use serde::Serialize;

use crate::engine::{Error, Template, template};
use crate::part::{Part, Scope};
use crate::tree::{Content, Tree};

const SOPS: Template = template!("sops/sops.yaml.j2");

pub(crate) const PART: Part = Part { templates: &[SOPS], files, ..Part::NONE };

#[derive(Debug, Serialize)]
struct SopsContext {
    recipients: Vec<String>,
    /// Matches the file with the Talos secrets and every password.
    secrets_file: String,
    /// Matches the Secrets among the manifests, in which only the values are hidden.
    manifests: String,
}

fn files(scope: Scope<'_>, tree: &mut Tree) -> Result<(), Error> {
    let text = scope.engine.render(SOPS, &context(scope.cluster))?;
    tree.insert(".sops.yaml", Content::Clear(text)).map_err(|path| Error::Clash { path })
}

fn context(cluster: &Cluster) -> SopsContext {
    let folders = match *cluster.gitops.layout {
        Layout::Apps => "cluster",
        Layout::Infra => "infra",
        Layout::Components => "infrastructure",
        Layout::Manifests => "(bootstrap|manifests)",
    };
    SopsContext {
        recipients: cluster.secrets.recipients.iter().map(ToString::to_string).collect(),
        secrets_file: format!("(^|/){}$", cluster.secrets.file.as_str().replace('.', "\\.")),
        manifests: format!("(^|/){folders}/.*\\.sops\\.ya?ml$"),
    }
}
