//! The Gateway API's CRDs: from a place that the person names, from the cache, or fetched once. Whatever the place, they
//! are what the lock names, or they are refused.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ichor_config::{GatewayApi, LOCK};
use ichor_templates::{BundleError, GatewayApiBundle};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::failure::Failure;
use crate::printer::Printer;

/// A release has about one megabyte; more than this is something else.
const LIMIT_BYTES: u64 = 16 << 20;
const TIMEOUT: Duration = Duration::from_secs(60);

const GIVE_A_FILE: &str = "download `standard-install.yaml` of this version elsewhere and give it with `--gateway-api FILE`, \
    or name a mirror with `--gateway-api URL`";

/// Finds the CRDs of a version.
pub(crate) fn obtain(version: &str, given: Option<&str>, printer: &Printer) -> Result<GatewayApiBundle, Failure> {
    let release = LOCK.gateway_api.iter().find(|release| release.version == version);
    let release = release.ok_or_else(|| Failure::new(format!("the Gateway API {version} was not tested with this ichor")))?;
    let cache = cache_file(release);
    if let Some(given) = given {
        let bundle = if is_url(given) {
            verify(release, given, &[fetch(given, version)?])?
        } else {
            verify(release, given, &read(Path::new(given))?)?
        };
        keep(cache.as_deref(), &bundle, printer);
        return Ok(bundle);
    }
    if let Some(text) = cache.as_deref().and_then(|file| fs::read_to_string(file).ok()) {
        match GatewayApiBundle::from_text(text, release.sha256) {
            Ok(bundle) => return Ok(bundle),
            Err(_) => printer.detail("the cached CRDs of the Gateway API are damaged; fetching them again"),
        }
    }
    let url = format!("https://github.com/kubernetes-sigs/gateway-api/releases/download/{version}/standard-install.yaml");
    printer.note(&format!("fetching the CRDs of the Gateway API {version}, once"));
    let bundle = verify(release, &url, &[fetch(&url, version)?])?;
    keep(cache.as_deref(), &bundle, printer);
    Ok(bundle)
}

fn is_url(given: &str) -> bool {
    given.starts_with("https://") || given.starts_with("http://")
}

fn verify(release: &GatewayApi, place: &str, files: &[String]) -> Result<GatewayApiBundle, Failure> {
    GatewayApiBundle::from_release(files.iter().map(String::as_str), release.sha256).map_err(|error| {
        let failure = Failure::new(format!("`{place}`: {error}"));
        match error {
            BundleError::Mismatch { .. } => failure.help(format!("take the standard channel of {}, unchanged", release.version)),
            _ => failure,
        }
    })
}

/// One file, or the YAML files of a folder.
fn read(place: &Path) -> Result<Vec<String>, Failure> {
    let text = |file: &Path| fs::read_to_string(file).map_err(|error| Failure::io("cannot read", file, &error));
    if !place.is_dir() {
        return Ok(vec![text(place)?]);
    }
    let entries = fs::read_dir(place).map_err(|error| Failure::io("cannot list", place, &error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    // A list of resources for kustomize stands beside the CRDs of a release.
    files.retain(|file| file.file_stem().is_none_or(|stem| stem != "kustomization"));
    files.sort();
    files.iter().map(|file| text(file)).collect()
}

fn fetch(url: &str, version: &str) -> Result<String, Failure> {
    let tls = TlsConfig::builder()
        // The system decides whom to trust, so that a mirror inside a company works.
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let agent: Agent = Agent::config_builder().tls_config(tls).timeout_global(Some(TIMEOUT)).build().into();
    let body = agent.get(url).call().and_then(|mut response| response.body_mut().with_config().limit(LIMIT_BYTES).read_to_string());
    body.map_err(|error| Failure::new(format!("cannot fetch the CRDs of the Gateway API {version} from {url}: {error}")).help(GIVE_A_FILE))
}

/// In the folder of caches; the name holds the hash, so that another release of ichor does not find the wrong one.
fn cache_file(release: &GatewayApi) -> Option<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(folder.join(format!("ichor/gateway-api/{}-{}.yaml", release.version, release.sha256.get(..16)?)))
}

/// A cache that cannot be written costs time and nothing else.
fn keep(cache: Option<&Path>, bundle: &GatewayApiBundle, printer: &Printer) {
    let Some((file, folder)) = cache.and_then(|file| file.parent().map(|folder| (file, folder))) else { return };
    if fs::read(file).is_ok_and(|held| held == bundle.text().as_bytes()) {
        return;
    }
    let draft = file.with_extension(format!("{}.new", std::process::id()));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&draft, bundle.text())).and_then(|()| fs::rename(&draft, file));
    if let Err(error) = written {
        let _ = fs::remove_file(&draft);
        printer.detail(&format!("cannot cache the Gateway API in `{}`: {}", folder.display(), crate::failure::reason(&error)));
    }
}
