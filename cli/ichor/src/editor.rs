//! A text in the person's editor, in memory only.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::system;

/// The mark of tmpfs in `statfs`.
const TMPFS: u64 = 0x0102_1994;

/// A file in a folder of its own on a filesystem in memory, both for this user only. Both go when it is dropped.
///
/// Editors leave drafts and backups beside the file, so the folder must be in memory, not just the file.
pub(crate) struct Scratch {
    folder: PathBuf,
    file: PathBuf,
}

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        // A signal that ends this process would leave the text behind; the editor gets the signals of the terminal too.
        let noticed = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            let _ = signal_hook::flag::register(signal, Arc::clone(&noticed));
        }
        let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let places = [set("XDG_RUNTIME_DIR"), Some(PathBuf::from("/dev/shm")), set("TMPDIR")];
        let mut suffix = [0; 8];
        system::with_entropy(|fill| fill(&mut suffix))?;
        let suffix: String = suffix.iter().map(|byte| format!("{byte:02x}")).collect();
        for place in places.into_iter().flatten().filter(|place| is_in_memory(place)) {
            let folder = place.join(format!("ichor-{suffix}"));
            if DirBuilder::new().mode(0o700).create(&folder).is_ok() {
                return Ok(Self { file: folder.join(name), folder });
            }
        }
        Err(Failure::new("there is no filesystem in memory here, and decrypted text must not touch a disk")
            .help("set XDG_RUNTIME_DIR to a folder on a tmpfs, or change single secrets with `ichor secrets set NAME`"))
    }

    pub(crate) fn write(&self, text: &str) -> Result<(), Failure> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&self.file);
        file.and_then(|mut file: File| file.write_all(text.as_bytes())).map_err(|error| Failure::io("cannot write", &self.file, &error))
    }

    pub(crate) fn read(&self) -> Result<Zeroizing<String>, Failure> {
        fs::read_to_string(&self.file).map(Zeroizing::new).map_err(|error| Failure::io("cannot read", &self.file, &error))
    }

    /// Runs the editor and waits for it.
    pub(crate) fn edit(&self) -> Result<(), Failure> {
        let set = |name| env::var(name).ok().filter(|editor| !editor.trim().is_empty());
        let editor = set("SOPS_EDITOR").or_else(|| set("VISUAL")).or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
        // The shell splits an editor with arguments, as Git has it.
        let script = format!("{editor} \"$@\"");
        let status = Command::new("sh").arg("-c").arg(script).arg(&editor).arg(&self.file).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(format!("the editor `{editor}` failed ({status}); nothing was changed"))
                .help("name another in EDITOR, such as EDITOR=nano")),
            Err(error) => Err(Failure::new(format!("cannot start the editor `{editor}`: {error}"))),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn is_in_memory(place: &Path) -> bool {
    rustix::fs::statfs(place).is_ok_and(|stat| u64::try_from(stat.f_type).is_ok_and(|kind| kind == TMPFS))
}
