//! The secrets file and the sealed files of the tree, with the real `sops` and `talosctl` as counterparts.

use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ichor_tests::{Run, until};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::place::{Place, recipient_of};

const FILE: &str = "secrets.sops.yaml";
const PASSWORD: &str = "cluster/apps/kube-system/ichor-network/app/bgp-peer-password.sops.yaml";
const ROUTER: &str = "unifi/bgp.sops.conf";

/// The BGP password as `sops` shows it.
fn password(place: &Place) -> String {
    place.tool("sops", ["-d", "--extract", "[\"bgp\"][\"gateway\"]", FILE]).succeed().text().to_owned()
}

#[test]
fn sops_opens_everything_that_is_sealed() {
    let place = Place::configured();
    let password = password(&place);
    assert!(password.len() >= 20 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{} characters", password.len());
    let secret = place.tool("sops", ["-d", PASSWORD]).succeed();
    assert!(secret.text().contains(&format!("password: {password}")) && secret.text().contains("kind: Secret"));
    let sealed = place.read(PASSWORD);
    // The rendered .sops.yaml hides the values of a Secret and nothing else.
    assert!(sealed.contains("kind: Secret") && sealed.contains("encrypted_regex: ^(data|stringData)$"), "{sealed}");
    let router = place.tool("sops", ["-d", ROUTER]).succeed();
    assert!(router.text().contains(&password) && router.text().contains("router bgp"));
}

#[test]
fn sops_edits_and_ichor_reads_what_it_wrote() {
    let place = Place::configured();
    let editor = place.editor("sed -i 's/^\\(  *gateway:\\).*/\\1 changed-by-sops/' \"$1\"");
    place.tool("sops", [FILE]).env("EDITOR", &editor).succeed();
    place.ichor(["configure"]).succeed();
    assert!(place.tool("sops", ["-d", PASSWORD]).succeed().text().contains("password: changed-by-sops"));
    assert!(place.tool("sops", ["-d", ROUTER]).succeed().text().contains("changed-by-sops"));
    // What sops rewrote and ichor then kept stays byte for byte.
    let before = place.files();
    place.tool("sops", ["updatekeys", "--yes", FILE]).succeed();
    place.ichor(["configure"]).succeed();
    assert!(place.files() == before);
}

#[test]
fn a_rendered_secret_edited_with_sops_is_an_edit_by_hand() {
    let place = Place::configured();
    let editor = place.editor("sed -i 's/password:.*/password: by-hand/' \"$1\"");
    place.tool("sops", [PASSWORD]).env("EDITOR", &editor).succeed();
    let words = place.ichor(["configure"]).succeed().words();
    assert!(words.contains(&format!("`{PASSWORD}` stays as it is: it was edited by hand")), "{words}");
    place.ichor(["configure", "--overwrite"]).succeed();
    let password = password(&place);
    assert!(place.tool("sops", ["-d", PASSWORD]).succeed().text().contains(&password));
}

#[test]
fn a_file_that_was_tampered_with_is_refused() {
    let place = Place::configured();
    let sealed = place.read(FILE);
    let at = sealed.find("ENC[AES256_GCM,data:").unwrap() + "ENC[AES256_GCM,data:".len();
    let other = if sealed[at..].starts_with('A') { "B" } else { "A" };
    place.write(FILE, format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]));
    for refused in [place.ichor(["configure"]).fail(), place.ichor(["secrets", "status"]).fail()] {
        assert!(
            refused.words().contains("secrets.sops.yaml:") && refused.words().contains("help: restore the file from Git"),
            "{}",
            refused.words()
        );
    }
    place.write(FILE, sealed);
    let sealed = place.read(PASSWORD);
    place.write(PASSWORD, sealed.replace("namespace: kube-system", "namespace: default"));
    let refused = place.ichor(["configure"]).fail();
    assert!(refused.words().contains(PASSWORD) && refused.words().contains("ichor configure --overwrite"), "{}", refused.words());
    place.ichor(["configure", "--overwrite"]).succeed();
    assert!(place.read(PASSWORD).contains("namespace: kube-system"));
    place.write(FILE, "bgp:\n  gateway: clear\n");
    let refused = place.ichor(["configure"]).fail();
    assert!(refused.words().contains("is not encrypted"), "{}", refused.words());
}

