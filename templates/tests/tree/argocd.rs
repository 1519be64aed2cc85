//! What Argo CD must be told, beyond what its schema asks for.

use crate::objects::{Object, Reader};
use crate::sample::{Sample, tree};

fn applications() -> Vec<Object> {
    let tree = tree(&Sample { engine: "argocd", ..Sample::FULL }.text());
    Reader::default().objects(&tree).into_iter().filter(|object| object.kind() == "Application").collect()
}

/// Its other ways of comparing take the defaults of a CRD for drift, and self-healing would then apply forever.
#[test]
fn differences_are_asked_of_the_api_server() {
    for application in applications() {
        assert_eq!(application.annotation("argocd.argoproj.io/compare-options"), "ServerSideDiff=true", "{}", application.path);
    }
}

/// Retries without an end would otherwise hold on to a broken commit, whatever is pushed after it.
#[test]
fn a_commit_mends_a_sync_that_is_retried() {
    for application in applications() {
        let retry = &application.json["spec"]["syncPolicy"]["retry"];
        assert_eq!((retry["limit"].as_i64(), retry["refresh"].as_bool()), (Some(-1), Some(true)), "{}", application.path);
    }
}

/// A component that is switched off takes its objects along; what must stay, and the Application of all others, do not.
#[test]
fn what_may_be_pruned_goes_with_its_application() {
    let mut seen = [false; 2];
    for application in applications() {
        let root = application.text("/metadata/name") == "home-root";
        let goes = !root && application.json["spec"]["syncPolicy"]["automated"]["prune"] == true;
        let finalizer = application.text("/metadata/finalizers/0");
        assert_eq!(finalizer == "resources-finalizer.argocd.argoproj.io/background", goes, "{}", application.path);
        seen[usize::from(goes)] = true;
    }
    assert_eq!(seen, [true; 2]);
}
