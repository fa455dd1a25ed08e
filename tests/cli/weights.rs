//! Runs that start from weights: from a file of this disk, and from a stand-in for the hub.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use crate::sandbox::{Outcome, Sandbox, finish, json};

const CONFIG: &str = r#"
    name = "started"
    seed = 5

    [model]
    type = "mlp"
    hidden = [4]
    # init

    [dataset]
    type = "digits"
    limit = 128

    [optimizer]
    type = "sgd"
    lr = 0.05

    [train]
    epochs = 2
"#;

/// The config, starting from there.
fn starting(from: &str) -> String {
    CONFIG.replace("# init", &format!("init = {from:?}"))
}

/// Weights that a run with this seed ends with.
fn weights(seed: u64) -> Vec<u8> {
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", CONFIG);
    sandbox.ok(&["run", "c.toml", "-q", "--seed", &seed.to_string()]);
    let last = sandbox.run_dir().join("checkpoints/step-0000000004");
    fs::read(last.join("model.safetensors")).unwrap()
}

/// A finished run that started from `weights.safetensors`.
fn started(bytes: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("weights.safetensors", bytes);
    sandbox.write("c.toml", starting("weights.safetensors"));
    sandbox.ok(&["run", "c.toml", "-q"]);
    sandbox
}

#[test]
fn what_a_run_started_from_is_recorded_and_noticed_when_it_changes() {
    let (first, second) = (weights(1), weights(2));
    let sandbox = started(&first);
    let init = json(sandbox.run_dir().join("run.json"))["init"].clone();
    let path = fs::canonicalize(sandbox.path("weights.safetensors")).unwrap();
    assert_eq!(init["from"], path.to_str().unwrap());
    assert_eq!(init["blake3"], blake3::hash(&first).to_hex().as_str());
    sandbox.ok(&["show", "last"]);
    sandbox.ok(&["reproduce", "last", "-q"]);
    sandbox.write("weights.safetensors", second);
    let original = sandbox.run_dirs()[0].clone();
    sandbox
        .trainer(&["reproduce", original.to_str().unwrap(), "-q"])
        .exits(6)
        .says("init: the content of")
        .says("has changed");
}

#[test]
fn a_checkpoint_stands_for_weights_that_are_gone() {
    let sandbox = started(&weights(1));
    fs::remove_file(sandbox.path("weights.safetensors")).unwrap();
    sandbox
        .trainer(&["check", "c.toml"])
        .exits(2)
        .says("--> c.toml:8:12")
        .says("cannot start from `weights.safetensors`");
    let more = ["--epochs", "3", "--schedule", "config"];
    sandbox.ok(&[&["resume", "last", "-q"], &more[..]].concat());
    sandbox.ok(&["eval", "last"]);
    // The resumed run has changed on its way; one that has not needs the weights.
    let sandbox = started(&weights(1));
    fs::remove_file(sandbox.path("weights.safetensors")).unwrap();
    sandbox
        .trainer(&["reproduce", "last"])
        .exits(4)
        .says("cannot start from")
        .says("put the file back");
}

#[test]
fn a_run_without_a_checkpoint_needs_its_weights_again() {
    let first = weights(1);
    let sandbox = started(&first);
    let run = sandbox.run_dir();
    let summary = || json(run.join("summary.json"))["state_hash"].clone();
    let state = summary();
    let forget = || fs::remove_dir_all(run.join("checkpoints")).unwrap();
    forget();
    sandbox.ok(&["resume", "last", "-q"]);
    assert_eq!(summary(), state);
    forget();
    fs::remove_file(sandbox.path("weights.safetensors")).unwrap();
    sandbox
        .trainer(&["resume", "last"])
        .exits(4)
        .says("cannot start from");
    let second = weights(2);
    sandbox.write("weights.safetensors", &second);
    sandbox
        .trainer(&["resume", "last"])
        .exits(2)
        .says("init: content")
        .says("--allow data\n");
    sandbox.ok(&["resume", "last", "-q", "--allow", "data"]);
    assert_ne!(summary(), state);
    let info = json(run.join("run.json"));
    assert_eq!(
        info["init"]["blake3"],
        blake3::hash(&second).to_hex().as_str()
    );
    let changes = info["attempts"][2]["changes"].to_string();
    assert!(changes.contains("init: content"), "{changes}");
}

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