#[test]
fn without_a_key_nothing_is_rendered_and_the_help_says_which() {
    let place = Place::without_secrets();
    let first = place.ichor_without_key(["configure"]).succeed();
    assert!(first.words().contains("no age key at hand opens these secrets"), "{}", first.words());
    let before = place.files();
    let refused = place.ichor_without_key(["configure"]).fail();
    for part in ["no age identity is at hand", "age1", "help: set SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY,", "sops/age/keys.txt"] {
        assert!(refused.words().contains(part), "{part:?} is not in:\n{}", refused.words());
    }
    assert!(place.files() == before);
    // Each of the three places does.
    let key = fs::read_to_string(place.key()).unwrap();
    place.ichor_without_key(["configure", "--check"]).env("SOPS_AGE_KEY", &key).succeed();
    place.scratch.write("home/config/sops/age/keys.txt", &key);
    place.ichor_without_key(["configure", "--check"]).succeed();
    let missing = place.ichor_without_key(["configure"]).env("SOPS_AGE_KEY_FILE", "nowhere").fail();
    assert!(missing.words().contains("`nowhere`"), "{}", missing.words());
}

#[test]
fn a_new_recipient_reads_everything_and_values_stay() {
    let place = Place::configured();
    let other = Run::tool("age-keygen").succeed().text().to_owned();
    let before = password(&place);
    place.change("cluster.yaml", "recipients: [", &format!("recipients: [{}, ", recipient_of(&other)));
    let words = place.ichor(["configure"]).succeed();
    assert!(words.text().contains(&format!("~ {FILE}")) && words.text().contains(&format!("~ {PASSWORD}")), "{}", words.text());
    let theirs = place.scratch.write("home/other.txt", &other);
    for file in [FILE, PASSWORD, ROUTER] {
        let opened = place.tool("sops", ["-d", file]).env("SOPS_AGE_KEY_FILE", &theirs).succeed();
        assert!(opened.text().contains(&before), "{file}");
    }
    place.ichor(["configure", "--check"]).env("SOPS_AGE_KEY_FILE", &theirs).succeed();
}

#[test]
fn given_secrets_are_missed_by_name_stored_from_stdin_and_used() {
    let place = Place::configured();
    let words = place.ichor(["configure"]).succeed().words();
    assert!(
        words.contains("the secret `cloudflare.token` is missing") && words.contains("`ichor secrets set cloudflare.token`"),
        "{words}"
    );
    place.ichor(["secrets", "set", "cloudflare.token"]).input("tok-123\n").succeed();
    let run = place.ichor(["configure"]).succeed();
    assert!(!run.words().contains("cloudflare.token"), "{}", run.words());
    let added = run.text().lines().find_map(|line| line.strip_prefix("+ ")).unwrap().to_owned();
    assert!(place.tool("sops", ["-d", &added]).succeed().text().contains("tok-123"), "{added}");
    // A key of several lines keeps its last line break.
    let key = "-----BEGIN KEY-----\nabc\n-----END KEY-----\n";
    place.ichor(["secrets", "set", "git.ssh_key"]).input(key).succeed();
    assert_eq!(place.tool("sops", ["-d", "--extract", "[\"git\"][\"ssh_key\"]", FILE]).succeed().text(), key);
    for (name, input, part) in
        [("cloudflare.tokn", "x", "it needs"), ("cloudflare.token", " \n", "is empty"), ("talos", "x: 1", "not a Talos")]
    {
        let refused = place.ichor(["secrets", "set", name]).input(input).fail();
        assert!(refused.words().contains(part), "{}", refused.words());
    }
}

