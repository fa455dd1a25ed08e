//! Tables read end to end: types, splits, missing values, errors with their lines.

mod fields;
mod options;
mod sweep;

use std::{collections::BTreeSet, path::Path};

use crate::{
    data::{
        Csv, Data, DataError, Dataset, DatasetKeys, DatasetSpec, SplitKeys, shared::numbers,
        shared_data,
    },
    task::{Target, Task},
};

/// The dataset of a table written to a file, with these keys besides `path`.
fn load(table: &str, keys: &str, common: &str) -> Result<Data, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, table).unwrap();
    load_file(&path, keys, common)
}

fn load_file(path: &Path, keys: &str, common: &str) -> Result<Data, DataError> {
    let spec = spec(path, keys);
    assert_eq!(spec.check(), []);
    let common: DatasetKeys = toml::from_str(common).unwrap();
    let data = spec.load(&common, 0);
    if let Ok(data) = &data {
        assert_eq!(spec.describe(&common, 0).unwrap(), data.facts);
    }
    data
}

fn spec(path: &Path, keys: &str) -> Csv {
    toml::from_str(&format!("path = '{}'\n{keys}", path.display())).unwrap()
}

/// The fault of a table as `key: text`, without the folder.
fn fault(table: &str, keys: &str, common: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, table).unwrap();
    let error = load_file(&path, keys, common).unwrap_err();
    let text = format!("{}: {error}", error.key());
    text.replace(&format!("{}/", folder.path().display()), "")
}

const ALL: &str = "split = { val = \"0%\", test = \"0%\" }";

/// Features of all training rows.
fn features(data: &Data) -> Vec<Vec<f32>> {
    let all = 0..data.train.len();
    all.map(|i| numbers(&*data.train, i)).collect()
}

fn targets(dataset: &dyn Dataset) -> Vec<f32> {
    let value = |i| match dataset.target(i) {
        Target::Class(class) => class as f32,
        Target::Values(values) => values[0],
        Target::Classes(_) => panic!("a table has no tokens"),
    };
    (0..dataset.len()).map(value).collect()
}

const PETS: &str = "\
weight,kind,age,id,healthy
1.0,dog,2,a,yes
2.0,cat,4,b,no
3.0,dog,6,c,yes
6.0,ant,8,d,yes
";

#[test]
fn features_keep_the_files_order_and_categories_sort() {
    let keys =
        "target = \"healthy\"\nstandardize = false\ncolumns = { id = { type = \"ignore\" } }";
    let data = load(PETS, keys, ALL).unwrap();
    // Weight; ant, cat, dog; age.
    let expected = [
        [1.0, 0.0, 0.0, 1.0, 2.0],
        [2.0, 0.0, 1.0, 0.0, 4.0],
        [3.0, 0.0, 0.0, 1.0, 6.0],
        [6.0, 1.0, 0.0, 0.0, 8.0],
    ];
    assert_eq!(features(&data), expected);
    assert_eq!(data.facts.fields[0].shape, [5]);
    // Categories stay 0 and 1 beside numbers of mean 0.
    let scaled = load(PETS, &keys.replace("standardize = false\n", ""), ALL).unwrap();
    for (row, expected) in features(&scaled).iter().zip(expected) {
        assert_eq!(row[1..4], expected[1..4]);
    }
    let ordinal = load(PETS, &format!("encoding = \"ordinal\"\n{keys}"), ALL).unwrap();
    assert_eq!(
        features(&ordinal),
        [
            [1.0, 2.0, 2.0],
            [2.0, 1.0, 4.0],
            [3.0, 2.0, 6.0],
            [6.0, 0.0, 8.0]
        ]
    );
    let own = keys.replace("{ id", "{ kind = { encoding = \"ordinal\" }, id");
    assert_eq!(
        features(&load(PETS, &own, ALL).unwrap()),
        features(&ordinal)
    );
    assert_eq!(
        data.facts.task,
        Task::classes(vec!["no".into(), "yes".into()])
    );
    assert_eq!(targets(&*data.train), [1.0, 0.0, 1.0, 1.0]);
    assert_eq!(data.target_scale, None);
    assert_eq!(
        data.facts.notes,
        ["task: classification, 2 classes in column `healthy`"]
    );
    assert_eq!(
        data.fingerprint,
        blake3::hash(PETS.as_bytes()).to_hex().to_string()
    );
}

