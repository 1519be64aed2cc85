//! The datapath on an older kernel: an emulated machine boots it, loads the programs, makes a lab, and limits pods in the one
//! way that only a kernel with `fq` has.

use crate::cargo::target_folder;
use crate::process::{cargo, check, program, read, root};
use crate::recipe::Purpose;
use crate::tally::Tally;
use crate::tools::provide;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAME: &str = "the programs load, a lab works and limits are kept by departure times on Linux 6.1";
const COUNTS: &str = "datapath/loader/tests/verified/6.1.txt";
/// What the first process calls.
const BUSYBOX: [&str; 8] = ["sh", "mount", "insmod", "echo", "uname", "tail", "poweroff", "cat"];
const LONGEST: &str = "540";
/// No `tsc`: an emulated one is taken for a faster clock than it is.
const KERNEL: &str = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr clocksource=acpi_pm lsm=capability random.trust_cpu=on";
const CPU: &str = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand,-svm";

pub(crate) fn run() -> Tally {
    let mut tally = Tally::default();
    match provide(&[Purpose::Kernel]) {
        Ok(tools) if tools.skips.is_empty() => tally.count(NAME, boot(&tools.kernel)),
        Ok(tools) => tally.skipped.extend(tools.skips),
        Err(error) => tally.count(NAME, Err(error)),
    }
    tally
}

fn boot(kernel: &Path) -> Result<()> {
    let home = target_folder()?.join("linux-6.1");
    let archive = archive(kernel, &home)?;
    let mut machine = Command::new("timeout");
    machine.args([LONGEST, "qemu-system-x86_64", "-accel", "tcg", "-cpu", CPU, "-m", "3072", "-smp", "2", "-nographic", "-nodefaults"]);
    machine.args(["-machine", "pc,hpet=off", "-serial", "stdio", "-no-reboot", "-append", KERNEL, "-kernel"]);
    machine.arg(kernel.join("vmlinuz")).arg("-initrd").arg(archive).stdin(Stdio::null());
    let said = read(&mut machine)?;
    println!("{said}");
    let lines: Vec<_> = said.lines().map(str::trim_end).collect();
    ensure!(lines.contains(&"verifier: 0"), "the kernel does not take the programs");
    ensure!(lines.contains(&"lab: 0"), "the lab does not work");
    ensure!(lines.contains(&"queues: 0"), "the queues for departure times do not work");
    ensure!(lines.contains(&"bandwidth: 0"), "limits are not kept");
    ensure!(lines.contains(&"limits are kept by departure times"), "limits are kept in another way than by departure times");
    counts(&lines)
}

/// What the verifier had to follow is as it was looked at.
fn counts(lines: &[&str]) -> Result<()> {
    let is_count = |line: &&str| {
        let words: Vec<_> = line.split_whitespace().collect();
        matches!(words[..], ["plain" | "snat" | "direct", _, number] if number.parse::<u32>().is_ok())
    };
    let found: String = lines.iter().copied().filter(is_count).map(|line| format!("{line}\n")).collect();
    let place = root().join(COUNTS);
    if std::env::var_os("ICHOR_BLESS").is_some() {
        return fs::write(&place, found).with_context(|| format!("cannot write {COUNTS}"));
    }
    let expected = fs::read_to_string(&place).with_context(|| format!("cannot read {COUNTS}"))?;
    ensure!(
        found == expected,
        "the verifier of Linux 6.1 counts otherwise than {COUNTS}; look at the numbers, then write them with ICHOR_BLESS=1"
    );
    Ok(())
}

/// Everything that the machine has: its first process, the program and the test, and what they are linked with.
fn archive(kernel: &Path, home: &Path) -> Result<PathBuf> {
    let tree = home.join("root");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    for folder in ["bin", "proc", "sys", "dev", "run", "tmp", "modules"] {
        fs::create_dir_all(tree.join(folder))?;
    }
    for entry in fs::read_dir(kernel)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ko") {
            fs::copy(&path, tree.join("modules").join(path.file_name().unwrap_or_default()))?;
        }
    }
    fs::copy(root().join("tests/kernels/init"), tree.join("init"))?;
    fs::copy(root().join("cluster.example.yaml"), tree.join("cluster.yaml"))?;
    fs::copy("/bin/busybox", tree.join("bin/busybox")).context("cannot copy busybox")?;
    for name in BUSYBOX {
        symlink("busybox", tree.join("bin").join(name))?;
    }
    check(&mut cargo(&["build", "--quiet", "--package", "ichor", "--bin", "ichor"]))?;
    let load = test_program("ichor-datapath-loader", "load")?;
    let nodes = test_program("ichor-agent", "nodes")?;
    for (name, file) in [("ichor", target_folder()?.join("debug/ichor")), ("load", load), ("nodes", nodes)] {
        let place = tree.join("bin").join(name);
        check(program("strip", &["-o"]).arg(&place).arg(fs::canonicalize(&file)?))?;
        libraries(&place, &tree)?;
    }
    // The lab needs neither; the tests of nodes make their networks with them.
    for name in ["ip", "tc"] {
        let found = read(program("sh", &["-c", "command -v \"$1\"", "sh"]).arg(name)).with_context(|| format!("there is no {name}"))?;
        let place = tree.join("bin").join(name);
        fs::copy(found.trim(), &place).with_context(|| format!("cannot copy {name}"))?;
        libraries(&place, &tree)?;
    }
    let archive = home.join("initrd.gz");
    let pack = "cd \"$1\" && find . | cpio --quiet -o -H newc | gzip -1 > \"$2\"";
    check(program("sh", &["-c", pack, "sh"]).arg(&tree).arg(&archive))?;
    Ok(archive)
}

/// Where a test was built.
fn test_program(package: &str, test: &str) -> Result<PathBuf> {
    let build = ["test", "--quiet", "--no-run", "--message-format=json", "--package", package, "--test", test];
    let messages = read(&mut cargo(&build))?;
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let found = artifacts.filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?))).next_back();
    found.context("cargo did not say where the test is")
}

fn libraries(of: &Path, tree: &Path) -> Result<()> {
    let listed = read(program("ldd", &[]).arg(of))?;
    let paths: BTreeSet<_> = listed.split_whitespace().filter(|word| word.starts_with('/')).collect();
    for path in paths {
        let copy = tree.join(path.trim_start_matches('/'));
        fs::create_dir_all(copy.parent().unwrap_or(tree))?;
        fs::copy(path, copy).with_context(|| format!("cannot copy {path}"))?;
    }
    Ok(())
}
