//! Batches end to end: order, resuming in mid-epoch, threads that end.

use std::{borrow::Cow, collections::BTreeSet, thread};

use super::*;
use crate::{
    data::{
        Batch, DatasetKeys, DatasetSpec, Digits, Values, order_hash,
        shared::shown,
        transform::{HorizontalFlip, RandomCrop, TransformEntry},
    },
    task::{Target, Targets},
};

/// Sample i is the number i, three times; sample `bad` panics or fails.
struct Counting {
    len: usize,
    bad: Option<(usize, bool)>,
}

impl Dataset for Counting {
    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        match self.bad {
            Some((bad, true)) if bad == index => panic!("sample {index} is bad"),
            Some((bad, false)) if bad == index => Err(DataError::Custom("cannot read it".into())),
            _ => {
                out.numbers()?.extend([index as f32; 3]);
                Ok(())
            }
        }
    }

    fn target(&self, index: usize) -> Target<'_> {
        Target::Values(Cow::Owned(vec![index as f32, 0.5]))
    }
}

const KEYS: LoaderKeys = LoaderKeys {
    batch_size: 10,
    shuffle: true,
    drop_last: false,
    prefetch: 2,
    seed: 7,
};

fn loader(len: usize, keys: LoaderKeys) -> Loader {
    let dataset = Arc::new(Counting { len, bad: None });
    Loader::new(
        dataset,
        Arc::new(Transforms::none(&[Field::numbers("input", &[3])])),
        keys,
    )
    .unwrap()
}

fn all(batches: Batches) -> Vec<Batch> {
    batches.collect::<Result<_, _>>().unwrap()
}

#[test]
fn an_epoch_is_every_sample_once_in_the_order_that_was_said() {
    let loader = loader(95, KEYS);
    let batches = all(loader.epoch(3, 0));
    assert_eq!(batches.len(), loader.batches_per_epoch());
    let lens: Vec<usize> = batches.iter().map(|b| b.len).collect();
    assert_eq!(lens, [[10; 9].as_slice(), &[5]].concat());
    let ids: Vec<u32> = batches.iter().flat_map(|b| b.ids.clone()).collect();
    assert_eq!(ids, loader.order(3));
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 95);
    for batch in &batches {
        let input: Vec<f32> = batch.ids.iter().flat_map(|&id| [id as f32; 3]).collect();
        let values = batch.ids.iter().flat_map(|&id| [id as f32, 0.5]).collect();
        assert_eq!(batch.columns[0].values, Values::Numbers(input));
        assert_eq!(batch.targets, Targets::Values(values));
    }
    assert_ne!(order_hash(&loader.order(3)), order_hash(&loader.order(4)));
}

#[test]
fn the_order_depends_on_seed_and_epoch_only() {
    let orders = |prefetch, batch_size| {
        let keys = LoaderKeys {
            prefetch,
            batch_size,
            ..KEYS
        };
        loader(95, keys).order(5)
    };
    assert_eq!(orders(0, 10), orders(8, 3));
    assert_ne!(
        orders(0, 10),
        loader(95, LoaderKeys { seed: 8, ..KEYS }).order(5)
    );
    assert_eq!(
        loader(
            95,
            LoaderKeys {
                shuffle: false,
                ..KEYS
            }
        )
        .order(5),
        (0..95).collect::<Vec<_>>()
    );
}

#[test]
fn resuming_anywhere_gives_the_rest_of_the_epoch() {
    for drop_last in [false, true] {
        let loader = loader(95, LoaderKeys { drop_last, ..KEYS });
        let whole = all(loader.epoch(1, 0));
        assert_eq!(whole.len(), if drop_last { 9 } else { 10 });
        for skip in 0..=whole.len() {
            assert_eq!(loader.epoch(1, skip).len(), whole.len() - skip);
            assert_eq!(all(loader.epoch(1, skip)), whole[skip..]);
        }
        assert!(all(loader.epoch(1, 1000)).is_empty());
    }
}