#[test]
fn features_and_regression_targets_are_standardised_on_the_training_split() {
    let keys = "target = \"age\"\ntask = \"regression\"\ncolumns = { id = { type = \"ignore\" } }";
    let data = load(PETS, keys, ALL).unwrap();
    // weight: mean 3, variance (4 + 1 + 0 + 9) / 4; age: mean 5, variance (9 + 1 + 1 + 9) / 4.
    let std = 3.5f64.sqrt();
    let weights: Vec<f32> = features(&data).iter().map(|row| row[0]).collect();
    assert_eq!(weights, [-2.0, -1.0, 0.0, 3.0].map(|d| (d / std) as f32));
    let std = 5f64.sqrt();
    assert_eq!(data.target_scale, Some(vec![(5.0, std)]));
    assert_eq!(
        targets(&*data.train),
        [-3.0, -1.0, 1.0, 3.0].map(|d| (d / std) as f32)
    );

    let raw = load(PETS, &format!("{keys}\nstandardize = false"), ALL).unwrap();
    assert_eq!(targets(&*raw.train), [2.0, 4.0, 6.0, 8.0]);
    assert_eq!(raw.target_scale, None);
}

#[test]
fn statistics_leave_evaluation_rows_out() {
    let rows: String = (0..50).map(|i| format!("{i},{}\n", i * 3)).collect();
    let keys = "target = \"y\"\ntask = \"regression\"";
    let data = load(&format!("x,y\n{rows}"), keys, "limit = 20").unwrap();
    assert_eq!(
        (data.facts.train, data.facts.val, data.facts.test),
        (20, 5, 5)
    );
    let ids: Vec<f64> = (0..20).map(|i| f64::from(data.train.id(i))).collect();
    let mean = ids.iter().sum::<f64>() / 20.0;
    let std = (ids.iter().map(|i| (i - mean).powi(2)).sum::<f64>() / 20.0).sqrt();
    let (target_mean, target_std) = data.target_scale.as_ref().unwrap()[0];
    assert!((target_mean - 3.0 * mean).abs() < 1e-9 && (target_std - 3.0 * std).abs() < 1e-9);
    let test = data.test.unwrap();
    for i in 0..test.len() {
        assert_eq!(
            numbers(&*test, i)[0],
            ((f64::from(test.id(i)) - mean) / std) as f32
        );
    }
}

