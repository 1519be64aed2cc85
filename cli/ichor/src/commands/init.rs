//! `ichor init`: the file that a new user begins with.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ichor_config::init::{Answers, Machine, Peering, cluster_yaml};
use ichor_sops::age::{Identity, parse_identities};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::cli::Init;
use crate::config;
use crate::failure::{Failure, Mistake};
use crate::tree::write;
use crate::{Answer, Printer, Shell, system, terminal};

pub(super) struct Begun {
    file: PathBuf,
    /// The age key that was made.
    age_key: Option<PathBuf>,
    /// What of the answers does not fit together.
    mistakes: Vec<Mistake>,
}

pub(super) fn run(args: &Init, shell: &Shell) -> Result<Begun, Failure> {
    refuse_to_replace(&args.config, args.force)?;
    let mut answers = from_flags(args)?;
    let mut age_key = args.age_key.clone();
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    let missing = missing(&answers, age_key.as_deref());
    if !missing.is_empty() {
        if !asks {
            let failure = Failure::new(format!("not everything is known: {} missing", missing.join(", ")));
            return Err(failure.help("give it with these flags, or run `ichor init` on a terminal to be asked"));
        }
        ask(&mut answers, &mut age_key)?;
    }
    let mut made = None;
    if let Some(file) = age_key {
        refuse_one_place_for_two(&file, &args.config)?;
        let (recipient, new) = recipient_of(&file)?;
        made = new.map(|identity| (file, identity));
        if !answers.recipients.contains(&recipient) {
            answers.recipients.push(recipient);
        }
    }
    let text = cluster_yaml(&answers);
    let mistakes = match ichor_config::read(&text) {
        Ok(_) => Vec::new(),
        Err(list) => list.iter().map(|one| config::mistake(one, &args.config, &text, &shell.printer)).collect::<Vec<_>>(),
    };
    // Answers that were typed are not thrown away for one mistake; flags are in the history of the shell.
    if !mistakes.is_empty() && missing.is_empty() {
        let mut failure = Failure::new("these flags do not make a valid cluster; nothing was written");
        failure.mistakes = mistakes;
        return Err(failure);
    }
    if let Some((file, identity)) = &made {
        keep_out_of_git(file)?;
        write_identity(file, identity)?;
    }
    write::replace_file(&args.config, text.as_bytes())?;
    Ok(Begun { file: args.config.clone(), age_key: made.map(|(file, _)| file), mistakes })
}

