//! `ichor secrets set`: one secret from stdin.

use std::io::{self, IsTerminal as _, Read as _};

use ichor_talos_config::SecretsBundle;
use zeroize::Zeroizing;

use super::{Changed, Keeper};
use crate::cli::SecretsSet;
use crate::failure::Failure;
use crate::secrets_file::TALOS;
use crate::{Shell, terminal};

/// Kubernetes takes no larger Secret.
const LIMIT_BYTES: u64 = 1 << 20;

pub(super) fn run(args: &SecretsSet, shell: &Shell) -> Result<Changed, Failure> {
    let mut keeper = Keeper::open(&args.place, shell)?;
    let name = args.name.as_str();
    if name == TALOS {
        set_bundle(&mut keeper, &read(name)?)?;
    } else {
        refuse_unknown(&keeper, name)?;
        keeper.file.set(name, &read(name)?)?;
    }
    keeper.keep()?;
    let words = format!("`{name}` is kept in `{}`; run `ichor configure` to use it", keeper.file.place.display());
    Ok(Changed { file: keeper.file.place, names: vec![name.to_owned()], words })
}

fn refuse_unknown(keeper: &Keeper, name: &str) -> Result<(), Failure> {
    let wanted = ichor_templates::wanted(&keeper.described.cluster);
    if wanted.iter().any(|secret| secret.name == name) {
        return Ok(());
    }
    let names: Vec<_> = wanted.iter().map(|secret| secret.name.as_str()).chain([TALOS]).collect();
    Err(Failure::new(format!("cluster.yaml needs no secret with the name `{name}`")).help(format!("it needs {}", names.join(", "))))
}

/// A bundle of a running cluster cannot be replaced by mistake: its machines would no longer know who speaks to them.
fn set_bundle(keeper: &mut Keeper, text: &str) -> Result<(), Failure> {
    let bundle = SecretsBundle::parse(text).map_err(|error| {
        Failure::new(format!("this is not a Talos secrets bundle: {error}")).help("give the file that `talosctl gen secrets` wrote")
    })?;
    match keeper.file.bundle().transpose()? {
        Some(held) if held != bundle => Err(Failure::new("there are other Talos secrets already, and the cluster may be using them")
            .help("if it was never installed, remove `talos` with `ichor secrets edit` first")),
        _ => keeper.file.set_bundle(&bundle),
    }
}

/// The secret, without the line break that ends it.
fn read(name: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    if io::stdin().is_terminal() {
        *text = terminal::hidden_line(&format!("{name}: "))?;
        if text.starts_with("-----BEGIN ") {
            return Err(Failure::new("a terminal gives one line, and this secret has more; nothing was changed")
                .help(format!("ichor secrets set {name} < FILE")));
        }
    } else {
        let read = io::stdin().take(LIMIT_BYTES + 1).read_to_string(&mut text);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => {
                Failure::new("the secret is not UTF-8 text; nothing was changed").help("encode it first, as `base64` does")
            }
            _ => Failure::new(format!("cannot read the secret: {}", crate::failure::reason(&error))),
        })?;
        if text.len() as u64 > LIMIT_BYTES {
            return Err(Failure::new(format!("the secret is larger than {} KiB; nothing was changed", LIMIT_BYTES >> 10))
                .help(format!("ichor secrets set {name} < FILE")));
        }
    }
    let end = text.strip_suffix('\n').map(|rest| rest.strip_suffix('\r').unwrap_or(rest).len());
    if let Some(end) = end.filter(|end| !text.get(..*end).unwrap_or_default().contains('\n')) {
        text.truncate(end);
    }
    if text.trim().is_empty() {
        return Err(Failure::new("the secret is empty; nothing was changed").help(format!("ichor secrets set {name} < FILE")));
    }
    Ok(text)
}