#[test]
fn auto_tells_classes_from_quantities() {
    let task = |values: &[&str], keys: &str| {
        let rows: String = values
            .iter()
            .enumerate()
            .map(|(i, v)| format!("{i},{v}\n"))
            .collect();
        let keys = format!("target = \"y\"\n{keys}");
        load(&format!("x,y\n{rows}"), &keys, ALL)
            .unwrap()
            .facts
            .task
    };
    let names = |names: &[&str]| Task::classes(names.iter().map(|n| (*n).into()).collect());
    assert_eq!(task(&["10", "9", "10", "9"], ""), names(&["9", "10"]));
    let by_number = "categories_by = \"number\"";
    assert_eq!(
        task(&["10", "9", "10.0", "9"], by_number),
        names(&["9", "10"])
    );
    assert_eq!(
        task(&["10", "9", "10.0", "9", "10.0", "10"], ""),
        names(&["9", "10", "10.0"])
    );
    assert_eq!(task(&["b", "a", "b", "c"], ""), names(&["a", "b", "c"]));
    let regression = Task::Regression { targets: 1 };
    assert_eq!(
        task(&["1", "2", "3", "4"], ""),
        regression,
        "each value once"
    );
    assert_eq!(task(&["1.5", "1.5", "2", "2"], ""), regression, "fractions");
    let many: Vec<String> = (0..42).map(|i| (i / 2).to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(task(&many, ""), regression, "21 values");
    assert_eq!(task(&many[..40], "").outputs(), 20);
    assert_eq!(
        task(&["1", "2", "3", "4"], "task = \"classification\"").outputs(),
        4
    );
    assert_eq!(
        task(&["1", "1", "2", "2"], "task = \"regression\""),
        regression
    );
    let category = "columns = { y = { type = \"category\" } }";
    assert_eq!(
        task(&["1.5", "1.5", "2", "2"], category),
        names(&["1.5", "2"])
    );
}

const GAPS: &str = "a,b,y\n1,x,1.5\n?,y,2.5\n3,,3.5\n8,y,4.5\nNA,y,5.5\n";

#[test]
fn missing_values_are_refused_filled_or_dropped() {
    let load = |missing: &str| {
        let keys = format!(
            "target = \"y\"\nstandardize = false\nencoding = \"ordinal\"\nmissing = \"{missing}\""
        );
        load(GAPS, &keys, ALL)
    };
    let error = load("error").unwrap_err();
    assert_eq!(error.key(), "missing");
    assert!(
        error.to_string().ends_with(
            "t.csv:3`, column `a`: the value is missing (2 in this column, 1 in `b`); hint: missing = \"mean\", \"median\" or \"drop\""
        ),
        "{error}"
    );
    let mean = load("mean").unwrap();
    assert_eq!(
        features(&mean),
        [[1.0, 0.0], [4.0, 1.0], [3.0, 1.0], [8.0, 1.0], [4.0, 1.0]]
    );
    assert_eq!(
        mean.facts.notes[1..],
        [
            "column `a`: 2 missing filled with the mean `4`",
            "column `b`: 1 missing filled with the most frequent value `y`"
        ]
    );
    assert_eq!(features(&load("median").unwrap())[1], [3.0, 1.0]);
    let dropped = load("drop").unwrap();
    assert_eq!(features(&dropped), [[1.0, 0.0], [8.0, 1.0]]);
    assert_eq!(targets(&*dropped.train), [1.5, 4.5]);
    assert_eq!(
        dropped.facts.notes[0],
        "dropped 3 of 5 rows because of missing values"
    );
}

#[test]
fn a_mean_is_that_of_the_training_split() {
    let rows: String = (0..40).map(|i| format!("{i},{}.5\n", i)).collect();
    let table = format!("a,y\n{rows}nan,100.5\n");
    let keys = "target = \"y\"\nstandardize = false\nmissing = \"mean\"";
    let data = load(&table, keys, "").unwrap();
    let known: Vec<f64> = (0..data.train.len())
        .map(|i| f64::from(data.train.id(i)))
        .filter(|id| *id < 40.0)
        .collect();
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    assert!(data.facts.notes.contains(&format!(
        "column `a`: 1 missing filled with the mean `{mean}`"
    )));
}

#[test]
fn every_fault_has_its_place() {
    let y = "target = \"y\"";
    for (table, keys, common, expected) in [
        (
            "a,income,y\n1,2,3\n",
            "target = \"incone\"",
            "",
            "target: `t.csv` has no column `incone`; hint: did you mean `income`?",
        ),
        (
            "a,b,y\n1,2,3\n",
            "target = \"price\"",
            "",
            "target: `t.csv` has no column `price`; hint: its columns are `a`, `b`, `y`",
        ),
        (
            "a,zip code,y\n1,2,3\n",
            "target = \"y\"\ncolumns = { \"zipcode\" = { type = \"category\" } }",
            "",
            "columns.zipcode: `t.csv` has no column `zipcode`; hint: did you mean `zip code`?",
        ),
        (
            "a,y\n1,2\n1e999x,3\n",
            "target = \"y\"\ncolumns = { a = { type = \"number\" } }",
            "",
            "columns.a.type: `t.csv:3`, column `a`: `1e999x` is not a finite number",
        ),
        (
            "a b,y\n1e39,2\n1,3\n",
            y,
            "",
            "columns.\"a b\".type: `t.csv:2`, column `a b`: `1e39` is too large; hint: numbers go up to 3.4e38",
        ),
        (
            "a,y\n1,2\n\n2,\u{1b}[31mred\n",
            "target = \"y\"\ntask = \"regression\"",
            "",
            "target: `t.csv:4`, column `y`: `\\u{1b}[31mred` is not a finite number",
        ),
        (
            "a,y\n1,2.5\n2,3\n",
            "target = \"y\"\ntask = \"classification\"",
            "",
            "task: `t.csv:2`, column `y`: `2.5` is not a class; hint: task = \"regression\", or type = \"category\" for this column",
        ),
        (
            "a,y\n1,2\n2,\n",
            "target = \"y\"\nmissing = \"mean\"",
            "",
            "missing: `t.csv:3`, column `y`: the target is missing (1 in this column); hint: missing = \"drop\" leaves such rows out",
        ),
        (
            "a,y\n1,x\n2,x\n",
            y,
            "",
            "target: target `y` of `t.csv` is `x` in every row; there is nothing to learn",
        ),
        (
            "y;a\n1;x\n2;x\n",
            "target = \"y\"\nseparator = \",\"",
            "",
            "separator: `t.csv:1` has only one column; hint: the file looks separated by \";\": separator = \";\"",
        ),
        (
            "y,a\n1,x\n2,x\n",
            "target = \"y\"\ncolumns = { a = { type = \"ignore\" } }",
            "",
            "target: `t.csv` has no features beside its target `y`; hint: `columns` ignores all others",
        ),
        (
            ",a,y\n0,1,2\n",
            y,
            "",
            "path: `t.csv:1` has no name for column 1; hint: name it, or leave it out with columns = { \"\" = { type = \"ignore\" } }",
        ),
        (
            "a,y\n?,1\n?,2\n",
            "target = \"y\"\nmissing = \"mean\"",
            ALL,
            "missing: column `a` of `t.csv` has no value in the training split to fill its missing ones with; hint: columns.a.type = \"ignore\"",
        ),
        (
            "a,y\n?,1\n?,2\n",
            "target = \"y\"\nmissing = \"drop\"",
            "",
            "missing: `t.csv` has no rows without missing values; hint: missing = \"mean\"",
        ),
        (
            "a,y\n1,1.5\n2,2.5\n",
            y,
            "",
            "split.val: `1` validation and `1` test samples leave none of `2` for training; hint: make the evaluation splits smaller",
        ),
        (
            "a,y\n1,1.5\n2,2.5\n3,4\n",
            y,
            "split = { stratify = true }",
            "split.stratify: only a classification can be stratified; hint: remove `stratify`",
        ),
        (
            "a,y\n1,p\n2,p\n3,q\n4,p\n5,p\n6,p\n",
            y,
            "split = { stratify = true, min_per_class = 1 }",
            "split.stratify: class `q` has `1` of the `3` samples that a stratified split needs; hint: stratify = false, or \"0%\" for a split",
        ),
    ] {
        assert_eq!(fault(table, keys, common), expected);
    }
}

#[test]
fn several_unknown_names_are_told_at_once() {
    let keys = "target = \"z\"\ncolumns = { b = { type = \"number\" }, c = { type = \"ignore\" } }";
    let faults = load("a,y\n1,2\n", keys, "").unwrap_err().faults();
    let keys: Vec<&str> = faults.iter().map(|f| f.key.as_str()).collect();
    assert_eq!(keys, ["target", "columns.b", "columns.c"]);
    assert_eq!(faults[0].hint.as_deref(), Some("its columns are `a`, `y`"));
}

#[test]
fn oddities_are_noted() {
    let rows: String = (0..60).map(|i| format!("{i},name{i},{}.5\n", i)).collect();
    let table = format!("a,name,y\n{rows}1 000,other,7.5\n");
    let data = load(&table, "target = \"y\"", ALL).unwrap();
    assert_eq!(
        data.facts.notes,
        [
            "task: regression of column `y`",
            "column `a` is read as a category because of `1 000` in line 62; hint: write it without separators between the digits",
        ]
    );
    let warnings: Vec<String> = data
        .facts
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    let warning = |name: &str| {
        format!(
            "`columns.{name}.type`: column `{name}` has 61 different values in 61 rows, which become 61 features; it looks like an identifier; hint: columns.{name}.type = \"ignore\""
        )
    };
    assert_eq!(warnings, [warning("a"), warning("name")]);
}

#[test]
fn the_target_cannot_be_ignored() {
    let spec = spec(
        Path::new("/t.csv"),
        "target = \"y\"\ncolumns = { y = { type = \"ignore\" } }",
    );
    assert_eq!(
        spec.check()[0].to_string(),
        "`columns.y.type`: the target cannot be ignored"
    );
}

#[test]
fn a_plan_writes_every_key_back() {
    let spec = spec(
        Path::new("/t.csv"),
        "target = \"y\"\ncolumns = { a = { type = \"number\" }, b = { encoding = \"ordinal\" } }",
    );
    let text = toml::to_string(&spec).unwrap();
    assert_eq!(
        text,
        "path = \"/t.csv\"\nseparator = \"auto\"\ndecimal = \".\"\nheader = true\ntarget = \"y\"\n\
         task = \"auto\"\nencoding = \"one_hot\"\ncategories_by = \"text\"\nmissing = \"error\"\n\
         standardize = true\n\n\
         [columns.a]\ntype = \"number\"\n\n[columns.b]\nencoding = \"ordinal\"\n"
    );
    assert_eq!(toml::from_str::<Csv>(&text).unwrap(), spec);
}

#[test]
fn keys_that_contradict_each_other_are_refused_before_any_file_is_read() {
    let faults = |keys: &str| -> Vec<String> {
        let faults = spec(Path::new("/t.csv"), keys).check();
        faults.iter().map(ToString::to_string).collect()
    };
    let columns = |columns: &str| faults(&format!("target = \"y\"\ncolumns = {columns}"));
    assert_eq!(
        columns(
            "{ a = { type = \"number\", encoding = \"ordinal\" }, y = { encoding = \"one_hot\" } }"
        ),
        [
            "`columns.a.encoding`: only a category has an encoding; hint: remove `encoding`",
            "`columns.y.encoding`: classes of the target are not encoded; hint: remove `encoding`",
        ]
    );
    assert_eq!(
        faults("target = \"y\"\nnames = [\"x\", \"y\"]"),
        [
            "`names`: `names` is for a file without a header line; hint: header = false, or remove `names`"
        ]
    );
    assert_eq!(
        faults("target = \"y\"\nheader = false\nnames = [\"y\", \"\", \"y\"]"),
        [
            "`names[1]`: a column has no name",
            "`names[2]`: `y` is twice in it"
        ]
    );
}

/// Against scikit-learn's StandardScaler (tests/reference/digits.py).
#[test]
fn wine_is_standardised_as_scikit_learn_does() {
    let Some(path) = shared_data("tabular/wine.csv") else {
        return;
    };
    let text = include_str!("../../../tests/reference/digits.json");
    let numbers: serde_json::Value = serde_json::from_str(text).unwrap();
    let data = load_file(&path, "target = \"cultivar\"", ALL).unwrap();
    let rows = features(&data);
    for (row, key) in [(&rows[0], "first_row"), (&rows[177], "last_row")] {
        for (value, expected) in row.iter().zip(numbers["wine"][key].as_array().unwrap()) {
            let expected = expected.as_f64().unwrap();
            assert!(
                (f64::from(*value) - expected).abs() < 1e-6,
                "{value} {expected}"
            );
        }
    }
    let color = numbers["wine"]["columns"].as_array().unwrap().iter();
    let color = color
        .clone()
        .position(|name| name == "color_intensity")
        .unwrap();
    let keys = "target = \"color_intensity\"\ncolumns = { cultivar = { type = \"ignore\" } }";
    let data = load_file(&path, keys, ALL).unwrap();
    let (mean, std) = data.target_scale.unwrap()[0];
    assert!((mean - numbers["wine"]["mean"][color].as_f64().unwrap()).abs() < 1e-12);
    assert!((std - numbers["wine"]["std"][color].as_f64().unwrap()).abs() < 1e-12);
}

#[test]
fn iris_splits_by_class() {
    let Some(path) = shared_data("tabular/iris.csv") else {
        return;
    };
    let split = DatasetKeys {
        split: SplitKeys {
            stratify: Some(true),
            ..SplitKeys::percent(20.0, 20.0)
        },
        ..DatasetKeys::default()
    };
    let data = spec(&path, "target = \"species\"").load(&split, 0).unwrap();
    assert_eq!(data.facts.fields[0].shape, [4]);
    let names = ["setosa", "versicolor", "virginica"]
        .map(String::from)
        .to_vec();
    assert_eq!(data.facts.task, Task::classes(names));
    let mut ids = BTreeSet::new();
    for (part, each) in [(Some(data.train), 30), (data.val, 10), (data.test, 10)] {
        let part = part.unwrap();
        ids.extend((0..part.len()).map(|i| part.id(i)));
        let classes = targets(&*part);
        for class in 0..3 {
            assert_eq!(classes.iter().filter(|c| **c == class as f32).count(), each);
        }
    }
    assert_eq!(ids.len(), 150);
}
