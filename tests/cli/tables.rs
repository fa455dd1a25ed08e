//! Tables as people bring them, from the config to the run.

use std::fs;

use crate::sandbox::Sandbox;

fn config(dataset: &str) -> String {
    format!(
        r#"
        [model]
        type = "mlp"
        hidden = [4]

        [dataset]
        type = "csv"
        batch_size = 8
        {dataset}

        [optimizer]
        type = "sgd"
        lr = 0.1

        [train]
        epochs = 2
        "#
    )
}

/// The line about the data that `check` prints.
fn data_line(sandbox: &Sandbox, config: &str) -> String {
    let stdout = sandbox.ok(&["check", config]).stdout;
    let line = stdout.lines().find(|line| line.contains("csv: "));
    line.unwrap_or_else(|| panic!("{stdout}"))
        .trim()
        .to_string()
}

#[test]
fn different_texts_are_different_classes() {
    let sandbox = Sandbox::new();
    for (name, values) in [
        (
            "ids",
            ["9007199254740992", "9007199254740993", "9007199254740995"],
        ),
        ("zips", ["02116", "2116", "10001"]),
    ] {
        let rows = (0..60).map(|i| format!("{},{},{}\n", values[i % 3], i % 7, i % 5));
        let table = format!("{name},a,b\n{}", rows.collect::<String>());
        sandbox.write(&format!("{name}.csv"), table);
        let keys = format!("path = \"{name}.csv\"\ntarget = \"{name}\"\ntask = \"classification\"");
        sandbox.write("c.toml", config(&keys));
        let line = data_line(&sandbox, "c.toml");
        assert!(line.contains("3 classes"), "{line}");
    }
}

#[test]
fn files_of_splits_lie_beside_the_config() {
    let sandbox = Sandbox::new();
    let rows = |from: usize, to: usize| -> String {
        let rows = (from..to).map(|i| format!("{i};{};{}\n", ["red", "blue"][i % 2], i * 2));
        format!("n;color;y\n{}", rows.collect::<String>())
    };
    sandbox.write("exp/data/train.csv", rows(0, 40));
    sandbox.write("exp/data/val.csv", rows(40, 52));
    let keys = "path = \"data/train.csv\"\nval_path = \"data/val.csv\"\ntarget = \"y\"\nsplit = { test = \"0%\" }";
    sandbox.write("exp/c.toml", config(keys));
    // The number and two colours.
    let line = data_line(&sandbox, "exp/c.toml");
    assert!(
        line.contains("csv: 3, regression; 40 train, 12 val samples"),
        "{line}"
    );
    sandbox.ok(&["run", "exp/c.toml", "-q"]);
    // Another validation file is other data.
    sandbox.write("exp/data/val.csv", rows(40, 53));
    let more = [
        "resume",
        "last",
        "-q",
        "--epochs",
        "3",
        "--schedule",
        "config",
    ];
    sandbox.trainer(&more).exits(2).says("data: content");
    sandbox.write("exp/data/val.csv", "n;y\n1;2\n");
    sandbox
        .trainer(&["check", "exp/c.toml"])
        .exits(2)
        .says("val.csv:1` has no column `color`, which `train.csv` has")
        .says("val_path = ");
}

/// A plan stored before tables had these keys.
#[test]
fn an_old_plan_goes_on_with_what_it_did() {
    let sandbox = Sandbox::new();
    let rows = (0..40).map(|i| {
        format!(
            "{},{},{i}\n",
            ["a", "b", "c"][i % 3],
            ["1", "1.0", "2"][i % 3]
        )
    });
    sandbox.write(
        "t.csv",
        format!("kind,level,y\n{}", rows.collect::<String>()),
    );
    let keys = "path = \"t.csv\"\ntarget = \"y\"\ntask = \"regression\"\nencoding = \"ordinal\"\n\
                categories_by = \"number\"\ncolumns = { level = { type = \"category\" } }";
    sandbox.write("c.toml", config(keys));
    sandbox.ok(&["run", "c.toml", "-q"]);
    let plan = sandbox.run_dir().join("plan.toml");
    let new = [
        "encoding",
        "categories_by",
        "separator",
        "decimal",
        "header",
    ];
    let text = fs::read_to_string(&plan).unwrap();
    let old: Vec<&str> = text
        .lines()
        .filter(|line| !new.iter().any(|key| line.starts_with(&format!("{key} = "))))
        .collect();
    assert_eq!(old.len(), text.lines().count() - new.len());
    fs::write(&plan, old.join("\n")).unwrap();
    let run = sandbox.run_dir();
    let name = run.to_str().unwrap();
    let read = sandbox
        .ok(&["check", plan.to_str().unwrap(), "--format", "toml"])
        .stdout;
    assert!(
        read.contains("encoding = \"ordinal\"\ncategories_by = \"number\""),
        "{read}"
    );
    sandbox.ok(&["reproduce", name, "-q"]);
    sandbox.ok(&[
        "resume",
        name,
        "-q",
        "--epochs",
        "3",
        "--schedule",
        "config",
    ]);
}

