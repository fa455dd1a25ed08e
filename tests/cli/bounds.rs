//! Files and configs that try to block, or to use up time and memory.

use std::{
    io::Write as _,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::sandbox::{Outcome, Process, Sandbox, TRAINER};

const BASE: &str = "[model]\ntype = \"mlp\"\nhidden = [8]\n[dataset]\ntype = \"digits\"\n\
    [optimizer]\ntype = \"sgd\"\nlr = 0.1\n[train]\nepochs = 2\n";

/// Longest that a command may take, many times what it does take, and what it may say and hold.
const PATIENCE: Duration = Duration::from_secs(120);
const MOST_SAID: usize = 1 << 20;
const MOST_KILOBYTES: u64 = 3 << 20;

/// Checks a config within a limit on its memory; it must end in time and not say too much.
#[track_caller]
fn bounded(sandbox: &Sandbox, config: &str) -> Outcome {
    let script = format!("ulimit -v {MOST_KILOBYTES}; exec '{TRAINER}' check \"$0\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script, config])
        .current_dir(sandbox.path(""))
        .env("NO_COLOR", "1");
    command.stdin(std::process::Stdio::null());
    let process = Process::start(&mut command);
    let child = process.child.id();
    let watch = thread::spawn(move || {
        // The pipes are drained meanwhile; a command that goes on is killed, and its code tells.
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            thread::sleep(Duration::from_millis(50));
            if !Path::new(&format!("/proc/{child}")).exists() {
                return;
            }
        }
        let id = child.to_string();
        let _ = Command::new("kill").args(["-s", "KILL", &id]).status();
    });
    let outcome = process.finish();
    drop(watch);
    assert!(
        [0, 2].contains(&outcome.code),
        "{config} ended with {}: {}",
        outcome.code,
        outcome.stderr
    );
    assert!(
        outcome.stderr.len() < MOST_SAID,
        "{config} says {} bytes",
        outcome.stderr.len()
    );
    outcome
}

/// Texts of `count` pieces.
fn many(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

#[test]
fn thousands_of_faults_are_counted_and_the_first_are_shown() {
    let sandbox = Sandbox::new();
    let keys = many(30_000, |i| format!("k{i} = 1\n"));
    let unset = many(20_000, |i| format!("\"${{env:NO_{i}}}\", "));
    let globs = many(20_000, |i| format!("\"a{i}*\", "));
    let metrics = many(20_000, |i| format!("\"nothing_{i}\", "));
    let configs = [
        ("keys", format!("{keys}{BASE}")),
        ("train-keys", format!("{BASE}{keys}")),
        (
            "tables",
            format!("{BASE}{}", many(30_000, |i| format!("[t{i}]\n"))),
        ),
        (
            "no-values",
            format!("{BASE}{}", many(30_000, |i| format!("k{i} =\n"))),
        ),
        ("environment", format!("tags = [{unset}]\n{BASE}")),
        (
            "globs",
            BASE.replace("hidden", &format!("freeze = [{globs}]\nhidden")),
        ),
        ("metrics", format!("metrics = [{metrics}]\n{BASE}")),
        (
            "groups",
            format!(
                "{BASE}{}",
                many(5000, |i| {
                    format!("[[optimizer.group]]\nname = \"g{i}\"\nmatch = [\"x{i}*\"]\n")
                })
            ),
        ),
        (
            "chains",
            format!(
                "{BASE}{}",
                many(3000, |i| {
                    format!("[[schedule]]\ntype = \"constant\"\ngroups = [\"g{i}\"]\n")
                })
            ),
        ),
    ];
    for (name, text) in configs {
        let name = format!("{name}.toml");
        sandbox.write(&name, text);
        let outcome = bounded(&sandbox, &name);
        let starts = ["error: ", "warning: "];
        let shown = outcome
            .stderr
            .lines()
            .filter(|line| starts.iter().any(|s| line.starts_with(s)));
        assert_eq!(shown.count(), 50, "{name}");
        let more = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("and "));
        assert_eq!(more.count(), 1, "{name}");
    }
}

#[test]
fn deep_and_long_texts_are_refused_or_read_in_time() {
    let sandbox = Sandbox::new();
    let deep = |open: &str, close: &str, count: usize| open.repeat(count) + &close.repeat(count);
    let configs = [
        ("arrays", format!("a = {}\n{BASE}", deep("[", "]", 100_000))),
        (
            "tables",
            format!("a = {}\n{BASE}", deep("{a=", "}", 100_000)),
        ),
        ("keys", format!("{}b = 1\n{BASE}", "a.".repeat(100_000))),
        ("header", format!("{BASE}[{}b]\n", "a.".repeat(100_000))),
        (
            "expression",
            format!(
                "{BASE}[[schedule]]\ntype = \"expr\"\nvalue = \"{}\"\n",
                deep("(", ")", 100_000)
            ),
        ),
        (
            "layers",
            BASE.replace("[8]", &format!("[{}]", "8, ".repeat(3000))),
        ),
        ("long", format!("# {}\n{BASE}", "x".repeat(2 << 20))),
    ];
    for (name, text) in configs {
        let name = format!("{name}.toml");
        sandbox.write(&name, text);
        bounded(&sandbox, &name);
    }
    bounded(&sandbox, "long.toml").says("it is longer than 1 MB");
}

#[test]
fn schedules_of_very_many_pieces_are_bounded() {
    let sandbox = Sandbox::new();
    let long = BASE.replace("epochs = 2", "steps = 1_000_000_000");
    let body = "[[schedule.phase]]\ntype = \"cosine\"\n";
    let every = |keys: &str| format!("{long}[[schedule]]\n{keys}\n");
    let refused = [
        (
            "restarts",
            every("type = \"cosine_restarts\"\ncycle = \"1 step\"\nstretch = 1.0000001"),
        ),
        (
            "shrinking",
            every("type = \"cosine_restarts\"\ncycle = \"900 steps\"\nstretch = 0.9999999"),
        ),
        (
            "repeat",
            every(&format!(
                "type = \"repeat\"\ncycle = \"1 step\"\nstretch = 1.0000001\n{body}"
            )),
        ),
        (
            "equal",
            every(&format!("type = \"repeat\"\ncycle = \"1 step\"\n{body}")),
        ),
    ];
    for (name, text) in refused {
        sandbox.write(&format!("{name}.toml"), text);
        let outcome = bounded(&sandbox, &format!("{name}.toml")).says("more than 10000 cycles");
        assert!(
            outcome.stderr.contains("hint: give it a longer `cycle`"),
            "{name}"
        );
    }
    let nested = "[[schedule]]\ntype = \"repeat\"\ncycle = \"200000 steps\"\n[[schedule.phase]]\n\
        type = \"repeat\"\ncycle = \"100 steps\"\n[[schedule.phase.phase]]\ntype = \"cosine\"\n";
    sandbox.write("nested.toml", format!("{long}{nested}"));
    bounded(&sandbox, "nested.toml")
        .exits(2)
        .says("more than 50000 phases in all");
    let tracks = many(5000, |i| {
        format!("[[schedule]]\ntype = \"constant\"\ntrack = \"t{i}\"\n")
    });
    sandbox.write("tracks.toml", format!("{long}{tracks}"));
    bounded(&sandbox, "tracks.toml")
        .exits(2)
        .says("`lr` has more than 100 tracks");
    let at = many(50_000, |i| format!("\"{} steps\", ", i + 1));
    let others = [
        (
            "milestones",
            every(&format!("type = \"multistep\"\nat = [{at}]")),
        ),
        (
            "steps",
            every("type = \"step\"\nsize = \"1 step\"\ngamma = 0.999999"),
        ),
        (
            "chain",
            format!(
                "{long}{}",
                many(2000, |_| {
                    "[[schedule]]\ntype = \"constant\"\nfor = \"10 steps\"\n".into()
                })
            ),
        ),
    ];
    for (name, text) in others {
        sandbox.write(&format!("{name}.toml"), text);
        bounded(&sandbox, &format!("{name}.toml"));
    }
}

#[test]
fn files_that_extend_one_another_have_limits() {
    let sandbox = Sandbox::new();
    for i in 0..3000 {
        sandbox.write(
            &format!("chain/{i}.toml"),
            format!("extends = \"{}.toml\"\n", i + 1),
        );
    }
    bounded(&sandbox, "chain/0.toml")
        .exits(2)
        .says("`extends` leads through more than 32 files");
    for i in 0..24 {
        let next = i + 1;
        let text = format!("extends = [\"{next}.toml\", \"{next}.toml\"]\n");
        sandbox.write(&format!("fan/{i}.toml"), text);
    }
    sandbox.write("fan/24.toml", BASE);
    bounded(&sandbox, "fan/0.toml")
        .exits(2)
        .says("the config extends more than 256 files");
    for i in 0..20 {
        sandbox.write(
            &format!("deep/{i}.toml"),
            format!("extends = \"{}.toml\"\n", i + 1),
        );
    }
    sandbox.write("deep/20.toml", BASE);
    bounded(&sandbox, "deep/0.toml").exits(0);
}

#[test]
fn what_is_no_file_neither_blocks_nor_fills_the_memory() {
    let sandbox = Sandbox::new();
    let made = Command::new("mkfifo").arg(sandbox.path("pipe")).status();
    assert!(made.unwrap().success());
    bounded(&sandbox, "pipe")
        .exits(2)
        .says("it is a named pipe, not a file");
    bounded(&sandbox, "/dev/zero")
        .exits(2)
        .says("it is a device, not a file");
    for special in ["pipe", "/dev/zero", "/dev/stdin", "."] {
        let csv = format!("[dataset]\ntype = \"csv\"\ntarget = \"a\"\npath = \"{special}\"\n");
        let configs = [
            ("base", format!("extends = \"{special}\"\n{BASE}")),
            ("data", BASE.replace("[dataset]\ntype = \"digits\"\n", &csv)),
            (
                "weights",
                BASE.replace("hidden", &format!("init = \"{special}\"\nhidden")),
            ),
        ];
        for (name, text) in configs {
            sandbox.write(&format!("{name}.toml"), text);
            bounded(&sandbox, &format!("{name}.toml")).exits(2);
        }
    }
}

#[test]
fn a_config_may_come_through_a_pipe_of_the_shell() {
    let sandbox = Sandbox::new();
    sandbox.write("base.toml", BASE);
    let script = format!("cat base.toml | '{TRAINER}' check /dev/stdin -q");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(sandbox.path(""));
    assert!(command.status().unwrap().success());
}

#[test]
fn what_does_not_fit_in_memory_is_refused_before_a_run_is_made() {
    let sandbox = Sandbox::new();
    let wide = BASE.replace("[8]", "[200000]").replace(
        "type = \"digits\"\n",
        "type = \"digits\"\nbatch_size = 1400\n",
    );
    sandbox.write("wide.toml", wide);
    let limited = |words: &str| {
        let script = format!("ulimit -v {MOST_KILOBYTES}; exec '{TRAINER}' {words}");
        let mut command = Command::new("sh");
        command
            .args(["-c", &script])
            .current_dir(sandbox.path(""))
            .env("NO_COLOR", "1");
        Process::start(command.env("TRAINER_RUNS", sandbox.runs())).finish()
    };
    for verb in ["run", "bench"] {
        let outcome = limited(&format!("{verb} wide.toml"))
            .exits(2)
            .says("the run needs about ");
        assert!(
            outcome.stderr.contains("hint: lower `batch_size` (1400)"),
            "{}",
            outcome.stderr
        );
    }
    assert_eq!(sandbox.run_dirs().len(), 0);
    limited("check wide.toml")
        .exits(0)
        .says("warning: the run needs about ");
    let told = limited("check wide.toml --format json").exits(0).json();
    let fault = told["memory_fault"].as_str().unwrap();
    assert!(fault.starts_with("the run needs about "), "{fault}");
    limited("run wide.toml --dry-run --ignore-memory").exits(0);
}

/// A gzip file of more than 3 GB in 3 MB: a beginning, then a piece of 64 MB again and again.
fn gzip_bomb(start: &[u8], piece: &[u8]) -> Vec<u8> {
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let long = piece.repeat((64 << 20) / piece.len());
    [packed(start), packed(&long).repeat(50)].concat()
}

#[test]
fn what_unpacks_to_more_than_memory_holds_is_refused() {
    let sandbox = Sandbox::new();
    let dataset = |keys: &str| BASE.replace("type = \"digits\"\n", keys);
    let table = dataset("type = \"csv\"\npath = \"t.csv.gz\"\ntarget = \"b\"\n");
    sandbox.write("table.toml", table);
    for (start, piece, told) in [
        ("a,b\n1,2\n", "x", "t.csv.gz:3` is longer than 64 MB"),
        ("a,b\n", "\0", "has a NUL byte"),
        ("a,b\n\"", "x\n", "t.csv.gz"),
        ("a,b\n", "1,2\n", "t.csv.gz"),
    ] {
        sandbox.write("t.csv.gz", gzip_bomb(start.as_bytes(), piece.as_bytes()));
        bounded(&sandbox, "table.toml").exits(2).says(told);
    }
    let text = "type = \"text\"\npath = \"t.csv.gz\"\ncontext = 8\n";
    sandbox.write("text.toml", dataset(text));
    bounded(&sandbox, "text.toml").exits(2).says("t.csv.gz");

    let images = [
        &[0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28][..],
        &[1; 9],
    ]
    .concat();
    for name in ["train-images-idx3", "t10k-images-idx3"] {
        sandbox.write(&format!("m/{name}-ubyte.gz"), gzip_bomb(&images, &[0]));
    }
    for name in ["train-labels-idx1", "t10k-labels-idx1"] {
        let labels = [0, 0, 8, 1, 0x7f, 0xff, 0xff, 0xff];
        sandbox.write(&format!("m/{name}-ubyte.gz"), gzip_bomb(&labels, &[0]));
    }
    sandbox.write("mnist.toml", dataset("type = \"mnist\"\npath = \"m\"\n"));
    bounded(&sandbox, "mnist.toml")
        .exits(2)
        .says("goes on after its 47040000 numbers");
}

#[test]
fn a_table_may_have_very_many_columns() {
    let sandbox = Sandbox::new();
    let columns = many(50_000, |i| format!("c{i},"));
    let row = many(50_000, |i| format!("{},", i % 7));
    let rows = many(10, |i| format!("{row}{i}\n"));
    sandbox.write("wide.csv", format!("{columns}y\n{rows}"));
    let keys = "type = \"csv\"\npath = \"wide.csv\"\ntarget = \"y\"\n";
    sandbox.write("wide.toml", BASE.replace("type = \"digits\"\n", keys));
    bounded(&sandbox, "wide.toml").says("more notes");
}