/// A safetensors file of these tensors: name, element type, shape, bytes.
fn safetensors(tensors: &[(String, &str, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let from = data.len();
        data.extend(bytes);
        let entry =
            serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [from, data.len()]});
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// A tensor of a file: its name, dtype, shape and bytes.
type Stored = (String, &'static str, Vec<usize>, Vec<u8>);

/// The tensors of a file that the tool wrote, all of F32.
fn tensors(bytes: &[u8]) -> Vec<Stored> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let entries = header.as_object().unwrap().iter();
    let entries = entries.filter(|(name, _)| *name != "__metadata__");
    entries
        .map(|(name, entry)| {
            let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
            let place = entry["data_offsets"].as_array().unwrap();
            let shape = entry["shape"]
                .as_array()
                .unwrap()
                .iter()
                .map(number)
                .collect();
            let place = 8 + length + number(&place[0])..8 + length + number(&place[1]);
            (name.clone(), "F32", shape, bytes[place].to_vec())
        })
        .collect()
}

/// The state that a run of one step of nothing leaves: learning rate 0, so that the weights stay.
fn laid_over(sandbox: &Sandbox, init: &str) -> (Outcome, Vec<Stored>) {
    let config = CONFIG
        .replace("# init", &format!("init = {init}"))
        .replace("lr = 0.05", "lr = 0.0")
        .replace("name = \"started\"", "name = \"still\"");
    sandbox.write("still.toml", config);
    let before = sandbox.run_dirs();
    let ran = sandbox.ok(&["run", "still.toml", "--steps", "1"]);
    let all = sandbox.run_dirs();
    let new = all.iter().find(|run| !before.contains(run)).unwrap();
    let file = new.join("checkpoints/step-0000000001/model.safetensors");
    (ran, tensors(&fs::read(file).unwrap()))
}

/// A run with averages, and the tensors of its last checkpoint.
fn averaged() -> (Sandbox, PathBuf, Vec<Stored>) {
    let sandbox = Sandbox::new();
    sandbox.write(
        "c.toml",
        CONFIG.replace("epochs = 2", "epochs = 2\nema = { decay = 0.5 }"),
    );
    sandbox.ok(&["run", "c.toml", "-q"]);
    let last = sandbox.run_dir().join("checkpoints/step-0000000004");
    let all = tensors(&fs::read(last.join("model.safetensors")).unwrap());
    (sandbox, last, all)
}

#[test]
fn averages_of_a_run_are_where_another_begins() {
    let (sandbox, last, all) = averaged();
    let of = |name: &str| {
        all.iter()
            .find(|tensor| tensor.0 == name)
            .unwrap()
            .3
            .clone()
    };
    let path = last.join("model.safetensors").display().to_string();
    let run = sandbox.run_dir().display().to_string();
    let folder = last.display().to_string();
    // The file, its folder, its run by path, by name, as the newest, with a step.
    for from in [&path, &folder, &run, "started", "started@4", "started@last"] {
        let (ran, found) = laid_over(&sandbox, &format!("{from:?}"));
        assert!(
            ran.stderr.contains("init: all 4 averages from "),
            "{from}: {}",
            ran.stderr
        );
        for (name, _, _, bytes) in found {
            assert_eq!(bytes, of(&format!("ema/{name}")), "{from}: {name}");
        }
    }
    let init = format!("{{ path = {path:?}, weights = \"parameters\" }}");
    let (ran, found) = laid_over(&sandbox, &init);
    assert!(
        ran.stderr.contains("init: all 4 tensors from "),
        "{}",
        ran.stderr
    );
    for (name, _, _, bytes) in found {
        assert_ne!(bytes, of(&format!("ema/{name}")));
        assert_eq!(bytes, of(&name));
    }
}

#[test]
fn a_run_that_is_named_is_recorded_as_a_file_with_step_and_digest() {
    let (sandbox, last, _) = averaged();
    sandbox.write("b.toml", starting("last@best").replace("started", "second"));
    sandbox.ok(&["run", "b.toml", "-q"]);
    let run = sandbox
        .run_dirs()
        .into_iter()
        .find(|run| run.to_str().unwrap().contains("second"))
        .unwrap();
    let init = json(run.join("run.json"))["init"].clone();
    let from = init["from"].as_str().unwrap();
    assert!(
        from.ends_with("/model.safetensors") && from.starts_with(sandbox.runs().to_str().unwrap()),
        "{from}"
    );
    assert_eq!(
        init["run"],
        sandbox
            .run_dirs()
            .iter()
            .find(|r| **r != run)
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
    );
    assert!(init["step"].as_u64().unwrap() > 0);
    let bytes = fs::read(from).unwrap();
    assert_eq!(init["blake3"], blake3::hash(&bytes).to_hex().as_str());
    // `last` is another run by now, and the plan means the same as before.
    sandbox.ok(&["reproduce", run.to_str().unwrap(), "-q"]);
    assert!(last.exists());
    for (text, words) in [
        (
            "nobody",
            "cannot start from `nobody`: it is no file here, and there is no run `nobody` in",
        ),
        ("started@7", "cannot start from `started@7`: "),
        ("started@bset", "`bset` names no checkpoint"),
        ("weights/none.safetensors", "no such file or folder"),
    ] {
        sandbox.write("wrong.toml", starting(text));
        sandbox
            .trainer(&["check", "wrong.toml"])
            .exits(2)
            .says("--> wrong.toml:8:12")
            .says(words);
    }
}

#[test]
fn weights_of_other_programs_are_converted_or_told_what_is_wrong() {
    let sandbox = Sandbox::new();
    let plain = tensors(&weights(1));
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        bytes
            .chunks(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    };
    // F64 holds the same numbers.
    let wide = plain.iter().map(|(name, _, shape, bytes)| {
        let values = numbers(bytes)
            .into_iter()
            .flat_map(|x| f64::from(x).to_le_bytes());
        (
            format!("module.{name}"),
            "F64",
            shape.clone(),
            values.collect(),
        )
    });
    sandbox.write("w.safetensors", safetensors(&wide.collect::<Vec<_>>()));
    let config = starting("w.safetensors");
    sandbox.write("c.toml", &config);
    let key = "init = { path = \"w.safetensors\", rename = { \"module.*\" = \"*\" } }";
    let refused = sandbox.trainer(&["check", "c.toml"]).exits(2);
    assert!(
        refused.stderr.contains(&format!("= hint: write `{key}`")),
        "{}",
        refused.stderr
    );
    let (ran, found) = laid_over(&sandbox, key.strip_prefix("init = ").unwrap());
    assert!(
        ran.stderr
            .contains("init: all 4 tensors from w.safetensors, converted from F64"),
        "{}",
        ran.stderr
    );
    assert_eq!(found, plain);
    let check = sandbox.ok(&["check", "still.toml"]).stdout;
    assert!(check.contains("all 4 tensors from"), "{check}");
    // A number that is none is told by the tensor's name, before a run directory exists.
    let before = sandbox.run_dirs();
    for (value, words) in [
        (f32::NAN, "number 3 of 10 is NaN"),
        (f32::INFINITY, "number 3 of 10 is inf"),
    ] {
        let mut lost = plain.clone();
        let bias = lost
            .iter_mut()
            .find(|tensor| tensor.0 == "out.bias")
            .unwrap();
        bias.3[8..12].copy_from_slice(&value.to_le_bytes());
        sandbox.write("w.safetensors", safetensors(&lost));
        sandbox
            .trainer(&["run", "c.toml", "-q"])
            .exits(4)
            .says("`out.bias` is not finite")
            .says(words);
    }
    assert_eq!(sandbox.run_dirs(), before);
    // What is skipped is not looked at.
    let (ran, _) = laid_over(&sandbox, "{ path = \"w.safetensors\", skip = [\"out.*\"] }");
    assert!(
        ran.stderr.contains(
            "init: 2 of 4 tensors from w.safetensors; new: out.bias, out.weight (skipped)"
        ),
        "{}",
        ran.stderr
    );
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

#[test]
fn the_files_of_a_run_are_configs_or_say_which_is() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "data/t.csv",
        "a,b,y\n".to_string() + &"1,2,0\n3,1,1\n2,2,0\n4,1,1\n".repeat(20),
    );
    let config = CONFIG
        .replace(
            "type = \"digits\"\n    limit = 128",
            "type = \"csv\"\n    path = \"data/t.csv\"\n    target = \"y\"",
        )
        .replace("# init", "");
    sandbox.write("c.toml", config);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let run = sandbox.run_dir();
    let plan = run.join("plan.toml").display().to_string();
    let hash = json(run.join("run.json"))["plan_hash"].clone();
    assert_eq!(
        sandbox.ok(&["check", &plan, "--format", "json"]).json()["plan_hash"],
        hash
    );
    let copy = run.join("config.toml").display().to_string();
    let refused = sandbox.trainer(&["check", &copy]).exits(2);
    assert!(
        refused.stderr.contains("is the copy that a run keeps"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains(&plan), "{}", refused.stderr);
    // Neither is a file of weights.
    sandbox.write("w.toml", starting(&plan));
    sandbox
        .trainer(&["check", "w.toml"])
        .exits(2)
        .says("it is a .toml file, no safetensors file");
}