#[test]
fn status_tells_names_and_never_values() {
    let place = Place::configured();
    place.ichor(["secrets", "set", "cloudflare.token"]).input("tok-123").succeed();
    let status = place.ichor(["secrets", "status"]).succeed();
    let row = |name: &str| status.text().lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(row("talos ").contains("present") && row("bgp.gateway").contains("present  made"), "{}", status.text());
    assert!(row("cloudflare.token").contains("present  given") && row("git.ssh_key").contains("missing  given"), "{}", status.text());
    assert!(!status.described().contains(&password(&place)) && !status.described().contains("tok-123"));
    let closed = place.ichor_without_key(["secrets", "status"]).succeed();
    assert_eq!(closed.text(), status.text());
    assert!(closed.words().contains("it was not opened"), "{}", closed.words());
}

#[test]
fn rotation_makes_passwords_or_the_data_key_anew() {
    let place = Place::configured();
    let (before, sealed) = (password(&place), place.read(FILE));
    place.ichor(["secrets", "rotate"]).succeed();
    assert!(password(&place) == before && place.read(FILE) != sealed);
    place.ichor(["secrets", "rotate", "bgp.gateway"]).succeed();
    let after = password(&place);
    assert!(after != before && after.len() == before.len());
    place.ichor(["configure"]).succeed();
    assert!(place.tool("sops", ["-d", ROUTER]).succeed().text().contains(&after));
    for (name, part) in
        [("talos", "cannot be made anew"), ("cloudflare.token", "comes from another service"), ("no.such", "no secret with")]
    {
        let refused = place.ichor(["secrets", "rotate", name]).fail();
        assert!(refused.words().contains(part), "{}", refused.words());
    }
    assert_eq!(password(&place), after);
}

#[test]
fn the_editor_works_in_memory_and_leaves_nothing() {
    let place = Place::configured();
    let seen = place.scratch.path().join("seen");
    let script = format!(
        "stat -f -c %T \"$1\" > {0}; stat -c '%a' \"$1\" \"$(dirname \"$1\")\" >> {0}; echo \"$1\" >> {0}
        sed -i 's/^\\(  *gateway:\\).*/\\1 edited/' \"$1\"; touch \"$1~\"",
        seen.display()
    );
    let edit = |script: &str| place.ichor(["secrets", "edit"]).env("EDITOR", place.editor(script)).env("XDG_RUNTIME_DIR", "/dev/shm");
    edit(&script).succeed();
    assert_eq!(password(&place), "edited");
    let seen = fs::read_to_string(seen).unwrap();
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[..3], ["tmpfs", "600", "700"]);
    assert!(!fs::exists(lines[3]).unwrap() && !fs::exists(format!("{}~", lines[3])).unwrap(), "{seen}");

    let sealed = place.read(FILE);
    assert!(edit("true").succeed().words().contains("nothing was changed"));
    for (script, part) in [
        ("echo 'bgp: [' > \"$1\"", "line 1"),
        ("echo 'bgp: {gateway: 12345}' > \"$1\"", "`bgp.gateway` is not a text"),
        ("echo 'talos: {cluster: {id: x}}' > \"$1\"", "`talos`"),
        ("exit 3", "the editor"),
    ] {
        let refused = edit(script).fail();
        assert!(refused.words().contains(part), "{part:?}: {}", refused.words());
        assert_eq!(place.read(FILE), sealed);
    }
}

#[test]
fn without_a_filesystem_in_memory_there_is_no_editing() {
    let place = Place::configured();
    // Whatever stands at the usual places is a disk then.
    let script = "mount --bind . /mnt; mount --bind /usr /dev/shm; cd /mnt; exec \"$0\" secrets edit";
    let args = ["--map-root-user", "--mount", "sh", "-ec", script, env!("CARGO_BIN_EXE_ichor")];
    let key = fs::read_to_string(place.key()).unwrap();
    let run = Run::program("/usr/bin/unshare").args(args).folder(&place.folder()).env("SOPS_AGE_KEY", key);
    let refused = run.env("XDG_RUNTIME_DIR", "/usr").env("TMPDIR", "/usr").env("EDITOR", "true").fail();
    assert!(refused.words().contains("there is no filesystem in memory here"), "{}", refused.described());
    assert!(refused.words().contains("ichor secrets set NAME"), "{}", refused.words());
}

