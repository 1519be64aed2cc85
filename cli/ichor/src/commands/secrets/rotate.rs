//! `ichor secrets rotate`: new passwords, or a new data key.

use ichor_sops::Previous;
use ichor_templates::SecretOrigin;

use super::{Changed, Keeper};
use crate::cli::SecretsRotate;
use crate::failure::Failure;
use crate::secrets_file::{TALOS, password};
use crate::tree::write;
use crate::{Shell, sealing, system};

pub(super) fn run(args: &SecretsRotate, shell: &Shell) -> Result<Changed, Failure> {
    let keeper = Keeper::open(&args.place, shell)?;
    if args.names.is_empty() { data_key(keeper) } else { passwords(keeper, &args.names) }
}

fn data_key(keeper: Keeper) -> Result<Changed, Failure> {
    let Some(text) = keeper.file.sealed.as_deref() else {
        let failure = Failure::new(format!("there is no `{}` yet", keeper.file.place.display()));
        return Err(failure.help("`ichor configure` makes it"));
    };
    let terms = keeper.sealing()?.terms(keeper.described.cluster.secrets.file.as_str())?;
    let now = system::timestamp(system::unix_now_s())?;
    let previous = Previous { text, identities: &keeper.identities.usable };
    let sealed = system::with_entropy(|entropy| ichor_sops::rotate(previous, &terms, entropy, &now))?
        .map_err(|error| sealing::failure(&keeper.file.place, &error, &keeper.identities))?;
    sealing::refuse_readable(&keeper.file.place.display().to_string(), &sealed)?;
    write::replace_file(&keeper.file.place, sealed.as_bytes())?;
    let words = format!(
        "`{}` has a new data key, for {} recipients; whoever could read it before still knows the old values",
        keeper.file.place.display(),
        terms.recipients.len()
    );
    Ok(Changed { file: keeper.file.place, names: Vec::new(), words })
}

fn passwords(mut keeper: Keeper, names: &[String]) -> Result<Changed, Failure> {
    let wanted = ichor_templates::wanted(&keeper.described.cluster);
    for name in names {
        match wanted.iter().find(|secret| secret.name == *name).map(|secret| secret.origin) {
            Some(SecretOrigin::Generated { length }) => keeper.file.set(name, &password(length)?)?,
            Some(SecretOrigin::Given) => {
                return Err(Failure::new(format!("`{name}` comes from another service, which must make the new one"))
                    .help(format!("store it with `ichor secrets set {name}`")));
            }
            None if name == TALOS => {
                return Err(Failure::new("the Talos secrets cannot be made anew: a running cluster would no longer accept its machines")
                    .help("`talosctl rotate-ca` renews the authorities of a running cluster"));
            }
            None => {
                let generated = wanted.iter().filter(|secret| secret.origin != SecretOrigin::Given);
                let names: Vec<_> = generated.map(|secret| secret.name.as_str()).collect();
                let help = if names.is_empty() { "cluster.yaml needs none".to_owned() } else { format!("there are {}", names.join(", ")) };
                return Err(Failure::new(format!("ichor makes no secret with the name `{name}`")).help(help));
            }
        }
    }
    keeper.keep()?;
    let words = format!("made anew: {}; run `ichor configure` to use them", names.join(", "));
    Ok(Changed { file: keeper.file.place, names: names.to_vec(), words })
}