pub(super) fn refuse_to_replace(file: &Path, force: bool) -> Result<(), Failure> {
    if force || fs::symlink_metadata(file).is_err() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` is there already", file.display()))
        .help("name another with `--config FILE`, or replace it with `--force`"))
}

/// A key that the file, or the list that keeps it out of Git, takes the place of is lost.
fn refuse_one_place_for_two(key: &Path, config: &Path) -> Result<(), Failure> {
    let place = |file: &Path| std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    if place(key) == place(config) || key.file_name().is_some_and(|name| name == ".gitignore") {
        return Err(Failure::new(format!("`{}` cannot be the file of the age key too", key.display()))
            .help("give the key a file of its own, such as `--age-key age.key`"));
    }
    Ok(())
}

fn from_flags(args: &Init) -> Result<Answers, Failure> {
    let machines = |texts: &[String]| texts.iter().map(|text| Machine::parse(text).map_err(Failure::new)).collect::<Result<Vec<_>, _>>();
    let bgp = match (&args.router_asn, &args.node_asn) {
        (Some(router_asn), Some(node_asn)) => {
            Some(Peering { router: args.router.clone(), router_asn: router_asn.clone(), node_asn: node_asn.clone() })
        }
        _ => None,
    };
    Ok(Answers {
        name: args.name.clone().unwrap_or_default(),
        node_cidrs: args.node_cidr.clone(),
        control_planes: machines(&args.node)?,
        workers: machines(&args.worker)?,
        vip: args.vip.clone(),
        install_disk: args.install_disk.clone().unwrap_or_default(),
        pool: args.pool.clone(),
        bgp,
        domain: args.domain.clone(),
        engine: args.engine.clone(),
        repository: args.repository.clone(),
        recipients: args.recipient.clone(),
    })
}

/// The flags without which there is no cluster.
fn missing(answers: &Answers, age_key: Option<&Path>) -> Vec<&'static str> {
    let mut missing = Vec::new();
    let mut need = |is_missing: bool, flag| {
        if is_missing {
            missing.push(flag);
        }
    };
    need(answers.name.is_empty(), "--name");
    need(answers.node_cidrs.is_empty(), "--node-cidr");
    need(answers.control_planes.is_empty(), "--node");
    need(answers.install_disk.is_empty(), "--install-disk");
    need(answers.recipients.is_empty() && age_key.is_none(), "--age-key or --recipient");
    missing
}

/// Asks for what the flags left open.
fn ask(answers: &mut Answers, age_key: &mut Option<PathBuf>) -> Result<(), Failure> {
    let prefix = |text: &str| text.parse::<ipnet::IpNet>().map(drop).map_err(|_| "write it like 192.168.1.0/24".to_owned());
    let address = |text: &str| text.parse::<IpAddr>().map(drop).map_err(|_| "write it like 192.168.1.10".to_owned());
    if answers.name.is_empty() {
        answers.name = answer("Name of the cluster", Some("home"), |_| Ok(()))?;
    }
    if answers.node_cidrs.is_empty() {
        answers.node_cidrs.push(answer("Network of the nodes, such as 192.168.1.0/24", None, prefix)?);
    }
    if answers.control_planes.is_empty() {
        answers.control_planes = machines("Control-plane node as NAME=ADDRESS,MAC", true)?;
        answers.workers.extend(machines("Worker as NAME=ADDRESS,MAC", false)?);
    }
    if answers.vip.is_none() {
        let vip =
            answer(
                "Free address for the Kubernetes API; empty for none",
                Some(""),
                |text| if text.is_empty() { Ok(()) } else { address(text) },
            )?;
        answers.vip = Some(vip).filter(|vip| !vip.is_empty());
    }
    if answers.install_disk.is_empty() {
        answers.install_disk = answer("Disk that Talos is installed to", Some("/dev/sda"), |_| Ok(()))?;
    }
    if answers.pool.is_empty() {
        let pool = answer("Addresses for Services, as a prefix or FIRST-LAST; empty for none yet", Some(""), |_| Ok(()))?;
        answers.pool.extend(Some(pool).filter(|pool| !pool.is_empty()));
    }
    if answers.recipients.is_empty() && age_key.is_none() {
        let file = answer("File of your age key, which is made if it is not there; keep it out of Git", Some("age.key"), |_| Ok(()))?;
        *age_key = Some(PathBuf::from(file));
    }
    Ok(())
}

/// Asks until the answer passes.
fn answer(question: &str, default: Option<&str>, check: impl Fn(&str) -> Result<(), String>) -> Result<String, Failure> {
    let shown = default.filter(|default| !default.is_empty()).map(|default| format!(" [{default}]")).unwrap_or_default();
    loop {
        let mut text = terminal::line(&format!("{question}{shown}: "))?.trim().to_owned();
        if text.is_empty() {
            match default {
                Some(default) => default.clone_into(&mut text),
                None => continue,
            }
        }
        match check(&text) {
            Ok(()) => return Ok(text),
            Err(why) => terminal::say(&format!("  {why}")),
        }
    }
}

fn machines(question: &str, at_least_one: bool) -> Result<Vec<Machine>, Failure> {
    let mut machines = Vec::new();
    loop {
        let needed = at_least_one && machines.is_empty();
        let question = if needed { question.to_owned() } else { format!("{question}; empty for no more") };
        let check = |text: &str| if text.is_empty() { Ok(()) } else { Machine::parse(text).map(drop) };
        let text = answer(&question, if needed { None } else { Some("") }, check)?;
        if text.is_empty() {
            return Ok(machines);
        }
        machines.push(Machine::parse(&text).map_err(Failure::new)?);
    }
}

/// The public key of the file, and the identity that is still to be written if there is no such file.
fn recipient_of(file: &Path) -> Result<(String, Option<Identity>), Failure> {
    match fs::read_to_string(file).map(Zeroizing::new) {
        Ok(text) => {
            let wrong = |why: &str| Failure::new(format!("`{}` is not the file of an age key: {why}", file.display()));
            let identities = parse_identities(&text).map_err(|error| wrong(&error.message))?;
            let identity = identities.usable.first().ok_or_else(|| wrong("no key in it can be used here"))?;
            Ok((identity.recipient().to_string(), None))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let identity = system::with_entropy(|entropy| Identity::generate(entropy))?;
            Ok((identity.recipient().to_string(), Some(identity)))
        }
        Err(error) => Err(Failure::io("cannot read the age key", file, &error)),
    }
}

/// In the form of `age-keygen`, for the user alone.
fn write_identity(file: &Path, identity: &Identity) -> Result<(), Failure> {
    let text = Zeroizing::new(format!("# public key: {}\n{}\n", identity.recipient(), *identity.to_secret_text()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).and_then(|mut open| {
        open.write_all(text.as_bytes())?;
        open.sync_all()
    });
    written.map_err(|error| Failure::io("cannot write the age key", file, &error))
}

/// Names a key in the `.gitignore` of its folder before the key is there, for one `git add` is enough to give it away.
fn keep_out_of_git(key: &Path) -> Result<(), Failure> {
    let Some(name) = key.file_name() else { return Ok(()) };
    let name = name.to_str().filter(|name| !name.contains(char::is_control)).ok_or_else(|| {
        Failure::new(format!("`{}` cannot be named in `.gitignore`", key.display())).help("give the key a name of plain letters")
    })?;
    // Git takes these for patterns, and leaves blanks at the end out.
    let name: String =
        name.chars().flat_map(|c| matches!(c, '*' | '?' | '[' | ']' | '\\' | ' ').then_some('\\').into_iter().chain([c])).collect();
    let list = key.with_file_name(".gitignore");
    let text = match fs::read_to_string(&list) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io("cannot read", &list, &error)),
    };
    if text.lines().any(|line| line.trim_start_matches('/') == name) {
        return Ok(());
    }
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    write::replace_file(&list, format!("{text}{separator}/{name}\n").as_bytes())
}

impl Answer for Begun {
    fn json(&self) -> Json {
        json!({
            "file": self.file.display().to_string(),
            "age_key": self.age_key.as_ref().map(|file| file.display().to_string()),
            "mistakes": self.mistakes.iter().map(|mistake| mistake.json.clone()).collect::<Vec<_>>(),
        })
    }

    fn text(&self, printer: &Printer) {
        printer.note(&format!("`{}` is written; look at it, then run `ichor configure`", self.file.display()));
        if let Some(key) = &self.age_key {
            let place = if key.is_absolute() { "" } else { "$PWD/" };
            let key = key.display();
            printer.note(&format!("the private key of your secrets is in `{key}`, which `.gitignore` names: keep a copy in a safe place"));
            printer.note(&format!("so that ichor and sops find it: export SOPS_AGE_KEY_FILE=\"{place}{key}\""));
        }
        for mistake in &self.mistakes {
            printer.important(&format!("{}\n", mistake.text));
        }
        if !self.mistakes.is_empty() {
            printer.warning("the answers do not fit together yet: mend the places above");
        }
    }
}
