//! Recurrent network of long short-term memories.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Inputs, Io, Model, ModelSpec, Takes};
use crate::{
    error::KeyFault,
    layer::{self, Builder, Dropout, Last, LayerError, Linear, LinearKeys, Mode, Rows},
};

/// Long short-term memory (Hochreiter & Schmidhuber 1997) over sequences [steps, features]; an image
/// is read row by row, from top to bottom. `layers` of `hidden` units, each reading the states of
/// the one before, with dropout after each; then the last state → linear to the outputs.
/// Parameters as in PyTorch: `lstm1.weight_ih`, `lstm1.weight_hh`, `lstm1.bias_ih`,
/// `lstm1.bias_hh`, `lstm2.weight_ih`, …, `out.weight`, `out.bias`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lstm {
    /// Number of layers, one above the other. Default 1.
    #[serde(default = "layers")]
    #[schemars(range(min = 1, max = 64))]
    pub layers: usize,
    /// Units of each layer. Default 128.
    #[serde(default = "hidden")]
    #[schemars(range(min = 1, max = 65_536))]
    pub hidden: usize,
    /// Share of the states dropped in training between the layers and before the outputs, 0 to
    /// below 1. Default 0.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
}

fn layers() -> usize {
    1
}

fn hidden() -> usize {
    128
}

impl Default for Lstm {
    fn default() -> Self {
        Self {
            layers: layers(),
            hidden: hidden(),
            dropout: 0.0,
        }
    }
}

impl ModelSpec for Lstm {
    fn check(&self) -> Vec<KeyFault> {
        Vec::new()
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Sequences, Takes::Images]
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        let rows = match io.input().len() {
            2 => None,
            3 => Some(Rows::new(b, "rows", io.input())?),
            _ => return Err(no_sequences(io.input())),
        };
        let mut shape = rows.as_ref().map_or(io.input(), Rows::output).to_vec();
        let mut memories = Vec::with_capacity(self.layers);
        let mut drops = Vec::with_capacity(self.layers);
        for number in 1..self.layers {
            let memory = layer::Lstm::new(b, &format!("lstm{number}"), &shape, self.hidden)?;
            shape = memory.output().to_vec();
            drops.push(self.dropout(b, number, &shape)?);
            memories.push(memory);
        }
        let top = layer::Lstm::new(b, &format!("lstm{}", self.layers), &shape, self.hidden)?;
        let last = Last::new(b, "last", top.output())?;
        let drop = self.dropout(b, self.layers, last.output())?;
        let keys = LinearKeys {
            outputs: io.outputs,
            bias: true,
            relu: false,
        };
        let out = Linear::new(b, "out", last.output(), keys)?;
        let below = memories.into_iter().zip(drops).collect();
        Ok(Box::new(Network {
            rows,
            below,
            top,
            last,
            drop,
            out,
        }))
    }
}

impl Lstm {
    /// The dropout behind the `number`-th layer, where there is one.
    fn dropout(
        &self,
        b: &Builder,
        number: usize,
        input: &[usize],
    ) -> Result<Option<Dropout>, LayerError> {
        let drops = self.dropout > 0.0;
        drops
            .then(|| Dropout::new(b, &format!("drop{number}"), input, self.dropout))
            .transpose()
    }
}

/// The samples have no order to be read in.
fn no_sequences(input: &[usize]) -> LayerError {
    let message = format!("samples of shape {input:?} are not sequences");
    let hint = "`lstm` takes [steps, features], or images [channels, height, width], which it reads \
                row by row; `type = \"mlp\"` takes any shape";
    LayerError::shape(message).hint(hint)
}

struct Network {
    rows: Option<Rows>,
    below: Vec<(layer::Lstm, Option<Dropout>)>,
    top: layer::Lstm,
    last: Last,
    drop: Option<Dropout>,
    out: Linear,
}

/// Drops where there is a dropout.
fn dropped(drop: Option<&Dropout>, x: Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
    match drop {
        Some(drop) => drop.forward(&x, mode),
        None => Ok(x),
    }
}

impl Model for Network {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        let input = inputs.only()?;
        let mut x = match &self.rows {
            Some(rows) => rows.forward(input, mode)?,
            None => input.clone(),
        };
        for (memory, drop) in &self.below {
            x = dropped(drop.as_ref(), memory.forward(&x, mode)?, mode)?;
        }
        let x = self.last.forward(&self.top.forward(&x, mode)?, mode)?;
        let x = dropped(self.drop.as_ref(), x, mode)?;
        self.out.forward(&x, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(spec: &Lstm, input: &[usize]) -> Result<Vec<String>, String> {
        let (b, io) = (Builder::plan(), Io::numbers(input, 10));
        spec.build(&b, &io).map_err(|e| e.to_string())?;
        let show = |l: &layer::LayerInfo| format!("{}: {} {:?}", l.name, l.kind, l.output);
        Ok(b.finish().layers.iter().map(show).collect())
    }

    #[test]
    fn layers_follow_the_keys() {
        let want = [
            "lstm1: lstm [9, 128]",
            "last: last [128]",
            "out: linear [10]",
        ];
        assert_eq!(build(&Lstm::default(), &[9, 3]).unwrap(), want);
        let spec = Lstm {
            layers: 2,
            hidden: 6,
            dropout: 0.5,
        };
        let want = [
            "rows: rows [8, 21]",
            "lstm1: lstm [8, 6]",
            "drop1: dropout [8, 6]",
            "lstm2: lstm [8, 6]",
            "last: last [6]",
            "drop2: dropout [6]",
            "out: linear [10]",
        ];
        assert_eq!(build(&spec, &[3, 8, 7]).unwrap(), want);
    }

    #[test]
    fn a_row_of_a_table_is_no_sequence() {
        assert_eq!(
            build(&Lstm::default(), &[13]).unwrap_err(),
            "samples of shape [13] are not sequences; hint: `lstm` takes [steps, features], or \
             images [channels, height, width], which it reads row by row; `type = \"mlp\"` takes \
             any shape"
        );
    }

    #[test]
    fn defaults_fill_an_empty_table() {
        assert_eq!(toml::from_str::<Lstm>("").unwrap(), Lstm::default());
        assert!(toml::from_str::<Lstm>("units = 3").is_err());
    }
}
