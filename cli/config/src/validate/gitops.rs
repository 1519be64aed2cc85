//! The repository, the engine that follows it, and the encrypted files in it.

use super::{Check, check};
use crate::diagnostic::Diagnostics;
use crate::model::{Engine, Spec};

pub(super) const CHECKS: &[Check] = &[
    check(engine_has_a_repository, &[&["gitops.engine", "gitops.repository"]]),
    check(settings_are_used, &[&["gitops"]]),
    check(repository_can_be_read, &[&["gitops.engine", "gitops.repository", "gitops.private"]]),
    check(branch_is_a_name, &[&["gitops.branch"]]),
    check(secrets_file_is_encrypted, &[&["secrets.file"]]),
];

fn engine_has_a_repository(spec: &Spec, out: &mut Diagnostics) {
    let gitops = &spec.gitops;
    if *gitops.engine != Engine::None && gitops.repository.is_none() {
        let message = format!("`{}` is to own the cluster, and there is no repository for it to follow", *gitops.engine);
        out.push(
            gitops
                .engine
                .mistake(message)
                .help("add `repository: ssh://git@HOST/OWNER/REPOSITORY` or `https://…`, or write `engine: none`"),
        );
    }
}

fn settings_are_used(spec: &Spec, out: &mut Diagnostics) {
    let gitops = &spec.gitops;
    if *gitops.engine == Engine::None && (gitops.repository.is_some() || *gitops.private || gitops.namespace.is_some()) {
        let help = "write `engine: flux` or `engine: argocd`, or remove the section";
        out.push(gitops.mistake("this does nothing: no engine follows the repository").warning().help(help));
    }
}

fn repository_can_be_read(spec: &Spec, out: &mut Diagnostics) {
    let gitops = &spec.gitops;
    let Some(url) = gitops.repository.as_ref().filter(|_| *gitops.engine != Engine::None) else { return };
    if url.as_str().starts_with("ssh://") && !*gitops.private {
        let message = "over SSH a repository is always read with a key, and none is said to be needed";
        out.push(
            gitops
                .repository
                .mistake(message)
                .help("add `private: true` and store the key with `ichor secrets edit`, or write an `https://` URL"),
        );
    }
    if url.as_str().starts_with("http://") {
        let mistake = gitops.repository.mistake("what runs in the cluster would come over a connection that anyone on the way can change");
        let help = "write `https://` or `ssh://`";
        out.push(if *gitops.private { mistake.help(help) } else { mistake.warning().help(help) });
    }
}

fn branch_is_a_name(spec: &Spec, out: &mut Diagnostics) {
    let branch = spec.gitops.branch.as_str();
    let refused = branch.contains([' ', '~', '^', ':', '?', '*', '[', '\\'])
        || branch.contains("..")
        || branch.contains("//")
        || branch.contains("@{");
    if refused
        || branch.starts_with(['-', '/', '.'])
        || branch.ends_with(['/', '.'])
        || branch.ends_with(".lock")
        || branch.chars().any(char::is_control)
    {
        out.push(
            spec.gitops.branch.mistake(format!("`{branch}` is not the name of a branch")).help("write the branch alone, such as `main`"),
        );
    }
}

fn secrets_file_is_encrypted(spec: &Spec, out: &mut Diagnostics) {
    let file = &spec.secrets.file;
    if !file.as_str().ends_with(".sops.yaml") {
        let help = "write a name that ends in `.sops.yaml`: the rules of `sops` know the file by it";
        out.push(file.mistake("this file is encrypted, and its name does not say so").help(help));
    }
    if file.as_str().split('/').any(|part| part.eq_ignore_ascii_case(".git")) || file.as_str().starts_with(".ichor/") {
        let message = "the secrets would be among records that Git or ichor clears away";
        out.push(file.mistake(message).help("write a name outside `.git` and `.ichor`, such as `secrets.sops.yaml`"));
    }
    if file.as_str().rsplit('/').next() == Some(".sops.yaml") {
        let message = "this is the file with the rules of `sops`";
        out.push(file.mistake(message).help("write a name of its own, such as `secrets.sops.yaml`"));
    }
}
