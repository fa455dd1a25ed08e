//! Vectors for the categories of a table, beside its numbers.

use candle_core::Tensor;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::Inputs;
use crate::{
    field::{Field, Kind},
    kernel::{self, Init},
    layer::{Builder, Embedding, LayerError, LayerInfo, Mode},
};

/// Numbers of a category's vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Embed {
    /// By the number of categories.
    Auto(Auto),
    /// The same for each column.
    Width(usize),
}

/// `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auto {
    /// The only name there is.
    Auto,
}

/// The values that `embed` takes.
pub(super) fn embed_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": 65_536 },
        { "enum": ["auto"] },
    ] })
}

impl Embed {
    /// Returns the width for a column of so many ids, the last of which stands for what is no
    /// category.
    fn width(self, ids: usize) -> usize {
        match self {
            Self::Auto(_) => ids.div_ceil(2).min(50),
            Self::Width(width) => width,
        }
    }
}

/// Standard deviation of the first values. They are small, so that a category that no training
/// sample has adds next to nothing, as all zeros would.
const DEVIATION: f64 = 0.01;

/// A vector for each category of each column, and the numbers before them.
pub(super) struct Categories {
    tables: Vec<Embedding>,
    has_numbers: bool,
    output: Vec<usize>,
}

impl Categories {
    /// Returns the tables `embed1`, `embed2`, … of samples of these fields: numbers, then
    /// categories; or categories alone.
    pub fn new(b: &Builder, embed: Embed, fields: &[Field]) -> Result<Self, LayerError> {
        let Some((Kind::Categories { sizes }, before)) =
            (fields.split_last()).map(|(last, before)| (&last.kind, before))
        else {
            let message = "the samples have no categories to embed";
            return Err(LayerError::shape(message.to_owned()).at("embed"));
        };
        let table = |(number, ids): (usize, &usize)| {
            let size = [*ids, embed.width(*ids)];
            let init = Init::Normal(DEVIATION);
            Embedding::new(b, &format!("embed{number}"), &[1], size, init)
        };
        let tables: Vec<Embedding> = (1..).zip(sizes).map(table).collect::<Result<_, _>>()?;
        let numbers: usize = before.iter().map(Field::size).sum();
        let widths = tables.iter().map(|table| table.output()[1]);
        let output = vec![numbers + widths.sum::<usize>()];
        let name = b.child("join").path().to_owned();
        b.record(LayerInfo {
            flops: 0,
            ..LayerInfo::elementwise(name, "side_by_side", &output)
        });
        Ok(Self {
            tables,
            has_numbers: numbers > 0,
            output,
        })
    }

    /// Shape of one sample's output.
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// Numbers [n, k] and categories u32 [n, m] → the numbers, then the vector of each category,
    /// side by side.
    pub fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        let (numbers, ids) = match inputs.fields() {
            [ids] if !self.has_numbers => (None, &ids.tensor),
            [numbers, ids] => (Some(numbers.tensor.clone()), &ids.tensor),
            fields => {
                candle_core::bail!("{} fields instead of numbers and categories", fields.len())
            }
        };
        let mut joined = numbers;
        for (column, table) in self.tables.iter().enumerate() {
            let vectors = table.forward(&ids.narrow(1, column, 1)?, mode)?;
            let (n, _, width) = vectors.dims3()?;
            let vectors = kernel::reshape(&vectors, &[n, width])?;
            joined = Some(match joined {
                Some(before) => kernel::side_by_side(&before, &vectors)?,
                None => vectors,
            });
        }
        joined.ok_or_else(|| candle_core::Error::Msg("no category to embed".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Input;
    use candle_core::Device;

    #[test]
    fn the_width_follows_the_number_of_categories() {
        let auto = Embed::Auto(Auto::Auto);
        // n categories, and an id for what is none of them.
        let widths = [1, 2, 3, 9, 98, 99, 1000].map(|n| auto.width(n + 1));
        assert_eq!(widths, [1, 2, 2, 5, 50, 50, 50]);
        assert_eq!(Embed::Width(7).width(1000), 7);
    }

    #[test]
    fn numbers_stand_before_the_vectors_of_the_categories() {
        let fields = [
            Field::numbers("numbers", &[2]),
            Field::categories("categories", vec![3, 4]),
        ];
        let b = Builder::plan();
        let categories = Categories::new(&b, Embed::Width(2), &fields).unwrap();
        assert_eq!(categories.output(), [6]);
        let params = b.finish().params;
        for param in &params {
            param.fill(1, &Device::Cpu).unwrap();
        }
        let input = |name: &str, tensor| Input {
            name: name.into(),
            tensor,
            lengths: None,
        };
        let inputs = Inputs::new(vec![
            input(
                "numbers",
                Tensor::new(&[[5f32, 6.0]], &Device::Cpu).unwrap(),
            ),
            input(
                "categories",
                Tensor::new(&[[2u32, 3]], &Device::Cpu).unwrap(),
            ),
        ]);
        let y = categories.forward(&inputs, &Mode::Eval).unwrap();
        let row = |param: usize, row: usize| -> Vec<f32> {
            params[param].tensor().get(row).unwrap().to_vec1().unwrap()
        };
        let want = [vec![5.0, 6.0], row(0, 2), row(1, 3)].concat();
        assert_eq!(y.to_vec2::<f32>().unwrap(), [want]);
        let images = [Field::numbers("image", &[1, 2, 2])];
        assert!(Categories::new(&Builder::plan(), Embed::Width(2), &images).is_err());
    }
}
