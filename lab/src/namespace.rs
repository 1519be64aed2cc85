//! Network namespaces: made, entered and removed as `ip netns` does it, so that `ip netns exec` works on them; and what
//! only system calls can set on the interfaces in them.
#![expect(unsafe_code, reason = "the one module of the lab that makes system calls for which no safe library is at hand")]

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use ichor_agent_apply::Netlink;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use crate::error::{Error, reason};

const FOLDER: &str = "/run/netns";
const NEW_FOLDER: &str = "folder and mount";

/// Where a namespace of that name is mounted.
pub fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Whether there is one of that name.
pub fn exists(name: &str) -> bool {
    path(name).exists()
}

/// Makes the folder of all namespaces ready as `ip netns` does it, where nobody did so yet: a mount of its own, for which
/// the note at `note` is left first. If `ip` did it later it would double the mounts of namespaces that are there.
pub fn prepare(note: &Path) -> Result<(), Error> {
    let folder = Path::new(FOLDER);
    let new = !folder.exists();
    fs::create_dir_all(folder).map_err(|error| Error::at("make", folder, error))?;
    let _lock = lock()?;
    let share = || mount(None::<&str>, folder, None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>);
    match share() {
        Err(Errno::EINVAL) => {
            fs::write(note, if new { NEW_FOLDER } else { "mount" }).map_err(|error| Error::at("write", note, error))?;
            let itself = mount(Some(folder), folder, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>);
            itself.and_then(|()| share()).map_err(|error| Error::at("mount", folder, error))
        }
        Err(error) => Err(Error::at("share", folder, error)
            .help("network namespaces are mounted there, which needs root's rights, in a container `--privileged`")),
        Ok(()) => Ok(()),
    }
}

/// Undoes that once the last namespace is gone, if the note says that a lab did it.
pub fn release(note: &Path) -> Result<(), Error> {
    let Ok(text) = fs::read_to_string(note) else { return Ok(()) };
    let folder = Path::new(FOLDER);
    let _lock = lock()?;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Ok(());
    }
    match umount2(folder, MntFlags::MNT_DETACH) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(error) => return Err(Error::at("unmount", folder, error)),
    }
    if text == NEW_FOLDER {
        // Whoever uses it by now keeps it.
        let _ = fs::remove_dir(folder);
    }
    fs::remove_file(note).map_err(|error| Error::at("remove", note, error))
}

/// What `ip netns` locks too.
fn lock() -> Result<Flock<File>, Error> {
    let folder = Path::new(FOLDER);
    let file = File::open(folder).map_err(|error| Error::at("open", folder, error))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| Error::at("lock", folder, error))
}

/// Makes a namespace with some of its kernel settings, each a path below `/proc/sys` and its value.
pub fn make(name: &str, settings: &[(&str, &str)]) -> Result<(), Error> {
    let path = path(name);
    File::create_new(&path).map_err(|error| Error::at("make", &path, error))?;
    // A thread of its own, so that nothing else of this process changes its namespace.
    apart(|| {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| {
            Error::system("make a network namespace", error)
                .help("the kernel needs CONFIG_NET_NS, and a container needs the right to use it (`--privileged`)")
        })?;
        for (setting, value) in settings {
            let file = Path::new("/proc/sys").join(setting);
            match fs::write(&file, value) {
                // A kernel without IPv6 has nothing to set there.
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::at("write", &file, error).help("a container needs the right to change its network (`--privileged`)"));
                }
                _ => {}
            }
        }
        mount(Some("/proc/thread-self/ns/net"), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .map_err(|error| Error::at("mount a namespace at", &path, error))
    })
}

/// Opens a namespace, for those who put something into it.
pub(crate) fn open(name: &str) -> Result<File, Error> {
    let path = path(name);
    File::open(&path).map_err(|error| Error::at("open", &path, error))
}

/// Moves the calling thread, and what it starts from now on, into a namespace.
pub fn enter(name: &str) -> Result<(), Error> {
    setns(open(name)?, CloneFlags::CLONE_NEWNET).map_err(|error| Error::at("enter", &path(name), error))
}

/// A connection to the network of a namespace: it stays there, whoever uses it.
pub(crate) fn netlink(name: &str) -> Result<Netlink, Error> {
    apart(|| {
        enter(name)?;
        Netlink::open().map_err(|error| Error::new(format!("cannot change the network namespace `{name}`: {}", reason(&error))))
    })
}

/// Turns off the checksum offload of an interface in a namespace: what it sends has complete checksums.
pub(crate) fn complete_checksums(name: &str, interface: &str) -> Result<(), Error> {
    const SIOCETHTOOL: u64 = 0x8946;
    const ETHTOOL_STXCSUM: u32 = 0x17;
    apart(|| {
        enter(name)?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| Error::system("open a socket", error))?;
        let mut value = [ETHTOOL_STXCSUM, 0];
        // SAFETY: the structure is plain data, for which zeros are a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        // The last byte stays zero, as the end of the name.
        let letters = request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1);
        letters.zip(interface.bytes()).for_each(|(letter, byte)| *letter = byte.cast_signed() as libc::c_char);
        request.ifr_ifru.ifru_data = value.as_mut_ptr().cast();
        // SAFETY: the kernel reads and writes the two words of `value`, which outlive the call.
        let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
        Errno::result(outcome).map(drop).map_err(|error| Error::system(format_args!("set checksums of `{interface}`"), error))
    })
}

/// Loads a program that lets every frame pass.
pub(crate) fn load_pass() -> Result<OwnedFd, Error> {
    const PROG_LOAD: i64 = 5;
    const XDP: u64 = 6;
    // `r0 = XDP_PASS; exit`
    let code: [u64; 2] = [0x02_0000_00b7, 0x95];
    let licence = c"Apache-2.0";
    // Type and number of instructions, instructions, licence; the rest of the structure is zero.
    let load = [XDP | 2 << 32, code.as_ptr() as u64, licence.as_ptr() as u64, 0, 0, 0];
    let failed = |error| Error::system("load a program for XDP", error);
    // SAFETY: the kernel reads the structure and what it points to, all of which outlive the call.
    let program = unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, load.as_ptr(), size_of_val(&load)) };
    let program = i32::try_from(Errno::result(program).map_err(failed)?).map_err(|_| failed(Errno::EBADF))?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(program) })
}

/// Removes a namespace; one that is not there is no mistake.
pub fn remove(name: &str) -> Result<(), Error> {
    let path = path(name);
    match umount2(&path, MntFlags::MNT_DETACH) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(error) => return Err(Error::at("unmount", &path, error)),
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::at("remove", &path, error)),
        _ => Ok(()),
    }
}

fn apart<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|_| Err(Error::new("a thread of the lab ended badly")))
}
