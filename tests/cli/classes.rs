//! Messages about the classes of the data, from the check to the finished run.

use crate::sandbox::{Sandbox, json, json_lines};

/// A table of 40 rows of class `a`, and so many of class `b` and of class `rare`, in this order.
fn table(b: usize, rare: usize) -> String {
    let classes = [("a", 40), ("b", b), ("rare", rare)];
    let rows = classes
        .iter()
        .flat_map(|&(class, n)| (0..n).map(move |i| (class, i)));
    let lines = rows.map(|(class, i)| format!("{}.{i},{}.5,{class}\n", i % 7, i % 3));
    "x,z,y\n".to_string() + &lines.collect::<String>()
}

fn config(dataset: &str) -> String {
    format!(
        "[model]\ntype = \"mlp\"\nhidden = [4]\n[dataset]\ntype = \"csv\"\npath = \"d.csv\"\ntarget = \"y\"\n\
         {dataset}\n[optimizer]\ntype = \"sgd\"\nlr = 0.01\n[train]\nepochs = 2\n"
    )
}

/// A folder with the table and the config.
fn sandbox(table: &str, dataset: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("d.csv", table);
    sandbox.write("c.toml", config(dataset));
    sandbox
}

#[test]
fn a_stratified_split_has_each_class_in_each_part() {
    for seed in 0..4 {
        let dataset =
            format!("split = {{ val = \"10%\", test = \"0%\", stratify = true, seed = {seed} }}");
        let sandbox = sandbox(&table(20, 3), &dataset);
        let data = &sandbox.ok(&["check", "c.toml", "--format", "json"]).json()["data"];
        assert_eq!((&data["train"], &data["val"]), (&57.into(), &6.into()));
        for class in data["classes"].as_array().unwrap() {
            assert!(
                class["train"].as_u64() > Some(0) && class["val"].as_u64() > Some(0),
                "{class}"
            );
            assert_eq!(class["test"], 0);
        }
    }
}

#[test]
fn a_class_without_training_samples_is_told_by_check_run_log_and_show() {
    let dataset = "split = { val = \"5 samples\", test = \"0%\", order = \"file\" }";
    let sandbox = sandbox(&table(10, 5), dataset);
    let warning = "class `rare` has no training sample";
    let shown = "`a` 40/0, `b` 10/0, `rare` 0/5 (train/val)";
    let check = sandbox.ok(&["check", "c.toml"]);
    assert!(
        check.stdout.contains(&format!("classes    {shown}")),
        "{}",
        check.stdout
    );
    let check = check
        .says(&format!("warning: {warning}\n --> c.toml:8:1"))
        .says("warning: `2` of `3` classes have no validation sample: `a`, `b`");
    assert_eq!(
        check.stderr.matches("warning: ").count(),
        2,
        "{}",
        check.stderr
    );
    sandbox
        .ok(&["run", "c.toml"])
        .says(&format!("warning: {warning}"));
    let run = sandbox.run_dir();
    let rows = json_lines(run.join("metrics.jsonl"));
    assert_eq!(
        (&rows[0]["kind"], &rows[0]["step"]),
        (&"warning".into(), &0.into())
    );
    assert_eq!(rows[0]["message"], warning);
    assert_eq!(json(run.join("run.json"))["data"]["classes"][2]["train"], 0);
    let show = sandbox.ok(&["show", "last"]).stdout;
    assert!(show.contains(&format!("classes   {shown}")), "{show}");
    assert!(show.contains(&format!("warning: {warning}")), "{show}");
    let logs = sandbox.ok(&["logs", "last", "--level", "warn"]).stdout;
    assert!(logs.contains(warning), "{logs}");
}

#[test]
fn classes_far_from_balanced_are_a_warning_and_balanced_ones_are_none() {
    let sandbox = sandbox(&table(30, 0), "split = { stratify = true }");
    assert_eq!(
        sandbox
            .ok(&["check", "c.toml"])
            .stderr
            .matches("warning: ")
            .count(),
        0
    );
    sandbox.write("d.csv", table(0, 3));
    sandbox
        .ok(&["check", "c.toml"])
        .says("class `a` has `34` training samples, class `rare` only `1`")
        .says("`class_weights` in `[loss]`");
}

#[test]
fn a_run_in_the_files_order_resumes_and_reproduces() {
    let dataset = "split = { val = \"20%\", test = \"20%\", order = \"file\" }\nlimit = 9\nbatch_size = 4\ntask = \"classification\"";
    let rows = |i: usize| {
        format!(
            "{i},{},{}\n",
            i * i % 11,
            if i.is_multiple_of(2) { "even" } else { "odd" }
        )
    };
    let text = "x,z,y\n".to_string() + &(0..30).map(rows).collect::<String>();
    let sandbox = sandbox(&text, dataset);
    sandbox.ok(&["run", "c.toml", "-q"]);
    let data = &json(sandbox.run_dir().join("run.json"))["data"];
    assert_eq!(
        (&data["train"], &data["val"], &data["test"]),
        (&9.into(), &6.into(), &6.into())
    );
    // The last nine of the eighteen before validation.
    assert_eq!(data["classes"][0]["train"], 4);
    sandbox.ok(&["reproduce", "last"]);
    let both = dataset.replace("order =", "stratify = true, order =");
    sandbox.write("c.toml", config(&both));
    sandbox
        .trainer(&["check", "c.toml"])
        .exits(2)
        .says("a split in the file's order cannot be stratified");
}
