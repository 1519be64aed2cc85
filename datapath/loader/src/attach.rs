//! Putting programs onto their hooks, so that a packet always meets the old ones or the new ones.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use aya::programs::links::{CgroupAttachMode, FdLink, PinnedLink};
use aya::programs::tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle, qdisc_add_clsact, qdisc_detach_program};
use aya::programs::xdp::XdpMode;
use aya::programs::{CgroupSockAddr, LinkOrder, Program, ProgramError, SchedClassifier, TcAttachType, Xdp};
use aya::util::KernelVersion;

use crate::datapath::Datapath;
use crate::error::Error;
use crate::object::socket_programs;
use crate::pins::{Acceleration, Interface, Pins, hook};

/// Whatever the kernel or its library says.
type Refusal = Box<dyn std::error::Error>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into the node.
    Ingress,
    /// Out of it.
    Egress,
}

/// How traffic control is hooked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficControl {
    /// A link of its own (Linux 6.6), which is replaced in one step and outlives the agent by a pin.
    Tcx,
    /// A filter of the `clsact` queueing discipline.
    Clsact,
}

impl TrafficControl {
    /// What this kernel has.
    pub fn of_this_kernel() -> Self {
        let has_tcx = KernelVersion::current().is_ok_and(|version| version >= KernelVersion::new(6, 6, 0));
        if has_tcx { Self::Tcx } else { Self::Clsact }
    }
}

const RELEASED_WITHIN: Duration = Duration::from_secs(5);

/// Ours among the filters of an interface.
const FILTER_PRIORITY: u16 = 1;
pub const FILTER_HANDLE: u16 = 0x1c40;

impl Datapath {
    /// Puts a program onto an interface, in the place of the one that is there from an earlier load.
    pub fn attach_tc(
        &mut self,
        program: &'static str,
        interface: Interface<'_>,
        direction: Direction,
        how: TrafficControl,
        pins: &Pins,
    ) -> Result<(), Error> {
        let Program::SchedClassifier(loaded) = self.program(program)? else {
            return Err(Error::missing(format!("the program {program} in its form")));
        };
        let kind = match direction {
            Direction::Ingress => TcAttachType::Ingress,
            Direction::Egress => TcAttachType::Egress,
        };
        match how {
            TrafficControl::Tcx => tcx(loaded, interface, kind, &pins.link(&hook(program, interface))),
            TrafficControl::Clsact => clsact(loaded, interface, kind),
        }
        .map_err(|error| Error::new(format!("attaching {program} to the interface {}", interface.name), &*error))
    }

    /// Lets go of a program's links, whichever interfaces they are on. The kernel takes its time for that: until then they run
    /// what is loaded now.
    pub fn leave_links(&mut self, program: &'static str, pins: &Pins) -> Result<(), Error> {
        let Program::SchedClassifier(loaded) = self.program(program)? else {
            return Err(Error::missing(format!("the program {program} in its form")));
        };
        for pin in pins.links_of(program)? {
            // One whose interface is gone runs nothing.
            let _gone = exchange(loaded, &pin);
            std::fs::remove_file(&pin).map_err(|error| Error::new(format!("removing {}", pin.display()), &error))?;
        }
        Ok(())
    }

    /// Puts the uplink's own program onto an interface.
    pub fn attach_uplink_xdp(&mut self, interface: Interface<'_>, where_: Acceleration, pins: &Pins) -> Result<(), Error> {
        const PROGRAM: &str = "xdp_wire";
        // A link stays where it was made: one in the other place makes room, and traffic control stands in meanwhile.
        for other in [Acceleration::Native, Acceleration::Generic].into_iter().filter(|other| *other != where_) {
            pins.detach(other.hook(), interface)?;
        }
        let Program::Xdp(loaded) = self.program(PROGRAM)? else {
            return Err(Error::missing(format!("the program {PROGRAM} in its form")));
        };
        let mode = match where_ {
            Acceleration::Native => XdpMode::Driver,
            Acceleration::Generic => XdpMode::Skb,
        };
        xdp(loaded, interface, mode, &pins.link(&hook(where_.hook(), interface)))
            .map_err(|error| Error::new(format!("attaching {PROGRAM} to the interface {}", interface.name), &*error))
    }

    /// Puts the socket programs onto a control group: processes in it and below it are given backends at once.
    pub fn attach_sockets(&mut self, cgroup: &Path, pins: &Pins) -> Result<(), Error> {
        let folder = File::open(cgroup).map_err(|error| Error::new(format!("opening the control group {}", cgroup.display()), &error))?;
        for name in socket_programs() {
            let Program::CgroupSockAddr(program) = self.program(name)? else {
                return Err(Error::missing(format!("the program {name} in its form")));
            };
            socket(program, &folder, &pins.link(name))
                .map_err(|error| Error::new(format!("attaching {name} to the control group {}", cgroup.display()), &*error))?;
        }
        Ok(())
    }
}

