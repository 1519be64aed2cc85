//! `ichor secrets edit`: the decrypted text goes through an editor and never through a disk.

use std::io::{self, IsTerminal as _};

use zeroize::Zeroizing;

use super::{Changed, Keeper};
use crate::cli::SecretsPlace;
use crate::editor::Scratch;
use crate::failure::Failure;
use crate::{Shell, terminal};

pub(super) fn run(args: &SecretsPlace, shell: &Shell) -> Result<Changed, Failure> {
    let mut keeper = Keeper::open(args, shell)?;
    let scratch = Scratch::new("secrets.yaml")?;
    let before = Zeroizing::new(keeper.file.plaintext());
    scratch.write(&before)?;
    let changed = loop {
        scratch.edit()?;
        let text = scratch.read()?;
        if text == before {
            break false;
        }
        match keeper.file.replace(&text) {
            Ok(()) => break true,
            // Nobody there to mend it: the edit is given up.
            Err(failure) if !io::stdin().is_terminal() => return Err(failure.help("nothing was changed; edit again")),
            Err(failure) => {
                shell.printer.important(&format!("error: {}", failure.message));
                terminal::line("press Enter to edit again, or Ctrl-D to give the edit up ")?;
            }
        }
    };
    let file = keeper.file.place.clone();
    if !changed {
        return Ok(Changed { file, names: Vec::new(), words: "nothing was changed".to_owned() });
    }
    keeper.keep()?;
    let words = format!("`{}` is sealed again; run `ichor configure` to use what changed", file.display());
    Ok(Changed { file, names: vec!["*".to_owned()], words })
}