#[test]
fn real_augmented_batches_are_the_same_with_and_without_a_thread() {
    let data = Digits {}.load(&DatasetKeys::default(), 0).unwrap();
    let entries = [
        TransformEntry {
            kind: "random_crop".into(),
            spec: Arc::new(RandomCrop {
                padding: 1,
                size: None,
            }),
        },
        TransformEntry {
            kind: "horizontal_flip".into(),
            spec: Arc::new(HorizontalFlip { p: 0.5 }),
        },
    ];
    let transforms = Transforms::fit(&entries, &data.facts.fields, &*data.train, 0).unwrap();
    let transforms = Arc::new(transforms);
    let make = |prefetch, batch_size| {
        let keys = LoaderKeys {
            prefetch,
            batch_size,
            ..KEYS
        };
        Loader::new(Arc::clone(&data.train), Arc::clone(&transforms), keys).unwrap()
    };
    let here = all(make(0, 64).epoch(2, 0));
    assert_eq!(here, all(make(3, 64).epoch(2, 0)));
    let numbers = |batch: &Batch| batch.columns[0].values.clone().numbers().unwrap().clone();
    let flat = |batches: &[Batch]| -> Vec<f32> { batches.iter().flat_map(numbers).collect() };
    assert_eq!(flat(&here), flat(&all(make(1, 50).epoch(2, 0))));
    assert_ne!(flat(&here), flat(&all(make(0, 64).epoch(3, 0))));

    for (index, input) in flat(&all(make(2, 64).sequential())).chunks(64).enumerate() {
        let image = shown(&data.facts, &*data.train, index);
        assert_eq!(input, image, "evaluation sees the image itself");
    }
}

#[test]
fn a_batch_larger_than_the_dataset_is_one_smaller_batch_or_a_fault() {
    let batches = all(loader(5, KEYS).epoch(0, 0));
    assert_eq!((batches.len(), batches[0].len), (1, 5));
    let keys = LoaderKeys {
        drop_last: true,
        ..KEYS
    };
    let dataset = Arc::new(Counting { len: 5, bad: None });
    let error = Loader::new(
        dataset,
        Arc::new(Transforms::none(&[Field::numbers("input", &[3])])),
        keys,
    )
    .err()
    .unwrap();
    assert_eq!(
        error.to_string(),
        "`5` samples do not fill one batch of `10`; hint: drop_last = false, or a smaller batch_size"
    );
}

#[test]
fn a_panic_and_an_error_reach_the_caller_and_end_the_epoch() {
    for (panics, prefetch, message) in [
        (true, 2, "reading ahead failed: sample 57 is bad"),
        (false, 2, "cannot read it"),
        (false, 0, "cannot read it"),
    ] {
        let dataset = Arc::new(Counting {
            len: 95,
            bad: Some((57, panics)),
        });
        let keys = LoaderKeys {
            prefetch,
            shuffle: false,
            ..KEYS
        };
        let loader = Loader::new(
            dataset,
            Arc::new(Transforms::none(&[Field::numbers("input", &[3])])),
            keys,
        )
        .unwrap();
        let mut batches = loader.epoch(0, 0);
        for _ in 0..5 {
            assert!(batches.next().unwrap().is_ok());
        }
        assert_eq!(batches.next().unwrap().unwrap_err().to_string(), message);
        assert!(batches.next().is_none());
    }
}

/// Counts the threads that hold it.
#[test]
fn dropping_batches_early_ends_the_thread_and_reads_little_ahead() {
    let dataset: Arc<dyn Dataset> = Arc::new(Counting {
        len: 100_000,
        bad: None,
    });
    let transforms = Arc::new(Transforms::none(&[Field::numbers("input", &[3])]));
    let loader = Loader::new(Arc::clone(&dataset), transforms, KEYS).unwrap();
    let mut batches = loader.epoch(0, 0);
    batches.next().unwrap().unwrap();
    assert!(
        Arc::strong_count(&dataset) > 2,
        "the thread holds the dataset"
    );
    drop(batches);
    assert_eq!(Arc::strong_count(&dataset), 2, "the thread has ended");
}

#[test]
fn prefetch_is_the_number_of_batches_made_ahead() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Watched(AtomicUsize);
    impl Dataset for Watched {
        fn len(&self) -> usize {
            100
        }
        fn get(&self, _: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            out.numbers()?.push(0.0);
            Ok(())
        }
        fn target(&self, _: usize) -> Target<'_> {
            Target::Class(0)
        }
    }
    for prefetch in [1, 3] {
        let dataset = Arc::new(Watched(AtomicUsize::new(0)));
        let keys = LoaderKeys {
            prefetch,
            batch_size: 1,
            ..KEYS
        };
        let transforms = Arc::new(Transforms::none(&[Field::numbers("input", &[1])]));
        let loader = Loader::new(Arc::clone(&dataset) as _, transforms, keys).unwrap();
        let mut batches = loader.epoch(0, 0);
        let made = || dataset.0.load(Ordering::SeqCst);
        while made() < prefetch {
            thread::yield_now();
        }
        for taken in 1..=100 {
            assert!(batches.next().unwrap().is_ok());
            assert!(made() <= taken + prefetch, "{} after {taken}", made());
        }
        assert!(batches.next().is_none());
    }
}
