//! Runs that start from weights of the hub, for which a server on this machine stands in.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use crate::{
    sandbox::{Outcome, Sandbox, finish, json},
    weights::{CONFIG, safetensors, started, starting, tensors, weights},
};

/// An HTTP server on this machine: what it answers by path, and what it was asked.
struct Server {
    url: String,
    answers: Arc<Mutex<BTreeMap<String, String>>>,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            answers: Arc::default(),
            files: Arc::default(),
            asked: Arc::default(),
        };
        let (answers, files) = (Arc::clone(&server.answers), Arc::clone(&server.files));
        let asked = Arc::clone(&server.asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (method, path, token) = request(&stream);
                asked
                    .lock()
                    .unwrap()
                    .push(format!("{method} {path}{token}"));
                let not_found = "404 Not Found\r\nX-Error-Code: EntryNotFound".to_string();
                let head = answers.lock().unwrap().get(&path).cloned();
                let body = files.lock().unwrap().get(&path).cloned();
                let head = head.unwrap_or(not_found);
                let mut body = body.unwrap_or_default();
                if !head.contains("Content-Length") {
                    let length = body.len();
                    write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\n").unwrap();
                } else {
                    write!(stream, "HTTP/1.1 {head}\r\n").unwrap();
                }
                if method == "HEAD" {
                    body.clear();
                }
                // The other side may have gone away already.
                let _ = write!(stream, "Connection: close\r\n\r\n");
                let _ = stream.write_all(&body);
            }
        });
        server
    }

    fn answer(&self, path: &str, head: String) {
        self.answers.lock().unwrap().insert(path.into(), head);
    }

    fn file(&self, path: &str, bytes: &[u8]) {
        self.files.lock().unwrap().insert(path.into(), bytes.into());
        self.answer(path, "200 OK".into());
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// Method, path and ` token` of a request.
fn request(stream: &TcpStream) -> (String, String, String) {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ').map(String::from);
    let (method, path) = (words.next(), words.next());
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let token = headers.iter().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("authorization: bearer")
            .map(String::from)
    });
    (
        method.unwrap_or_default(),
        path.unwrap_or_default(),
        token.unwrap_or_default(),
    )
}

/// A hub with one repository, whose large files lie on another host.
struct Hub {
    hub: Server,
    store: Server,
}

const NET: &str = "hf://me/net/model.safetensors";

impl Hub {
    fn new() -> Self {
        Self {
            hub: Server::new(),
            store: Server::new(),
        }
    }

    /// Puts the repository's main branch at a new commit with these weights.
    fn publish(&self, commit: &str, bytes: &[u8]) {
        self.store.file(&format!("/store/{commit}"), bytes);
        for revision in ["main", commit] {
            let head = format!(
                "302 Found\r\nX-Repo-Commit: {commit}\r\nX-Linked-Size: {}\r\nX-Linked-ETag: \"{commit}\"\r\nLocation: {}/store/{commit}",
                bytes.len(),
                self.store.url
            );
            let path = format!("/me/net/resolve/{revision}/model.safetensors");
            self.hub.answer(&path, head);
        }
    }

    fn command(&self, sandbox: &Sandbox, args: &[&str]) -> Command {
        let mut command = sandbox.command(args);
        for name in [
            "HF_HUB_CACHE",
            "HF_TOKEN",
            "HF_TOKEN_PATH",
            "HF_HUB_OFFLINE",
            "ALL_PROXY",
            "all_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
        ] {
            command.env_remove(name);
        }
        command
            .env("HF_ENDPOINT", &self.hub.url)
            .env("HF_HOME", sandbox.path("hf"));
        command
    }

    fn trainer(&self, sandbox: &Sandbox, args: &[&str]) -> Outcome {
        finish(&mut self.command(sandbox, args))
    }
}

fn commit(digit: &str) -> String {
    digit.repeat(40)
}

fn snapshot(sandbox: &Sandbox, commit: &str) -> PathBuf {
    let folder = sandbox.path("hf/hub/models--me--net/snapshots");
    folder.join(commit).join("model.safetensors")
}

