//! Samples of one field put together to a column of a batch.

use super::{Column, DataError, Dataset, Values};
use crate::field::Field;

/// A column being made: samples one behind the other, not padded yet.
pub(super) struct Draft {
    pub values: Values,
    lengths: Vec<u32>,
    done: usize,
    /// Values of a place, where lengths vary.
    place: usize,
}

impl Draft {
    /// Returns a column of a field without samples, with room for `samples`.
    pub fn new(field: &Field, samples: usize) -> Self {
        Self {
            values: Values::with_room(field, samples),
            lengths: Vec::new(),
            done: 0,
            place: field.shape.iter().skip(1).product(),
        }
    }

    /// Takes what was appended since the last call as the sample `index`.
    ///
    /// # Errors
    /// It has another number of values than its field declares.
    pub fn end_sample(
        &mut self,
        field: &Field,
        dataset: &dyn Dataset,
        index: usize,
    ) -> Result<(), DataError> {
        let found = self.values.len() - self.done;
        self.done = self.values.len();
        check_size(field, found, dataset, index)?;
        if field.varies {
            self.lengths.push((found / self.place) as u32);
        }
        Ok(())
    }

    /// Returns the column; samples of different lengths are padded to the longest with zeros.
    pub fn finish(self, field: &Field) -> Column {
        let mut shape = field.shape.clone();
        if !field.varies {
            return Column {
                values: self.values,
                shape,
                lengths: None,
            };
        }
        let longest = self.lengths.iter().copied().max().unwrap_or(0) as usize;
        if let Some(places) = shape.first_mut() {
            *places = longest;
        }
        let sizes = (&self.lengths[..], self.place, longest);
        let values = match self.values {
            Values::Numbers(values) => Values::Numbers(padded(&values, sizes)),
            Values::Pixels(values) => Values::Pixels(padded(&values, sizes)),
            Values::Ids(values) => Values::Ids(padded(&values, sizes)),
        };
        Column {
            values,
            shape,
            lengths: Some(self.lengths),
        }
    }
}

/// Checks that sample `index` has as many values as its field declares.
///
/// # Errors
/// It has another number of them.
pub(super) fn check_size(
    field: &Field,
    found: usize,
    dataset: &dyn Dataset,
    index: usize,
) -> Result<(), DataError> {
    let place = field.shape.iter().skip(1).product::<usize>();
    let fits = match field.varies {
        true => (1..=field.size()).contains(&found) && found.is_multiple_of(place),
        false => found == field.size(),
    };
    if fits {
        return Ok(());
    }
    Err(DataError::Size {
        place: dataset.place(index),
        field: field.name.clone(),
        found,
        wanted: field.words(),
    })
}

/// Copies samples of these lengths to rows of `longest` places, of `place` values each.
fn padded<T: Copy + Default>(
    values: &[T],
    (lengths, place, longest): (&[u32], usize, usize),
) -> Vec<T> {
    let mut padded = Vec::with_capacity(lengths.len() * longest * place);
    let mut rest = values;
    for (row, &length) in (1..).zip(lengths) {
        let (sample, behind) = rest.split_at(length as usize * place);
        padded.extend_from_slice(sample);
        padded.resize(row * longest * place, T::default());
        rest = behind;
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::Subset, task::Target};
    use std::sync::Arc;

    /// Samples of one field, and nothing to predict.
    struct Texts(Vec<Vec<u32>>);

    impl Dataset for Texts {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
            out.ids()?.extend_from_slice(&self.0[index]);
            Ok(())
        }
        fn target(&self, _: usize) -> Target<'_> {
            Target::Class(0)
        }
    }

    fn column(field: &Field, texts: &[&[u32]]) -> Result<Column, DataError> {
        let texts = Texts(texts.iter().map(|text| text.to_vec()).collect());
        let mut draft = Draft::new(field, texts.len());
        for index in 0..texts.len() {
            texts.get(index, 0, &mut draft.values)?;
            draft.end_sample(field, &texts, index)?;
        }
        Ok(draft.finish(field))
    }

    #[test]
    fn samples_are_padded_to_the_longest_of_the_batch() {
        let field = Field::tokens("text", 5, 9).varying();
        let column = column(&field, &[&[1], &[2, 3, 4], &[5, 6]]).unwrap();
        assert_eq!(column.values, Values::Ids(vec![1, 0, 0, 2, 3, 4, 5, 6, 0]));
        assert_eq!(column.shape, [3]);
        assert_eq!(column.lengths, Some(vec![1, 3, 2]));
    }

    #[test]
    fn another_number_of_values_than_declared_is_refused() {
        let varying = Field::tokens("text", 2, 9).varying();
        let fixed = Field::tokens("text", 2, 9);
        let said = |field: &Field, texts: &[&[u32]]| column(field, texts).unwrap_err().to_string();
        assert_eq!(
            said(&varying, &[&[1], &[1, 2, 3]]),
            "sample 1: its field `text` has 3 values, and the dataset declares up to 2 tokens"
        );
        assert_eq!(
            said(&varying, &[&[]]),
            "sample 0: its field `text` has 0 values, and the dataset declares up to 2 tokens"
        );
        assert_eq!(
            said(&fixed, &[&[1]]),
            "sample 0: its field `text` has 1 value, and the dataset declares 2 tokens"
        );
        let numbers = Field::numbers("text", &[2]);
        assert_eq!(
            said(&numbers, &[&[1]]),
            "a dataset hands out ids for a field that it declares as another kind"
        );
        let texts: Arc<dyn Dataset> = Arc::new(Texts(vec![vec![1, 2], vec![1]]));
        let part = Subset::new(texts, vec![1]);
        let mut draft = Draft::new(&fixed, 1);
        part.get(0, 0, &mut draft.values).unwrap();
        let error = draft.end_sample(&fixed, &part, 0).unwrap_err();
        assert!(error.to_string().starts_with("sample 1: "), "{error}");
    }
}
