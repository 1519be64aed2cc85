//! What must be there before anything else: rights, a kernel and folders.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use crate::fault::Fault;

const OLDEST: (u32, u32) = (6, 1);
const PRIVATE: u32 = 0o700;

/// Says what is missing, in one sentence with the mend.
pub(crate) fn check_rights_and_kernel() -> Result<(), Fault> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Fault::new("the agent loads programs into the kernel: run it as root"));
    }
    let name = nix::sys::utsname::uname().map_err(|error| Fault::new(format!("asking for the kernel's release: {error}")))?;
    let release = name.release().to_string_lossy();
    match version(&release) {
        Some(found) if found < OLDEST => {
            let (major, minor) = OLDEST;
            Err(Fault::new(format!("this kernel is {release}, and the datapath needs {major}.{minor} or newer: boot a newer kernel")))
        }
        _ => Ok(()),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Makes the folder for pins, which must be on a BPF filesystem.
pub(crate) fn check_bpffs(folder: &Path) -> Result<(), Fault> {
    let mend = "mount one there: mount -t bpf bpf";
    // Any other filesystem would take the folder and refuse the first pin.
    let existing = folder.ancestors().find(|place| place.exists()).unwrap_or(Path::new("/"));
    let found = statfs(existing).map_err(|error| Fault::new(format!("looking at {}: {error}", existing.display())))?;
    if found.filesystem_type() != BPF_FS_MAGIC {
        return Err(Fault::new(format!("{} is not on a BPF filesystem; {mend} {}", folder.display(), folder.display())));
    }
    fs::create_dir_all(folder).map_err(|error| Fault::file("making the folder", folder, &error))
}

pub(crate) fn make_private_folder(folder: &Path) -> Result<(), Fault> {
    let made = fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(folder);
    made.map_err(|error| Fault::file("making the folder", folder, &error))
}

/// Holds off another agent on the same state, for as long as the file lives.
pub(crate) fn lock(state: &Path) -> Result<File, Fault> {
    let place = state.join("lock");
    let file = File::create(&place).map_err(|error| Fault::file("making", &place, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::new(format!("another agent works in {}: end it first", state.display()))),
        Err(TryLockError::Error(error)) => Err(Fault::file("locking", &place, &error)),
    }
}

/// The memory of this machine.
pub(crate) fn memory_bytes() -> Result<u64, Fault> {
    let found = nix::sys::sysinfo::sysinfo().map_err(|error| Fault::new(format!("asking for the size of the memory: {error}")))?;
    Ok(found.ram_total())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        assert_eq!(version("6.18.44-fc-v509"), Some((6, 18)));
        assert_eq!(version("6.1.0-42-cloud-amd64"), Some((6, 1)));
        assert!(version("5.15.1").is_some_and(|found| found < OLDEST));
        assert!(version("6.10").is_some_and(|found| found >= OLDEST));
        assert_eq!(version("unknown"), None);
    }
}
