//! The Gateway API's CRDs: given, cached, or fetched from a mirror; never another release than the lock names.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use ichor_tests::{Run, until};

use crate::place::{Place, gateway_api};

const CRD: &str = "cluster/apps/kube-system/gateway-api-crds/app/gateways.yaml";

/// A place with a cache of its own, which is empty.
fn place() -> Place {
    let mut place = Place::new();
    place.cache = place.scratch.path().join("cache");
    place
}

/// The release as one file.
fn one_file() -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(gateway_api()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().rev().map(|file| fs::read_to_string(file).unwrap() + "\n---\n").collect()
}

/// Serves a text once for each request, and counts nothing.
fn mirror(text: String, status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/standard-install.yaml", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes()));
        }
    });
    url
}

/// No way out: as on a machine without network.
fn offline(run: Run) -> Run {
    run.env("https_proxy", "http://127.0.0.1:1").env("HTTPS_PROXY", "http://127.0.0.1:1")
}

#[test]
fn offline_with_nothing_cached_the_help_says_how_to_give_a_file() {
    let place = place();
    let refused = offline(place.ichor(["configure"])).fail();
    let words = refused.words();
    for part in
        ["cannot fetch the CRDs of the Gateway API v", "github.com/kubernetes-sigs/gateway-api", "--gateway-api FILE", "--gateway-api URL"]
    {
        assert!(words.contains(part), "{part:?} is not in:\n{words}");
    }
    assert!(!place.path("talos").exists());
}

#[test]
fn given_once_it_is_cached_in_every_packaging() {
    let place = place();
    place.ichor(["configure", "--gateway-api"]).args([gateway_api()]).succeed();
    let rendered = place.read(CRD);
    assert!(rendered.contains("kind: CustomResourceDefinition") && rendered.contains("name: gateways.gateway.networking.k8s.io"));
    offline(place.ichor(["configure", "--check"])).succeed();
    let file = place.scratch.write("standard-install.yaml", one_file());
    place.ichor(["configure", "--check", "--gateway-api"]).args([file]).succeed();
}

#[test]
fn a_damaged_cache_is_not_used() {
    let place = place();
    place.ichor(["configure", "--gateway-api"]).args([gateway_api()]).succeed();
    let cached = fs::read_dir(place.cache.join("ichor/gateway-api")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&cached).unwrap();
    fs::write(&cached, text.replacen("description: ", "description: X", 1)).unwrap();
    let refused = offline(place.ichor(["configure"])).fail();
    assert!(refused.words().contains("cannot fetch"), "{}", refused.words());
    place.ichor(["configure", "--gateway-api"]).args([mirror(one_file(), "200 OK")]).succeed();
    assert_eq!(fs::read_to_string(&cached).unwrap(), text);
}

#[test]
fn a_mirror_is_as_good_and_another_release_is_refused() {
    let place = place();
    let other = one_file().replacen("bundle-version: v", "bundle-version: v9", 1);
    let refused = place.ichor(["configure", "--gateway-api"]).args([mirror(other, "200 OK")]).fail();
    assert!(refused.words().contains("not the release that was tested"), "{}", refused.words());
    assert!(!place.cache.exists() && !place.path("talos").exists());
    let refused = place.ichor(["configure", "--gateway-api"]).args([mirror("gone".into(), "404 Not Found")]).fail();
    assert!(refused.words().contains("404"), "{}", refused.words());
    place.ichor(["configure", "--gateway-api"]).args([mirror(one_file(), "200 OK")]).succeed();
    offline(place.ichor(["configure", "--check"])).succeed();
    for (given, part) in [("nowhere.yaml", "`nowhere.yaml`"), ("cluster.yaml", "does not belong")] {
        let refused = place.ichor(["configure", "--gateway-api", given]).fail();
        assert!(refused.words().contains(part), "{}", refused.words());
    }
}

/// `openssl s_server`, which goes with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn over_tls_the_mirror_must_be_trusted() {
    let place = place();
    place.scratch.write("served/standard-install.yaml", one_file());
    let folder = place.scratch.path().join("served");
    let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost -keyout key.pem -out cert.pem \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
    Run::tool("openssl").args(make.split_whitespace()).folder(&folder).succeed();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Command::new(ichor_tests::tool("openssl"))
        .args(["s_server", "-quiet", "-WWW", "-key", "key.pem", "-cert", "cert.pem", "-accept"])
        .arg(format!("127.0.0.1:{port}"))
        .current_dir(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Server(server.unwrap());
    until("the mirror listens", std::time::Duration::from_secs(10), || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let url = format!("https://localhost:{port}/standard-install.yaml");
    let fetch = |trusted: &str| place.ichor(["configure", "--gateway-api"]).args([&url]).env("SSL_CERT_FILE", folder.join(trusted));
    let empty = place.scratch.write("served/none.pem", "");
    let refused = fetch(&empty.display().to_string()).fail();
    assert!(refused.words().contains("cannot fetch") && !place.path("talos").exists(), "{}", refused.words());
    fetch("cert.pem").succeed();
    assert!(place.path(CRD).exists());
}
