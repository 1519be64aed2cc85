//! `ichor configure`: from `cluster.yaml` to the whole tree.

mod diff;
mod report;
mod wanted;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ichor_config::Cluster;
use ichor_templates::{GatewayApiBundle, Inputs, SecretOrigin, WantedSecret};

use self::report::Configured;
use self::wanted::Target;
use crate::cli::Configure;
use crate::config::{self, Described};
use crate::failure::Failure;
use crate::identities::Identities;
use crate::secrets_file::{self, SecretsFile};
use crate::tree::compare::Comparison;
use crate::tree::manifest::MANIFEST;
use crate::tree::{Lock, found, write};
use crate::{Answer, Shell, gateway_api, overrides};

pub(super) fn run(args: &Configure, shell: &Shell) -> Result<Box<dyn Answer>, Failure> {
    if args.list_templates {
        return Ok(Box::new(report::Templates));
    }
    let described = config::read_in_folder(&args.config, &shell.printer)?;
    let identities = Identities::find()?;
    let overrides = overrides(args, &described)?;
    let gateway_api = gateway_api(args, &described.cluster, shell)?;

    let out = args.out.as_deref().unwrap_or(described.folder());
    if !args.check {
        fs::create_dir_all(out).map_err(|error| Failure::io("cannot create the output folder", out, &error))?;
    }
    let root = found::root(out)?;
    let _secrets_lock = SecretsFile::lock(&described, Some(&root), &shell.printer)?;
    let lock = if args.check { Lock::shared(&root, &shell.printer) } else { Lock::exclusive(&root, &shell.printer) }?;
    settle_interrupted(args.check, &root, &lock, shell)?;

    if !args.overwrite {
        refuse_another_cluster(&described.cluster, &root)?;
    }
    let mut secrets = SecretsFile::open(&described, &identities)?;
    secrets.refuse_unusable()?;
    refuse_to_begin_anew(&secrets, &root)?;
    let wanted = ichor_templates::wanted(&described.cluster);
    let made = make_secrets(&mut secrets, &wanted, &described.cluster, shell)?;
    let inputs = Inputs { secrets: secrets.secrets(&wanted), overrides, gateway_api: gateway_api.as_ref() };
    let tree = ichor_templates::render(&described.cluster, &inputs).map_err(|error| Failure::new(error.to_string()))?;
    let target = Target { root: &root, described: &described, identities: &identities, overwrite: args.overwrite };
    let (comparison, apart) = target.compare(&tree, &secrets)?;
    refuse_foreign(&comparison, &root)?;

    let mut overtaken = Vec::new();
    if !args.check {
        // Secrets first: passwords without a tree do no harm, and a tree whose passwords are lost is worth nothing.
        if let Some(apart) = &apart {
            write::replace_file(&apart.place, apart.text.as_bytes())?;
        }
        if !comparison.changes.is_empty() {
            overtaken = write::write(&root, &lock, &comparison.changes)?;
        }
    }
    if secrets.sealed.is_none() && !identities.open_for(&secrets_file::recipients(&described)?) {
        shell.printer.warning("no age key at hand opens these secrets, so the next run will not read them");
        shell.printer.note(&format!("  help: {}", identities.help()));
    }
    let missing = missing(wanted, &inputs);
    let diffs = args.diff.then(|| diff::of(&comparison.changes));
    let secrets_apart = apart.map(|apart| apart.place);
    Ok(Box::new(Configured { described, root, check: args.check, comparison, secrets_apart, diffs, overtaken, made, missing }))
}

fn overrides(args: &Configure, described: &Described) -> Result<BTreeMap<String, String>, Failure> {
    let default = described.folder().join(overrides::DEFAULT_FOLDER);
    match &args.templates {
        Some(folder) => overrides::read(folder),
        None if default.is_dir() => overrides::read(&default),
        None => Ok(BTreeMap::new()),
    }
}

fn gateway_api(args: &Configure, cluster: &Cluster, shell: &Shell) -> Result<Option<GatewayApiBundle>, Failure> {
    let version = cluster.versions.gateway_api.tag();
    let wanted = *cluster.gateways.enabled;
    wanted.then(|| gateway_api::obtain(&version, args.gateway_api.as_deref(), &shell.printer)).transpose()
}

/// A write that was decided and interrupted is completed before anything is read.
fn settle_interrupted(check: bool, root: &Path, lock: &Lock, shell: &Shell) -> Result<(), Failure> {
    if check {
        if write::is_interrupted(root)? {
            shell.printer.warning("a write was interrupted; `ichor configure` without `--check` completes it");
        }
    } else if write::recover(root, lock)? {
        shell.printer.note("completed a write that was interrupted");
    }
    Ok(())
}

/// Refuses to put one cluster in the place of another, which would lose its files and share its secrets.
fn refuse_another_cluster(cluster: &Cluster, root: &Path) -> Result<(), Failure> {
    let (before, name) = (wanted::record(root)?.cluster, cluster.name.as_str());
    if before.is_empty() || before == name {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the files in `{}` were rendered for the cluster `{before}`, not `{name}`; nothing was written",
        root.display()
    ))
    .help("keep each cluster in a folder of its own; if this one was given another name, say `--overwrite`"))
}

/// Refuses to make secrets where a tree was rendered with others: a running cluster would not know its machines any more.
fn refuse_to_begin_anew(secrets: &SecretsFile, root: &Path) -> Result<(), Failure> {
    if secrets.sealed.is_some() || wanted::record(root)?.files.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "`{}` is gone, and the files here were rendered with its secrets; nothing was written",
        secrets.place.display()
    ))
    .help(format!(
        "restore it from Git, or say with `secrets.file` where it is now; if the cluster was never installed, delete `{MANIFEST}` \
            and the rendered files to begin anew"
    )))
}

/// Makes the secrets that ichor makes, once, and returns their names.
fn make_secrets(secrets: &mut SecretsFile, wanted: &[WantedSecret], cluster: &Cluster, shell: &Shell) -> Result<Vec<String>, Failure> {
    let mut made = secrets.complete(wanted)?;
    // Omni keeps the Talos secrets of its clusters itself.
    if !secrets.has_bundle() && cluster.talos.omni.is_none() {
        shell.printer.detail("making the Talos secrets; the long key of service accounts takes a moment");
        secrets.make_bundle()?;
        made.push(secrets_file::TALOS.to_owned());
    }
    Ok(made)
}

/// The secrets that only a person can bring and that are not there.
fn missing(wanted: Vec<WantedSecret>, inputs: &Inputs<'_>) -> Vec<WantedSecret> {
    wanted.into_iter().filter(|secret| secret.origin == SecretOrigin::Given && inputs.secrets.get(&secret.name).is_none()).collect()
}

fn refuse_foreign(comparison: &Comparison, root: &Path) -> Result<(), Failure> {
    if comparison.foreign.is_empty() {
        return Ok(());
    }
    let list: String = comparison.foreign.iter().map(|(path, what)| format!("\n  {path}: {what}")).collect();
    let failure = Failure::new(format!("files that are not ichor's are in the way in `{}`; nothing was written:{list}", root.display()));
    Err(failure.help("move them away, or choose another folder with `--out DIR`"))
}
