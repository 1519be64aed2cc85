//! The folders of each layout.

use ichor_config::model::{Engine, Layout};

use crate::component::Component;

/// The paths of one layout, from the root of the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    layout: Layout,
    engine: Engine,
}

impl Places {
    pub(crate) fn new(layout: Layout, engine: Engine) -> Self {
        Self { layout, engine }
    }

    /// The folder of a component's objects.
    pub(crate) fn component(self, component: &Component) -> String {
        let Component { name, namespace, .. } = component;
        match self.layout {
            Layout::Apps => format!("cluster/apps/{namespace}/{name}/app"),
            Layout::Infra if component.configures => format!("infra/configs/{name}"),
            Layout::Infra => format!("infra/controllers/{name}"),
            Layout::Components => format!("infrastructure/{name}"),
            Layout::Manifests => format!("manifests/{namespace}/{name}"),
        }
    }

    /// A unit of bootstrap; units are applied in the order of their names.
    pub(crate) fn unit(self, number: u8, name: &str) -> String {
        let root = match self.layout {
            Layout::Apps => "cluster/bootstrap",
            Layout::Infra => "infra/bootstrap",
            Layout::Components => "infrastructure/bootstrap",
            Layout::Manifests => "bootstrap",
        };
        format!("{root}/{number:02}-{name}")
    }

    /// The folder from which the engine learns of everything else.
    pub(crate) fn engine_root(self) -> Option<&'static str> {
        match (self.engine, self.layout) {
            (Engine::None, _) => None,
            (Engine::Flux, Layout::Apps) => Some("cluster/flux/cluster"),
            (Engine::Flux, _) => Some("flux/cluster"),
            (Engine::ArgoCd, Layout::Apps) => Some("cluster/argocd"),
            (Engine::ArgoCd, Layout::Manifests) => Some("argocd-apps"),
            (Engine::ArgoCd, _) => Some("argocd"),
        }
    }

    /// The folder and file name of the engine's object for a component.
    pub(crate) fn engine_object(self, component: &Component) -> Option<(String, String)> {
        let Component { name, namespace, .. } = component;
        let root = self.engine_root()?;
        Some(match (self.engine, self.layout) {
            (Engine::Flux, Layout::Apps) => (format!("cluster/apps/{namespace}/{name}"), "ks.yaml".to_owned()),
            (_, Layout::Apps) => (format!("cluster/apps/{namespace}/{name}"), "application.yaml".to_owned()),
            (Engine::ArgoCd, Layout::Manifests) => (root.to_owned(), format!("{namespace}/{name}.yaml")),
            _ => (root.to_owned(), format!("{name}.yaml")),
        })
    }
}

/// A path below a folder.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() || folder == "." { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The way from one folder to another.
pub(crate) fn relative(from: &str, to: &str) -> String {
    let (from, to): (Vec<_>, Vec<_>) = (from.split('/').collect(), to.split('/').collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - shared);
    up.chain(to.into_iter().skip(shared)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_goes_up_no_further_than_it_must() {
        assert_eq!(relative("cluster/bootstrap/30-ichor", "cluster/apps/kube-system/ichor/app"), "../../apps/kube-system/ichor/app");
        assert_eq!(relative("bootstrap/30-ichor", "manifests/kube-system/ichor"), "../../manifests/kube-system/ichor");
        assert_eq!(relative("a/b", "a/b/c"), "c");
    }
}
