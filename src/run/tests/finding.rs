//! Finding runs by id, prefix, name, path and age.

use std::fs;

use super::toy;
use crate::run::{Reader, RunError, RunMeta, Store, Writer};

#[test]
fn runs_are_found_by_every_form_of_their_names() {
    let root = toy::folder();
    let store = Store::new(root.path());
    assert!(matches!(store.find("last"), Err(RunError::Empty { .. })));
    let make = |name: &str| {
        let writer = Writer::create(
            root.path(),
            &RunMeta {
                name: name.into(),
                ..toy::meta()
            },
        )
        .unwrap();
        writer.path().to_path_buf()
    };
    let (old, wide, new) = (make("digits"), make("digits-wide"), make("digits"));
    fs::create_dir(root.path().join("no-run")).unwrap();
    let id = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_string();

    let listed: Vec<_> = store
        .list()
        .unwrap()
        .into_iter()
        .map(|view| view.path)
        .collect();
    assert_eq!(listed, [&new, &wide, &old].map(Clone::clone));
    for wanted in ["last", "@", "digits", &id(&new), new.to_str().unwrap()] {
        assert_eq!(store.find(wanted).unwrap(), new, "{wanted}");
    }
    assert_eq!(store.find("digits-w").unwrap(), wide);
    let short = id(&old).rsplit('-').next().unwrap().to_string();
    assert_eq!(store.find(&short).unwrap(), old);
    assert_eq!(store.find(&id(&old)).unwrap(), old);

    match store.find("digit") {
        Err(RunError::Ambiguous { candidates, .. }) => {
            assert_eq!(candidates, [&new, &wide, &old].map(|path| id(path)))
        }
        other => panic!("{other:?}"),
    }
    let message = store.find("dijits").unwrap_err().to_string();
    assert!(
        message.ends_with("; hint: did you mean `digits`?"),
        "{message}"
    );
    let message = store.find("xyz").unwrap_err().to_string();
    assert!(
        message.ends_with("; hint: `trainer ls` lists them"),
        "{message}"
    );
    assert!(matches!(store.find(""), Err(RunError::Unknown { .. })));
    assert!(matches!(
        store.find("./no-run"),
        Err(RunError::NotARun { .. })
    ));
    assert!(matches!(
        store.find("no-run"),
        Err(RunError::Unknown { .. })
    ));
}

#[test]
fn a_list_says_how_far_each_run_is() {
    let root = toy::folder();
    let (crashed, done) = (toy::run(root.path(), 7, 24), toy::run(root.path(), 24, 24));
    let writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let list = Store::new(root.path()).list().unwrap();
    let seen: Vec<_> = list
        .iter()
        .map(|view| (view.status.name(), view.step()))
        .collect();
    assert_eq!(seen, [("running", 0), ("completed", 24), ("crashed", 6)]);
    assert_eq!(
        list[2].metrics()["val/loss"],
        Reader::open(&crashed).unwrap().metrics()["val/loss"]
    );
    assert!(
        list[1].rows.is_empty() && list[1].metrics().contains_key("val/loss"),
        "{}",
        done.display()
    );
    drop(writer);
    assert_eq!(
        Store::new(root.path()).list().unwrap()[0].status.name(),
        "crashed"
    );
    assert!(
        Store::new(root.path().join("nowhere"))
            .list()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn only_runs_are_removed_and_only_rubbish_is_rubbish() {
    let root = toy::folder();
    let store = Store::new(root.path());
    let writer = Writer::create(root.path(), &toy::meta()).unwrap();
    let running = writer.path().to_path_buf();
    fs::create_dir(running.join("checkpoints/.tmp-step-0000000001-1")).unwrap();
    let done = toy::run(root.path(), 6, 6);
    fs::create_dir(done.join("checkpoints/.trash-step-0000000001")).unwrap();
    let unborn = root.path().join("toy-20260101-000000-abcdef");
    fs::create_dir(&unborn).unwrap();
    fs::write(unborn.join(".lock"), "").unwrap();
    let mine = root.path().join("mine");
    fs::create_dir(&mine).unwrap();

    let mut expected = [done.join("checkpoints/.trash-step-0000000001"), unborn];
    expected.sort();
    let mut rubbish = store.rubbish().unwrap();
    rubbish.sort();
    assert_eq!(rubbish, expected);
    assert!(matches!(
        store.remove(&running),
        Err(RunError::Locked { .. })
    ));
    assert!(matches!(store.remove(&mine), Err(RunError::NotARun { .. })));
    store.remove(&done).unwrap();
    assert!(!done.exists() && running.exists() && mine.exists());
}
