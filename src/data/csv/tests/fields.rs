//! Categories in a field of their own, and rows of several labels.

use super::*;
use crate::{data::Values, field::Field};

/// The ids of a row's categories.
fn ids(data: &Data, index: usize) -> Vec<u32> {
    let categories = data.facts.fields.len() - 1;
    let mut values = Values::Ids(Vec::new());
    data.train.get(index, categories, &mut values).unwrap();
    values.ids().unwrap().clone()
}

fn with_categories(table: &str, keys: &str, common: &str) -> Data {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, table).unwrap();
    let formed = spec(&path, keys).with_categories().unwrap();
    let common: DatasetKeys = toml::from_str(common).unwrap();
    formed.load(&common, 0).unwrap()
}

#[test]
fn a_category_is_an_id_and_numbers_are_as_ever() {
    let keys = "target = \"healthy\"\nstandardize = false";
    let data = with_categories(PETS, keys, ALL);
    let (numbers, categories) = (
        Field::numbers("numbers", &[2]),
        Field::categories("categories", vec![4, 5]),
    );
    assert_eq!(data.facts.fields, [numbers, categories]);
    assert_eq!(
        features(&data),
        [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [6.0, 8.0]]
    );
    // ant, cat, dog; a, b, c, d.
    assert_eq!(ids(&data, 0), [2, 0]);
    assert_eq!(ids(&data, 3), [0, 3]);
    let ordinal = format!("{keys}\ncolumns = {{ kind = {{ encoding = \"ordinal\" }} }}");
    let data = with_categories(PETS, &ordinal, ALL);
    assert_eq!(
        data.facts.fields[1],
        Field::categories("categories", vec![5])
    );
    assert_eq!(features(&data)[0], [1.0, 2.0, 2.0]);
}

#[test]
fn a_value_that_training_does_not_have_has_an_id_of_its_own() {
    let keys = "target = \"healthy\"\ncolumns = { id = { type = \"ignore\" } }";
    let split = "split = { val = \"1 samples\", test = \"0%\", order = \"file\" }";
    let data = with_categories(PETS, keys, split);
    let mut values = Values::Ids(Vec::new());
    data.val.unwrap().get(0, 1, &mut values).unwrap();
    assert_eq!(values, Values::Ids(vec![3]), "`ant` is only in validation");
    let noted = |note: &String| note.contains("unknown elsewhere: `ant`");
    assert!(data.facts.notes.iter().any(noted), "{:?}", data.facts.notes);
}

#[test]
fn a_table_of_categories_alone_has_one_field() {
    let keys = "target = \"y\"";
    let data = with_categories("a,y\np,1\nq,2\np,1\nq,2\n", keys, ALL);
    assert_eq!(
        data.facts.fields,
        [Field::categories("categories", vec![3])]
    );
    assert_eq!(ids(&data, 1), [1]);
}

const FILMS: &str = "x,genres\n1,drama|music\n2,\n3, music \n4,drama|drama\n";
const LABELS: &str = "target = \"genres\"\ntask = \"multi_label\"";

#[test]
fn a_row_has_any_of_several_labels() {
    let data = load(FILMS, LABELS, ALL).unwrap();
    let names = vec!["drama".into(), "music".into()];
    assert_eq!(data.facts.task, Task::MultiLabel { names });
    let target = |i| match data.train.target(i) {
        Target::Values(values) => values.to_vec(),
        other => panic!("{other:?}"),
    };
    let targets: Vec<Vec<f32>> = (0..4).map(target).collect();
    assert_eq!(targets, [[1.0, 1.0], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]);
    assert!(data.target_scale.is_none());
    assert!(data.audit(None).is_ok());
    let note = "column `genres`: 1 row without a label".to_string();
    assert!(data.facts.notes.contains(&note), "{:?}", data.facts.notes);
    let commas = FILMS.replace('|', ";");
    let keys = format!("{LABELS}\nseparator = \",\"\nlabel_separator = \";\"");
    assert_eq!(
        load(&commas, &keys, ALL).unwrap().facts.task,
        data.facts.task
    );
}

#[test]
fn faults_of_labels_name_their_key() {
    let one = fault("x,genres\n1,a;b\n2,a;b\n", LABELS, ALL);
    assert_eq!(
        one,
        "label_separator: target `genres` of `t.csv` has 1 label in all rows; hint: is `|` what stands between labels? `label_separator` says it"
    );
    let plain = spec(
        Path::new("t.csv"),
        "target = \"y\"\nlabel_separator = \";\"",
    );
    assert_eq!(
        plain.check()[0].to_string(),
        "`label_separator`: `label_separator` is for several labels in a row; hint: task = \"multi_label\", or remove it"
    );
}

#[test]
fn a_label_that_training_does_not_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let path = write("t.csv", FILMS);
    let val = write("v.csv", "x,genres\n1,drama|western\n");
    let keys = format!("{LABELS}\nval_path = '{}'", val.display());
    let common: DatasetKeys = toml::from_str("split = { test = \"0%\" }").unwrap();
    let error = spec(&path, &keys).load(&common, 0).unwrap_err();
    assert_eq!(error.key(), "target");
    let text = error.to_string();
    assert!(
        text.contains("`drama|western`") || text.contains("`western` is not a label of `t.csv`"),
        "{text}"
    );
}
