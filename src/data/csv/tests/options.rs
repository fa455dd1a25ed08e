//! The form of a table (separator, decimal sign, header), files for splits, categories.

use super::*;

/// A folder with these files, and the dataset of `train.csv` in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    /// `val` and `test` in `keys` stand for the files of this name.
    fn load(&self, keys: &str, common: &str) -> Result<Data, DataError> {
        let path = |name: &str| {
            format!(
                "{name}_path = '{}'",
                self.0.path().join(format!("{name}.csv")).display()
            )
        };
        let keys = keys
            .replace("VAL", &path("val"))
            .replace("TEST", &path("test"));
        load_file(&self.0.path().join("train.csv"), &keys, common)
    }

    fn fault(&self, keys: &str, common: &str) -> String {
        let error = self.load(keys, common).unwrap_err();
        let text = format!("{}: {error}", error.key());
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// Features of all rows of a split.
fn rows(dataset: &dyn Dataset, width: usize) -> Vec<Vec<f32>> {
    let rows = (0..dataset.len()).map(|i| numbers(dataset, i));
    let rows: Vec<Vec<f32>> = rows.collect();
    assert!(rows.iter().all(|row| row.len() == width));
    rows
}

const TRAIN: &str = "size,color,y\n1,red,10\n2,blue,20\n3,red,30\n6,green,60\n";
const KEYS: &str = "target = \"y\"\ntask = \"regression\"\nstandardize = false\nVAL\nTEST";

#[test]
fn splits_can_have_files_of_their_own() {
    let val = "y,size,color,extra\n50,5,blue,x\n";
    let test = "color;y;size\nred;70;7\npink;80;8\n";
    let folder = Folder::new(&[("train.csv", TRAIN), ("val.csv", val), ("test.csv", test)]);
    let data = folder.load(KEYS, "").unwrap();
    let (val, test) = (data.val.clone().unwrap(), data.test.clone().unwrap());
    // Size; blue, green, red. `pink` is none of them.
    assert_eq!(features(&data).len(), 4);
    assert_eq!(rows(&*val, 4), [[5.0, 1.0, 0.0, 0.0]]);
    assert_eq!(
        rows(&*test, 4),
        [[7.0, 0.0, 0.0, 1.0], [8.0, 0.0, 0.0, 0.0]]
    );
    assert_eq!(
        (targets(&*val), targets(&*test)),
        (vec![50.0], vec![70.0, 80.0])
    );
    assert_eq!((val.id(0), test.id(1)), (4, 6));
    assert_eq!(
        data.facts.notes,
        [
            "columns of `val.csv` that `train.csv` does not have are left out: `extra`",
            "the values of `test.csv` are separated by \";\"",
            "column `color`: not in `train.csv`, and all zeros elsewhere: `pink` in line 3 of `test.csv`",
        ]
    );
    // Every file counts.
    let other = Folder::new(&[
        ("train.csv", TRAIN),
        ("val.csv", TRAIN),
        ("test.csv", TRAIN),
    ]);
    assert_ne!(other.load(KEYS, "").unwrap().fingerprint, data.fingerprint);
    let alone = folder
        .load("target = \"y\"\ntask = \"regression\"", ALL)
        .unwrap();
    assert_eq!(
        alone.fingerprint,
        blake3::hash(TRAIN.as_bytes()).to_hex().to_string()
    );
    // The other split is still a share of the training file.
    let test_only = KEYS.replace("VAL\n", "");
    let data = folder.load(&test_only, "").unwrap();
    assert_eq!(
        (data.facts.train, data.facts.val, data.facts.test),
        (3, 1, 2)
    );
}

#[test]
fn statistics_are_those_of_the_training_file() {
    let val = "size,color,y\n100,red,1000\n,red,2000\n";
    let folder = Folder::new(&[("train.csv", TRAIN), ("val.csv", val), ("test.csv", val)]);
    let keys = KEYS.replace("standardize = false", "missing = \"mean\"");
    let data = folder.load(&keys, "").unwrap();
    // Mean 3, variance (4 + 1 + 0 + 9) / 4.
    let size = rows(&*data.val.unwrap(), 4)[0][0];
    assert_eq!(size, (97.0 / 3.5f64.sqrt()) as f32);
    assert_eq!(data.target_scale.unwrap()[0].0, 30.0);
}

#[test]
fn faults_in_the_files_of_splits_name_file_and_line() {
    for (val, keys, common, expected) in [
        (
            "size,colour,y\n1,red,2\n",
            "",
            "",
            "val_path: `val.csv:1` has no column `color`, which `train.csv` has; hint: did you mean `colour`?",
        ),
        (
            "size,color,y\n1,red,2\nbig,red,3\n",
            "",
            "",
            "columns.size.type: `val.csv:3` (`val_path`), column `size`: `big` is not a finite number",
        ),
        (
            "size,color,y\n1,red,2\n1,,3\n",
            "",
            "",
            "missing: `val.csv:3` (`val_path`), column `color`: the value is missing (1 in this column); hint: missing = \"mean\", \"median\" or \"drop\"",
        ),
        (
            "size,color,y\n1,red,2\n1,red,\n",
            "missing = \"mean\"",
            "",
            "missing: `val.csv:3` (`val_path`), column `y`: the target is missing (1 in this column); hint: missing = \"drop\" leaves such rows out",
        ),
        (
            "size,color,y\n1,,2\n",
            "missing = \"drop\"",
            "",
            "missing: `val.csv` has no rows without missing values; hint: missing = \"mean\"",
        ),
        (
            "size,color,y\n1,pink,2\n",
            "encoding = \"ordinal\"",
            "",
            "columns.color.encoding: `val.csv:2` (`val_path`), column `color`: `pink` is not a category of `train.csv` and has no index; hint: encoding = \"one_hot\" takes it as none of them",
        ),
        (
            "size,color,y\n1,red,2\n",
            "",
            "split = { val = \"10%\" }",
            "split.val: the val split has its own file; hint: remove `split.val` or `val_path`",
        ),
        (
            "",
            "",
            "",
            "val_path: `val.csv` is empty; hint: expected a header line and rows",
        ),
        (
            "size,color,y\n1,2\n",
            "",
            "",
            "val_path: `val.csv:2` has 2 values, expected 3 as in the first line; hint: leave a missing value empty, but keep its separator",
        ),
    ] {
        let folder = Folder::new(&[("train.csv", TRAIN), ("val.csv", val)]);
        let keys = format!("{}\n{keys}", KEYS.replace("\nTEST", ""));
        assert_eq!(folder.fault(&keys, common), expected);
    }
    let folder = Folder::new(&[("train.csv", TRAIN)]);
    let missing = folder.fault(&KEYS.replace("\nTEST", ""), "");
    assert!(
        missing.starts_with("val_path: cannot read `val.csv`: no such file"),
        "{missing}"
    );
    let classes = "target = \"color\"\nVAL";
    let folder = Folder::new(&[
        ("train.csv", TRAIN),
        ("val.csv", "size,color,y\n1,red,2\n2,pink,2\n"),
    ]);
    assert_eq!(
        folder.fault(classes, ""),
        "target: `val.csv:3` (`val_path`), column `color`: `pink` is not a class of `train.csv`; hint: its classes are `blue`, `green`, `red`"
    );
}

#[test]
fn a_file_without_a_header_has_names() {
    let table = "5.5,1\n6.5,2\n";
    let plain = "standardize = false\ntask = \"regression\"\nheader = false\n";
    let data = load(table, &format!("{plain}target = \"column2\""), ALL).unwrap();
    assert_eq!(
        (features(&data), targets(&*data.train)),
        (vec![vec![5.5], vec![6.5]], vec![1.0, 2.0])
    );
    let named = format!("{plain}target = \"length\"\nnames = [\"length\", \"n\"]");
    let data = load(table, &named, ALL).unwrap();
    assert_eq!(targets(&*data.train), [5.5, 6.5]);
    for (table, keys, expected) in [
        (
            table,
            "names = [\"a\", \"b\", \"y\"]",
            "names: `t.csv` has 2 columns, and `names` has 3",
        ),
        (
            "1,2\nx,3\n",
            "names = [\"a\", \"y\"]\ncolumns = { a = { type = \"number\" } }",
            "columns.a.type: `t.csv:2`, column `a`: `x` is not a finite number",
        ),
        (
            "1,2\n3\n",
            "names = [\"a\", \"y\"]",
            "path: `t.csv:2` has 1 value, expected 2 as in the first line; hint: leave a missing value empty, but keep its separator",
        ),
        (
            "1,2\n3,4\n",
            "",
            "target: `t.csv` has no column `y`; hint: its columns are `column1`, `column2`",
        ),
    ] {
        assert_eq!(
            fault(table, &format!("{plain}target = \"y\"\n{keys}"), ALL),
            expected
        );
    }
}

#[test]
fn numbers_can_have_a_decimal_comma() {
    let keys = "target = \"y\"\ntask = \"regression\"\nstandardize = false\ndecimal = \",\"";
    for table in ["a;y\n1,5;2\n-3,25;1e3\n", "a,y\n\"1,5\",2\n\"-3,25\",1e3\n"] {
        let data = load(table, keys, ALL).unwrap();
        assert_eq!(features(&data), [[1.5], [-3.25]]);
        assert_eq!(targets(&*data.train), [2.0, 1000.0]);
    }
    assert_eq!(
        fault("a;y\n1;2\n2;1.5\n", keys, ALL),
        "target: `t.csv:3`, column `y`: `1.5` is not a finite number; hint: decimal = \".\""
    );
    assert_eq!(
        fault("a;y\n1;2\n2;1,5\n", &keys.replace("\",\"", "\".\""), ALL),
        "target: `t.csv:3`, column `y`: `1,5` is not a finite number; hint: decimal = \",\""
    );
}

#[test]
fn a_given_separator_is_the_only_one() {
    let keys = "target = \"y\"\ntask = \"regression\"\nstandardize = false\nseparator = \";\"";
    let data = load("a,b;y\n1;2\n3;4\n", keys, ALL).unwrap();
    assert_eq!(targets(&*data.train), [2.0, 4.0]);
    assert_eq!(data.facts.notes.len(), 0);
    for escaped in ["\"\\t\"", "'\\t'"] {
        let keys = keys.replace("\";\"", escaped);
        assert_eq!(
            load("a\ty\n1\t2\n3\t4\n", &keys, ALL).unwrap().facts.train,
            2
        );
    }
}

#[test]
fn a_category_is_its_text() {
    let zips = "zip,y\n02116,1\n2116,2\n10001,3\n00501,4\n02116,5\n";
    let keys = "target = \"y\"\ntask = \"regression\"\nstandardize = false\ncolumns = { zip = { type = \"category\" } }";
    let data = load(zips, keys, ALL).unwrap();
    assert_eq!(data.facts.fields[0].shape, [4]);
    assert_eq!(features(&data)[0], features(&data)[4]);
    assert_ne!(features(&data)[0], features(&data)[1]);
    assert_eq!(
        data.facts.notes,
        [
            "column `zip`: `02116` and `2116` are two, although they are the same number; hint: categories_by = \"number\" makes them one"
        ]
    );
    let by_number = format!("{keys}\ncategories_by = \"number\"");
    assert_eq!(
        load(zips, &by_number, ALL).unwrap().facts.fields[0].shape,
        [3]
    );
    // Numbers above 2^53 are the same float in pairs.
    let ids = ["9007199254740995", "9007199254740992", "9007199254740993"];
    let rows: String = (0..12).map(|i| format!("{i},{}\n", ids[i % 3])).collect();
    let data = load(
        &format!("a,id\n{rows}"),
        "target = \"id\"\ntask = \"classification\"",
        ALL,
    )
    .unwrap();
    assert_eq!(
        data.facts.task,
        Task::classes([ids[1], ids[2], ids[0]].map(String::from).to_vec())
    );
    assert_eq!(targets(&*data.train)[..3], [2.0, 0.0, 1.0]);
}

#[test]
fn a_category_that_the_training_split_lacks_is_all_zeros() {
    let rows: String = (0..30)
        .map(|i| format!("{},{i}\n", ["u", "v"][i % 2]))
        .collect();
    let table = format!("c,y\n{rows}rare,30\n");
    let keys = "target = \"y\"\ntask = \"regression\"\nstandardize = false";
    let mut places = BTreeSet::new();
    for seed in 0..12 {
        let common = format!("split = {{ val = \"40%\", test = \"0%\", seed = {seed} }}");
        let data = load(&table, keys, &common).unwrap();
        // The features do not depend on the split.
        assert_eq!(data.facts.fields[0].shape, [3]);
        let val = data.val.clone().unwrap();
        let rare = (0..val.len()).find(|&i| targets(&*val)[i] == 30.0);
        places.insert(rare.is_some());
        if let Some(rare) = rare {
            assert_eq!(super::options::rows(&*val, 3)[rare], [0.0; 3]);
            assert_eq!(
                data.facts.notes,
                ["column `c`: not in the training split, and all zeros elsewhere: `rare`"]
            );
        }
    }
    assert_eq!(places.len(), 2);
}

#[test]
fn many_categories_and_identifiers_are_warned_of() {
    let warnings = |table: &str, keys: &str| -> Vec<String> {
        let keys = format!("target = \"y\"\ntask = \"regression\"\n{keys}");
        let data = load(table, &keys, ALL).unwrap();
        data.facts
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let rows: String = (0..1500).map(|i| format!("c{},{i}\n", i % 500)).collect();
    let table = format!("c,y\n{rows}");
    assert_eq!(
        warnings(&table, ""),
        [
            "`columns.c.type`: column `c` has 500 categories, which become 500 features; hint: columns.c.type = \"ignore\""
        ]
    );
    assert_eq!(
        warnings(&table, "encoding = \"ordinal\""),
        ["`columns.c.type`: column `c` has 500 categories; hint: columns.c.type = \"ignore\""]
    );
    let rows: String = (0..30)
        .map(|i| format!("{i},{},{}\n", i % 3, i * i))
        .collect();
    let table = format!("Id,a,y\n{rows}");
    assert_eq!(
        warnings(&table, ""),
        [
            "`columns.Id.type`: column `Id` counts the rows; it looks like an identifier; hint: columns.Id.type = \"ignore\""
        ]
    );
    assert_eq!(warnings(&table.replace("Id", "time"), "").len(), 0);
}

#[test]
fn numbers_that_look_like_names_are_told() {
    let keys = "target = \"y\"\ntask = \"regression\"";
    let data = load("zip,y\n2116,1\n00501,2\n", keys, ALL).unwrap();
    assert_eq!(
        data.facts.notes,
        [
            "column `zip` is a number, and `00501` in line 3 has leading zeros; hint: columns.zip.type = \"category\" where it is a name"
        ]
    );
    let data = load("n,y\n5,1\n9007199254740993,2\n", keys, ALL).unwrap();
    let warnings: Vec<String> = data
        .facts
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        warnings,
        [
            "`columns.n.type`: column `n` is a number, and `9007199254740993` in line 3 has more digits than a number keeps; hint: columns.n.type = \"category\" or \"ignore\" where it is a name"
        ]
    );
    let data = load("n,y\n0,1\n0.5,2\n", keys, ALL).unwrap();
    assert!(data.facts.warnings.is_empty() && data.facts.notes.is_empty());
}

#[test]
fn rows_that_are_in_two_splits_are_told() {
    let rows: String = (0..20).map(|i| format!("{i},{}\n", i * i)).collect();
    let table = format!("a,y\n{rows}");
    let folder = Folder::new(&[("train.csv", &table), ("val.csv", &table)]);
    let keys = "target = \"y\"\ntask = \"regression\"\nVAL";
    let data = folder.load(keys, "split = { test = \"0%\" }").unwrap();
    assert_eq!(
        data.facts.warnings[0].to_string(),
        "`val_path`: the training split also has 20 of the 20 validation rows, so the validation metrics say little about new data"
    );
    let twice = format!("a,y\n{rows}{rows}");
    let data = load(
        &twice,
        "target = \"y\"\ntask = \"regression\"",
        "split = { val = \"50%\" }",
    )
    .unwrap();
    assert!(
        data.facts
            .notes
            .iter()
            .any(|note| note.contains("validation rows, so the"))
    );
}
