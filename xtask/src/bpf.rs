//! The BPF object: compiled from datapath/programs, committed beside the loader, and held against its source.

use crate::cargo::target_folder;
use crate::process::{cargo, check, program, read, root};
use crate::recipe::{Purpose, files, short};
use crate::tally::Tally;
use crate::tools::{Tools, provide};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const OBJECT: &str = "datapath/loader/object/ichor.o";
/// The versions that made the object: others may make other bytes of the same source.
const COMPILER: &str = "datapath/loader/object/COMPILER";
/// What the object is made from. The crates take their version and edition from the first.
const SOURCES: [&str; 6] =
    ["Cargo.toml", "datapath/Cargo.toml", "datapath/Cargo.lock", "datapath/programs", "datapath/logic", "datapath/types"];
const PACKAGE: &str = "ichor-datapath-programs";
pub(crate) const MANIFEST: &str = "datapath/Cargo.toml";
const PLATFORM: &str = "bpfel-unknown-none";
/// Otherwise a build script of aya-ebpf puts in the architecture of the machine that compiles.
const ARCHITECTURE: &str = "--cfg=bpf_target_arch=\"x86_64\"";
/// Otherwise copies between tables become calls, of loops over single bytes.
const COPY_INLINE: &str = "-Clink-arg=--disable-expand-memcpy-in-order";
/// The programs need no other part of the standard library.
const FOR_KERNEL: [&str; 4] = ["--locked", "-Zbuild-std=core", "--target", PLATFORM];

/// Write the object anew.
pub(crate) fn write() -> Result<()> {
    let compiler = Compiler::require()?;
    let object = compiler.build(&root(), &target_folder()?.join("bpf"))?;
    let path = root().join(OBJECT);
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    fs::write(&path, &object).with_context(|| format!("cannot write {OBJECT}"))?;
    fs::write(root().join(COMPILER), &compiler.versions).with_context(|| format!("cannot write {COMPILER}"))?;
    println!("{OBJECT}: {}", described(&object));
    Ok(())
}

/// Whether the tools have a compiler for the programs.
pub(crate) fn compiles_here(tools: &Tools) -> Result<bool> {
    Ok(Compiler::find(tools)?.is_some())
}

/// Write the object of other sources beside them.
pub(crate) fn write_below(tools: &Tools, home: &Path, target: &Path) -> Result<()> {
    let compiler = Compiler::find(tools)?.context("there is no compiler for the BPF programs")?;
    let object = compiler.build(home, target)?;
    fs::write(home.join(OBJECT), object).with_context(|| format!("cannot write {OBJECT} of another build"))
}

/// Compare the committed object with its source.
pub(crate) fn compare() -> Result<()> {
    let compiler = Compiler::require()?;
    if let Some(difference) = compiler.difference()? {
        bail!("{difference}; to move to that one, run `cargo xtask bpf`");
    }
    compiler.reproduce()
}

/// What can be said about the programs without running them.
pub(crate) fn lint(tools: &Tools, tally: &mut Tally) {
    const REPRODUCED: &str = "reproducibility of the committed BPF object";
    tally.count("cargo fmt of the BPF programs", check(&mut cargo(&["fmt", "--manifest-path", "datapath/programs/Cargo.toml", "--check"])));
    match Compiler::find(tools) {
        // The tools say why.
        Ok(None) => {}
        Ok(Some(compiler)) => {
            tally.count("cargo clippy of the BPF programs", compiler.clippy());
            match compiler.difference() {
                Ok(Some(difference)) => tally.skipped.push(format!("{REPRODUCED}: {difference}")),
                Ok(None) => tally.count(REPRODUCED, compiler.reproduce()),
                Err(error) => tally.count(REPRODUCED, Err(error)),
            }
        }
        Err(error) => tally.count(REPRODUCED, Err(error)),
    }
}

#[derive(Debug)]
struct Compiler {
    bin: PathBuf,
    /// Under its own name, by which clippy knows it.
    rustc: PathBuf,
    /// One line for each part that has a say in the bytes of the object.
    versions: String,
}

impl Compiler {
    fn find(tools: &Tools) -> Result<Option<Compiler>> {
        let bin = tools.bin.clone();
        if !bin.join("bpf-linker").exists() {
            return Ok(None);
        }
        let rustc = fs::canonicalize(bin.join("bpf-rustc")).context("the compiler of the BPF programs is gone")?;
        let compiler = read(&mut program(&rustc, &["--version"]))?;
        let linker = read(&mut program(bin.join("bpf-linker"), &["--version"]))?;
        let llvm = read(&mut program(bin.join("llvm-config"), &["--version"]))?;
        let versions = format!("{}\n{}\nLLVM {}\n", compiler.trim_end(), linker.trim_end(), llvm.trim_end());
        Ok(Some(Compiler { bin, rustc, versions }))
    }

    fn require() -> Result<Compiler> {
        let tools = provide(&[Purpose::Bpf])?;
        Compiler::find(&tools)?.with_context(|| tools.skips.join("\n"))
    }

    /// What sets this compiler apart from the one that made the committed object.
    fn difference(&self) -> Result<Option<String>> {
        let committed = String::from_utf8(committed(COMPILER)?).with_context(|| format!("{COMPILER} is not text"))?;
        let line = |versions: &str| versions.trim_end().replace('\n', ", ");
        let words = || format!("{OBJECT} was made by {}, and here is {}", line(&committed), line(&self.versions));
        Ok((committed != self.versions).then(words))
    }