#[test]
fn weights_of_the_hub_are_downloaded_once() {
    let (hub, sandbox, bytes) = (Hub::new(), Sandbox::new(), weights(1));
    let first = commit("1");
    hub.publish(&first, &bytes);
    sandbox.write("c.toml", starting(NET));
    let mut command = hub.command(&sandbox, &["run", "c.toml", "-q"]);
    finish(command.env("HF_TOKEN", "hush")).exits(0);
    let asked = "/me/net/resolve/main/model.safetensors hush";
    let both = [format!("HEAD {asked}"), format!("GET {asked}")];
    assert_eq!(hub.hub.asked(), both);
    // The token is for the hub alone.
    assert_eq!(hub.store.asked(), [format!("GET /store/{first}")]);
    assert_eq!(fs::read(snapshot(&sandbox, &first)).unwrap(), bytes);
    let run = sandbox.run_dir();
    let init = json(run.join("run.json"))["init"].clone();
    assert_eq!(init["from"], NET);
    assert_eq!(init["revision"], first);
    assert_eq!(init["blake3"], blake3::hash(&bytes).to_hex().as_str());
    // The same bits as from a file of this disk.
    let state = json(run.join("summary.json"))["state_hash"].clone();
    let local = json(started(&bytes).run_dir().join("summary.json"));
    assert_eq!(state, local["state_hash"]);

    hub.trainer(&sandbox, &["run", "c.toml", "-q"]).exits(0);
    assert_eq!(
        hub.hub.asked(),
        ["HEAD /me/net/resolve/main/model.safetensors"]
    );
    assert_eq!(hub.store.asked(), Vec::<String>::new());
}

#[test]
fn a_reproduction_takes_the_commit_of_the_run() {
    let (hub, sandbox, bytes) = (Hub::new(), Sandbox::new(), weights(1));
    let (first, second) = (commit("1"), commit("2"));
    hub.publish(&first, &bytes);
    sandbox.write("c.toml", starting(NET));
    hub.trainer(&sandbox, &["run", "c.toml", "-q"]).exits(0);
    hub.publish(&second, &weights(2));
    hub.hub.asked();
    hub.trainer(&sandbox, &["reproduce", "last", "-q"]).exits(0);
    assert_eq!(hub.hub.asked(), Vec::<String>::new(), "the cache has it");
    fs::remove_dir_all(sandbox.path("hf")).unwrap();
    hub.trainer(&sandbox, &["reproduce", "last", "-q"]).exits(0);
    let path = format!("/me/net/resolve/{first}/model.safetensors");
    assert_eq!(
        hub.hub.asked(),
        [format!("HEAD {path}"), format!("GET {path}")]
    );
    // A new run takes what the branch is now, unless its config names the commit.
    hub.trainer(&sandbox, &["run", "c.toml", "-q"]).exits(0);
    let revision = || {
        let runs = sandbox.run_dirs();
        let newest = runs.iter().max_by_key(|run| {
            json(run.join("run.json"))["created"]
                .as_str()
                .unwrap()
                .to_string()
        });
        json(newest.unwrap().join("run.json"))["init"]["revision"].clone()
    };
    assert_eq!(revision(), second);
    let pinned = NET.replace("net/", &format!("net@{first}/"));
    sandbox.write("c.toml", starting(&pinned));
    hub.trainer(&sandbox, &["run", "c.toml", "-q"]).exits(0);
    assert_eq!(revision(), first);
}

#[test]
fn a_check_downloads_nothing_and_says_so() {
    let (hub, sandbox) = (Hub::new(), Sandbox::new());
    sandbox.write("c.toml", starting(NET));
    let shown = hub.trainer(&sandbox, &["check", "c.toml"]).exits(0).stdout;
    let line = format!(
        "init       {NET}; not looked at: a run downloads it and compares names and shapes\n"
    );
    assert!(shown.contains(&line), "{shown}");
    let json = hub.trainer(&sandbox, &["check", "c.toml", "--format", "json"]);
    assert_eq!(json.json()["init"]["checked"], false);
    assert_eq!(hub.hub.asked(), Vec::<String>::new());
}