fn tcx(program: &mut SchedClassifier, interface: Interface<'_>, kind: TcAttachType, pin: &Path) -> Result<(), Refusal> {
    // A link whose interface is gone cannot be changed any more: it makes room for a new one.
    if exchange(program, pin).is_ok() {
        return Ok(());
    }
    let options = TcAttachOptions::TcxOrder(LinkOrder::default());
    let id = program.attach_with_options(interface.name, kind, options)?;
    let link: FdLink = program.take_link(id)?.try_into()?;
    replace_pin(link, pin)
}

/// Puts a program in the place of the one on a pinned link.
fn exchange(program: &mut SchedClassifier, pin: &Path) -> Result<(), Refusal> {
    let link: SchedClassifierLink = FdLink::from(PinnedLink::from_pin(pin)?).try_into()?;
    let id = program.attach_to_link(link)?;
    // The pin keeps it; this process need not.
    program.take_link(id)?;
    Ok(())
}

fn clsact(program: &mut SchedClassifier, interface: Interface<'_>, kind: TcAttachType) -> Result<(), Refusal> {
    let handle = TcHandle::new(0, FILTER_HANDLE);
    // One that is there already is fine: attaching says what is wrong otherwise.
    let _there_already = qdisc_add_clsact(interface.name);
    let before = SchedClassifierLink::attached(interface.name, kind, FILTER_PRIORITY, handle, None)?;
    let id = match program.attach_to_link(before) {
        Ok(id) => id,
        Err(_absent) => {
            let options = NlOptions { priority: FILTER_PRIORITY, handle, ..NlOptions::default() };
            program.attach_with_options(interface.name, kind, TcAttachOptions::Netlink(options))?
        }
    };
    // The filter belongs to the interface, and stays with it when this process ends.
    std::mem::forget(program.take_link(id)?);
    Ok(())
}

/// Takes our filters off an interface, which may have none: unlike links, they stay when their pins go.
pub fn detach_filters(interface: &str) {
    let (ingress, egress) = (TcAttachType::Ingress, TcAttachType::Egress);
    for (kind, program) in [(ingress, "from_wire"), (egress, "to_wire"), (ingress, "from_endpoint"), (egress, "to_endpoint")] {
        let _none = qdisc_detach_program(interface, kind, program);
    }
}

fn xdp(program: &mut Xdp, interface: Interface<'_>, mode: XdpMode, pin: &Path) -> Result<(), Refusal> {
    if let Ok(pinned) = PinnedLink::from_pin(pin)
        && let Ok(link) = FdLink::from(pinned).try_into()
        && let Ok(id) = program.attach_to_link(link)
    {
        program.take_link(id)?;
        return Ok(());
    }
    let deadline = Instant::now() + RELEASED_WITHIN;
    let id = loop {
        match program.attach_to_if_index(interface.index, mode) {
            // The kernel lets go of a link some time after its pin is gone.
            Err(error) if is_taken(&error) && Instant::now() < deadline => a_moment(),
            outcome => break outcome?,
        }
    };
    let link: FdLink = program.take_link(id)?.try_into()?;
    replace_pin(link, pin)
}

#[expect(clippy::disallowed_methods, reason = "the condition is asked again, until a deadline")]
fn a_moment() {
    std::thread::sleep(Duration::from_millis(5));
}

fn is_taken(error: &ProgramError) -> bool {
    matches!(error, ProgramError::SyscallError(refused) if refused.io_error.kind() == std::io::ErrorKind::AlreadyExists)
}

fn socket(program: &mut CgroupSockAddr, cgroup: &File, pin: &Path) -> Result<(), Refusal> {
    let id = program.attach(cgroup, CgroupAttachMode::Single)?;
    let link: FdLink = program.take_link(id)?.try_into()?;
    // The new one runs beside the old one for a moment: a backend's address is no service's, so it changes nothing.
    replace_pin(link, pin)
}

/// Pins a link in one step, in the place of another one, which ends with its pin.
fn replace_pin(link: FdLink, pin: &Path) -> Result<(), Refusal> {
    // No dot: a BPF filesystem keeps such names for itself.
    let mut name = pin.file_name().unwrap_or_default().to_owned();
    name.push("-new");
    let new = pin.with_file_name(name);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    link.pin(&new)?;
    std::fs::rename(&new, pin)?;
    Ok(())
}
