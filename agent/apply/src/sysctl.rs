//! Settings of the kernel's network, in the namespace of the calling thread.

use std::fs;
use std::path::PathBuf;

use crate::error::Error;

/// Lets packets that come in on an interface go on to others, in these families.
pub fn forward(interface: &str, v4: bool, v6: bool) -> Result<(), Error> {
    if v4 {
        set(&format!("ipv4/conf/{interface}/forwarding"), "1")?;
    }
    if v6 {
        // A router ignores what other routers advertise unless it is told not to.
        let accept = format!("ipv6/conf/{interface}/accept_ra");
        if get(&accept)? == "1" {
            set(&accept, "2")?;
        }
        set(&format!("ipv6/conf/{interface}/forwarding"), "1")?;
        // IPv6 forwards everywhere or nowhere.
        set("ipv6/conf/all/forwarding", "1")?;
    }
    Ok(())
}

fn place(name: &str) -> PathBuf {
    PathBuf::from("/proc/sys/net").join(name)
}

fn get(name: &str) -> Result<String, Error> {
    let text = fs::read_to_string(place(name)).map_err(|error| Error::new(format!("reading the kernel's setting net/{name}"), error))?;
    Ok(text.trim().to_owned())
}

/// Writes a setting unless it is so already: it may be read-only and right.
pub(crate) fn set(name: &str, value: &str) -> Result<(), Error> {
    if get(name)? == value {
        return Ok(());
    }
    fs::write(place(name), value).map_err(|error| Error::new(format!("setting the kernel's net/{name} to {value}"), error))
}