#[test]
fn what_the_hub_does_not_have_is_told_with_its_name() {
    let (hub, sandbox) = (Hub::new(), Sandbox::new());
    hub.publish(&commit("1"), b"no weights");
    sandbox.write("c.toml", starting("hf://me/net@v2/deep/other.safetensors"));
    hub.trainer(&sandbox, &["run", "c.toml"])
        .exits(4)
        .says("`me/net` has no file `deep/other.safetensors` at revision `v2`")
        .says("/me/net/resolve/v2/deep/other.safetensors answers 404")
        .says("hint: check owner");
    let denied = "401 Unauthorized\r\nX-Error-Code: RepoNotFound";
    hub.hub
        .answer("/me/secret/resolve/main/m.safetensors", denied.into());
    sandbox.write("c.toml", starting("hf://me/secret/m.safetensors"));
    hub.trainer(&sandbox, &["run", "c.toml"])
        .exits(4)
        .says("`me/secret`")
        .says("set HF_TOKEN");
    sandbox.write("c.toml", starting(NET));
    hub.trainer(&sandbox, &["run", "c.toml"])
        .exits(4)
        .says("cannot start from `hf://me/net/model.safetensors`");
    assert!(sandbox.run_dirs().is_empty());
}

#[test]
fn a_download_that_breaks_off_is_not_kept() {
    let (hub, sandbox, bytes) = (Hub::new(), Sandbox::new(), weights(1));
    let first = commit("1");
    hub.publish(&first, &bytes);
    hub.store.file(&format!("/store/{first}"), &bytes[..100]);
    sandbox.write("c.toml", starting(NET));
    let wanted = bytes.len();
    hub.trainer(&sandbox, &["run", "c.toml"])
        .exits(4)
        .says(&format!("the file ends after 100 of {wanted} bytes"));
    assert!(!snapshot(&sandbox, &first).exists());
    let left = fs::read_dir(sandbox.path("hf/hub/models--me--net")).unwrap();
    assert_eq!(left.count(), 0);
    hub.publish(&first, &bytes);
    hub.trainer(&sandbox, &["run", "c.toml", "-q"]).exits(0);
}

#[test]
fn without_a_network_the_cache_serves_or_the_error_is_clear() {
    let (hub, sandbox, bytes) = (Hub::new(), Sandbox::new(), weights(1));
    hub.publish(&commit("1"), &bytes);
    sandbox.write("c.toml", starting(NET));
    // A port that nobody listens to.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let closed = format!("http://{}", closed.unwrap());
    let alone = |variable: &str, value: &str| {
        let mut command = hub.command(&sandbox, &["run", "c.toml", "-q"]);
        finish(command.env(variable, value))
    };
    alone("HF_ENDPOINT", &closed)
        .exits(4)
        .says(&format!(
            "cannot reach {closed}/me/net/resolve/main/model.safetensors"
        ))
        .says("check the network");
    alone("HF_HUB_OFFLINE", "1")
        .exits(4)
        .says("HF_HUB_OFFLINE is set, and `hf://me/net/model.safetensors` is not in");
    hub.trainer(&sandbox, &["run", "c.toml", "-q"]).exits(0);
    hub.hub.asked();
    alone("HF_HUB_OFFLINE", "1").exits(0);
    alone("HF_ENDPOINT", &closed).exits(0);
    assert_eq!(hub.hub.asked(), Vec::<String>::new());
}

#[test]
fn weights_of_the_hub_take_the_keys_too() {
    let (hub, sandbox) = (Hub::new(), Sandbox::new());
    let named = tensors(&weights(1)).into_iter();
    let named =
        named.map(|(name, dtype, shape, bytes)| (format!("net.{name}"), dtype, shape, bytes));
    hub.publish(&commit("1"), &safetensors(&named.collect::<Vec<_>>()));
    sandbox.write("c.toml", starting(NET));
    hub.trainer(&sandbox, &["run", "c.toml"])
        .exits(4)
        .says("rename = { \"net.*\" = \"*\" }");
    let init = format!("init = {{ path = {NET:?}, rename = {{ \"net.*\" = \"*\" }} }}");
    sandbox.write("c.toml", CONFIG.replace("# init", &init));
    hub.trainer(&sandbox, &["run", "c.toml", "-q"]).exits(0);
    assert_eq!(
        json(sandbox.run_dir().join("run.json"))["init"]["from"],
        NET
    );
}