#[test]
fn a_bundle_of_talosctl_is_taken_over_and_used() {
    let place = Place::without_secrets();
    place.tool("talosctl", ["gen", "secrets", "-o", "../bundle.yaml"]).succeed();
    let bundle = fs::read_to_string(place.scratch.path().join("bundle.yaml")).unwrap();
    place.ichor(["secrets", "set", "talos"]).input(bundle.as_str()).succeed();
    place.ichor(["configure"]).succeed();
    let held = place.tool("sops", ["-d", "--extract", "[\"talos\"]", FILE]).succeed().text().to_owned();
    place.scratch.write("held.yaml", &held);
    // What talosctl makes out of both is the same, apart from certificates that it makes each time.
    let generate = |secrets: &str, out: &str| {
        let args =
            ["gen", "config", "home", "https://192.168.42.10:6443", "--output-types", "worker", "--with-secrets", secrets, "-o", out];
        place.tool("talosctl", args).succeed();
        fs::read(place.scratch.path().join("cluster").join(out)).unwrap()
    };
    assert!(generate("../bundle.yaml", "../a.yaml") == generate("../held.yaml", "../b.yaml"));
    let config = place.ichor(["talos", "config", "node-1", "--reveal"]).succeed();
    let token = bundle.lines().find_map(|line| line.trim().strip_prefix("bootstraptoken: ")).unwrap();
    assert!(config.text().contains(token));

    place.tool("talosctl", ["gen", "secrets", "-o", "../other.yaml"]).succeed();
    let other = fs::read(place.scratch.path().join("other.yaml")).unwrap();
    let refused = place.ichor(["secrets", "set", "talos"]).input(other).fail();
    assert!(refused.words().contains("there are other Talos secrets already"), "{}", refused.words());
}

/// `ichor secrets set` on a terminal that hides what is typed; the process, the terminal, and the end that it has.
fn asked(place: &Place) -> (Child, OwnedFd, OwnedFd) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let end: OwnedFd = rustix::fs::open(ptsname(&terminal, Vec::new()).unwrap(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    assert!(shows(&end));
    let asking = Command::new(env!("CARGO_BIN_EXE_ichor"))
        .args(["secrets", "set", "git.ssh_key"])
        .current_dir(place.folder())
        .env("SOPS_AGE_KEY_FILE", place.key())
        .stdin(Stdio::from(end.try_clone().unwrap()))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the prompt hides what is typed", Duration::from_secs(10), || !shows(&end));
    (asking, terminal, end)
}

fn shows(end: &OwnedFd) -> bool {
    tcgetattr(end).unwrap().local_modes.contains(LocalModes::ECHO)
}

#[test]
fn a_prompt_that_is_given_up_leaves_the_terminal_as_it_was() {
    let place = Place::configured();
    let (mut asking, _terminal, end) = asked(&place);
    kill_process(Pid::from_child(&asking), Signal::INT).unwrap();
    assert!(!asking.wait().unwrap().success());
    assert!(shows(&end), "the terminal still hides what is typed");
}

#[test]
fn a_key_of_many_lines_is_not_cut_by_a_terminal() {
    let place = Place::configured();
    let before = place.files();
    let (asking, terminal, end) = asked(&place);
    rustix::io::write(&terminal, b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n").unwrap();
    let done = asking.wait_with_output().unwrap();
    let words = String::from_utf8(done.stderr).unwrap();
    assert!(!done.status.success() && words.contains("a terminal gives one line") && words.contains("git.ssh_key < FILE"), "{words}");
    assert!(shows(&end) && place.files() == before);
}
