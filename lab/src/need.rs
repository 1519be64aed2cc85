//! What a machine must have before anything is made on it.

use nix::sys::utsname::uname;
use nix::unistd::geteuid;

use crate::error::Error;

/// The oldest kernel that the datapath is loaded on in a test.
const OLDEST: (u64, u64) = (6, 1);

/// Whether this process may do what the lab needs.
pub(crate) fn root() -> Result<(), Error> {
    if geteuid().is_root() {
        return Ok(());
    }
    Err(Error::new("the lab makes network namespaces and loads BPF programs, which only root may")
        .help("run it as root: `sudo ichor lab …`"))
}

/// Everything that can be asked without making anything.
pub(crate) fn machine() -> Result<(), Error> {
    root()?;
    let release = uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default();
    new_enough(&release)
}

fn new_enough(release: &str) -> Result<(), Error> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u64>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= OLDEST {
        return Ok(());
    }
    Err(Error::new(format!("this machine runs Linux {release}, and the datapath needs {}.{} or newer", OLDEST.0, OLDEST.1))
        .help("start a newer kernel, or use another machine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_kernels_are_refused() {
        for good in ["6.1.0", "6.18.44-fc-v509", "7.0.0-rc1", "6.1"] {
            assert!(new_enough(good).is_ok(), "{good}");
        }
        for old in ["5.15.0-91-generic", "6.0.19", "4.19", ""] {
            assert!(new_enough(old).is_err(), "{old}");
        }
    }
}