#[test]
fn faults_of_all_columns_are_told_at_once_with_their_number() {
    let sandbox = Sandbox::new();
    let rows =
        (0..40).map(|i| format!("{},{},{}\n", if i % 10 == 3 { "x" } else { "1" }, i, i % 5));
    let table = format!("a,b,y\n{}", rows.collect::<String>()).replace(",7,", ",seven,");
    sandbox.write("t.csv", table);
    let kinds = "columns = { a = { type = \"number\" }, b = { type = \"number\" } }";
    sandbox.write(
        "c.toml",
        config(&format!("path = \"t.csv\"\ntarget = \"y\"\n{kinds}")),
    );
    sandbox
        .trainer(&["check", "c.toml"])
        .exits(2)
        .says("`t.csv:5`, column `a`: `x` is not a finite number, and 3 more cells of this column")
        .says("`t.csv:9`, column `b`: `seven` is not a finite number\n");
}

#[test]
fn missing_values_are_counted_in_every_column() {
    let sandbox = Sandbox::new();
    let rows = (0..40).map(|i| {
        format!(
            "{},{},{i}.5\n",
            if i % 10 == 3 { "" } else { "1" },
            if i == 9 { "" } else { "2" }
        )
    });
    sandbox.write("t.csv", format!("a,b,y\n{}", rows.collect::<String>()));
    sandbox.write("c.toml", config("path = \"t.csv\"\ntarget = \"y\""));
    let told = sandbox.trainer(&["check", "c.toml"]).exits(2);
    told.says("`t.csv:5`, column `a`: the value is missing (4 in this column, 1 in `b`)");
}

#[test]
fn a_column_of_decimal_commas_names_the_key() {
    let sandbox = Sandbox::new();
    let rows = (0..40).map(|i| format!("{},{};{}.5\n", i % 7, i % 3, i));
    sandbox.write("t.csv", format!("a;y\n{}", rows.collect::<String>()));
    sandbox.write("c.toml", config("path = \"t.csv\"\ntarget = \"y\""));
    let told = sandbox.ok(&["check", "c.toml"]);
    told.says("such as `0,0`, have another decimal sign; hint: decimal = \",\"");
}

#[test]
fn a_limit_above_the_data_is_told() {
    let sandbox = Sandbox::new();
    for keys in [
        "type = \"digits\"\nlimit = 5000",
        "type = \"synthetic\"\nshape = [3]\nsamples = 100\nclasses = 2\nlimit = 5000",
    ] {
        sandbox.write("c.toml", config(keys).replacen("type = \"csv\"", "", 1));
        let told = sandbox.ok(&["check", "c.toml"]);
        told.says("note: `dataset.limit` is 5000, and there are no more than");
    }
}

#[test]
fn a_target_that_never_changes_in_training_is_told() {
    let sandbox = Sandbox::new();
    let rows = (0..40).map(|i| format!("{i},{}\n", if i < 30 { 2.5 } else { 3.5 }));
    sandbox.write("t.csv", format!("a,y\n{}", rows.collect::<String>()));
    let keys = "path = \"t.csv\"\ntarget = \"y\"\ntask = \"regression\"\nsplit = { order = \"file\", val = \"15%\", test = \"15%\" }";
    sandbox.write("c.toml", config(keys));
    let told = sandbox.ok(&["check", "c.toml"]);
    told.says("target `y` is `2.5` in every row of the training split; there is nothing to learn");
}