    /// Compile in another folder than the committed object was, so that a path that slips into it is seen.
    fn reproduce(&self) -> Result<()> {
        let committed = committed(OBJECT)?;
        let home = target_folder()?.join("bpf-check");
        let copy = home.join("copy");
        copy_sources(&copy)?;
        let built = self.build(&copy, &home.join("target"))?;
        if built != committed {
            let first = built.iter().zip(&committed).position(|(a, b)| a != b).unwrap_or(built.len().min(committed.len()));
            bail!(
                "{OBJECT} is not what its source gives: {} are committed, {} come out, and they differ from byte {first} on; \
                 run `cargo xtask bpf` and commit what it writes",
                described(&committed),
                described(&built)
            );
        }
        println!("{OBJECT}: {}, the same again", described(&built));
        Ok(())
    }

    /// The stripped object, made of the sources below `home`.
    fn build(&self, home: &Path, target: &Path) -> Result<Vec<u8>> {
        let manifest = home.join(MANIFEST);
        // Cargo does not see that another linker is there, so what it linked is not kept.
        let mut clean = self.cargo(cargo(&["clean", "--quiet", "--release", "--target", PLATFORM, "--package", PACKAGE]));
        check(clean.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(target))?;
        let mut build = self.cargo(cargo(&["build", "--quiet", "--release", "--manifest-path"]));
        build.arg(&manifest).args(FOR_KERNEL).arg("--target-dir").arg(target);
        check(build.env("CARGO_ENCODED_RUSTFLAGS", self.flags(home)?.join("\u{1f}")))?;

        let linked = target.join(PLATFORM).join("release").join(PACKAGE);
        let stripped = target.join("ichor.o");
        check(program(self.bin.join("llvm-strip"), &["-g", "-o"]).arg(&stripped).arg(linked))?;
        let symbols = read(program(self.bin.join("llvm-nm"), &["--format=just-symbols"]).arg(&stripped))?;
        if let Some(symbol) = symbols.lines().find(|symbol| symbol.contains("panicking")) {
            bail!("the BPF programs can panic, for the object contains `{symbol}`: an index, a division or an overflow is not excluded");
        }
        fs::read(&stripped).with_context(|| format!("cannot read {}", stripped.display()))
    }

    fn clippy(&self) -> Result<()> {
        let target = target_folder()?.join("bpf-check/target");
        let mut command = self.cargo(program(self.bin.join("bpf-clippy"), &["clippy", "--quiet", "--manifest-path", MANIFEST]));
        command.args(FOR_KERNEL).arg("--target-dir").arg(target).args(["--", "-D", "warnings"]);
        check(command.env("CARGO_ENCODED_RUSTFLAGS", ARCHITECTURE))
    }

    /// What the object is compiled with. Its source lines name files, and these must not depend on where they are.
    fn flags(&self, home: &Path) -> Result<Vec<String>> {
        let rust = read(&mut program(&self.rustc, &["--print", "sysroot"]))?;
        let rust = Path::new(rust.trim_end()).join("lib/rustlib/src/rust");
        let mut flags = vec!["-Ctarget-cpu=v3".into(), "-Clink-arg=--btf".into(), COPY_INLINE.into(), ARCHITECTURE.into()];
        flags.push(format!("--remap-path-prefix={}=/ichor/datapath", home.join("datapath").display()));
        flags.push(format!("--remap-path-prefix={}=/rust", rust.display()));
        flags.extend(self.registries(home)?.iter().map(|folder| format!("--remap-path-prefix={}=/crates", folder.display())));
        Ok(flags)
    }

    /// The folders in which cargo keeps the sources of the dependencies, after it has fetched them.
    fn registries(&self, home: &Path) -> Result<BTreeSet<PathBuf>> {
        let mut command = self.cargo(cargo(&["metadata", "--quiet", "--locked", "--format-version", "1", "--manifest-path"]));
        let metadata: serde_json::Value =
            serde_json::from_str(&read(command.arg(home.join(MANIFEST)))?).context("cargo metadata is not JSON")?;
        let packages = metadata.get("packages").and_then(|packages| packages.as_array()).context("cargo metadata names no packages")?;
        let fetched = packages.iter().filter(|package| package.get("source").is_some_and(|source| !source.is_null()));
        let manifests = fetched.filter_map(|package| package.get("manifest_path")?.as_str());
        Ok(manifests.filter_map(|manifest| Path::new(manifest).parent()?.parent().map(PathBuf::from)).collect())
    }

    /// Let cargo use this compiler, and nothing of what a person has set for others.
    fn cargo(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "RUSTC_", "RUSTFLAGS"].iter().any(|start| name.starts_with(start)) {
                command.env_remove(&*name);
            }
        }
        command.env("RUSTC", &self.rustc).env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", self.bin.join("bpf-linker"));
        // Compiling `core` is not open to a stable compiler otherwise.
        command.env("RUSTC_BOOTSTRAP", "1");
        command
    }
}

fn committed(name: &str) -> Result<Vec<u8>> {
    fs::read(root().join(name)).with_context(|| format!("cannot read {name}; `cargo xtask bpf` writes it"))
}

fn copy_sources(to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("cannot remove {}", to.display()))?;
    }
    for source in SOURCES {
        let source = root().join(source);
        for file in if source.is_dir() { files(&source)? } else { vec![source] } {
            let path = file.strip_prefix(root())?.to_path_buf();
            // What an editor compiled for itself.
            if path.iter().any(|folder| folder == "target") {
                continue;
            }
            let copy = to.join(path);
            fs::create_dir_all(copy.parent().unwrap_or(to))?;
            fs::copy(&file, &copy).with_context(|| format!("cannot copy {}", file.display()))?;
        }
    }
    Ok(())
}

fn described(object: &[u8]) -> String {
    format!("{} bytes (SHA-256 {}...)", object.len(), short(Sha256::new_with_prefix(object)))
}
