//! Recurrent network of long short-term memories.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Inputs, Io, Model, ModelSpec, Takes};
use crate::{
    field::Kind,
    kernel::Init,
    layer::{self, Builder, Dropout, Embedding, Last, LayerError, Linear, LinearKeys, Mode, Rows},
};

/// Long short-term memory for sequences, images and texts. An image is read row by row, from top to
/// bottom, a text token by token. `layers` of `hidden` units, each reading the states of the one
/// before, with dropout after each; then the last state → linear to the outputs (Hochreiter &
/// Schmidhuber 1997). Parameters as in PyTorch: `lstm1.weight_ih`, `lstm1.weight_hh`,
/// `lstm1.bias_ih`, `lstm1.bias_hh`, `lstm2.weight_ih`, …, `out.weight`, `out.bias`; `token.weight`
/// for texts.
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
    /// Numbers of each token's vector, where the samples are texts. Default: as many as `hidden`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_536), example = 64)]
    pub embed: Option<usize>,
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
            embed: None,
        }
    }
}

impl ModelSpec for Lstm {
    fn takes(&self) -> &'static [Takes] {
        &[Takes::Sequences, Takes::Images, Takes::Texts]
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        let door = self.door(b, io)?;
        let mut shape = door.output(io.input()).to_vec();
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
            door,
            below,
            top,
            last,
            drop,
            out,
        }))
    }
}

/// Standard deviation of the first values of a token's vector, as in PyTorch.
const DEVIATION: f64 = 1.0;

impl Lstm {
    /// Returns what makes sequences [steps, features] of the samples.
    fn door(&self, b: &Builder, io: &Io) -> Result<Door, LayerError> {
        let kind = io.fields.first().map(|field| &field.kind);
        match (kind, io.input()) {
            (Some(&Kind::Tokens { vocabulary }), input @ [_]) => {
                let size = [vocabulary, self.embed.unwrap_or(self.hidden)];
                let init = Init::Normal(DEVIATION);
                Ok(Door::Tokens(Embedding::new(b, "token", input, size, init)?))
            }
            (_, [_, _]) => Ok(Door::Steps),
            (_, input @ [_, _, _]) => Ok(Door::Rows(Rows::new(b, "rows", input)?)),
            (_, input) => Err(no_sequences(input)),
        }
    }

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
    door: Door,
    below: Vec<(layer::Lstm, Option<Dropout>)>,
    top: layer::Lstm,
    last: Last,
    drop: Option<Dropout>,
    out: Linear,
}

/// The layer that makes sequences of the samples.
enum Door {
    /// They are sequences.
    Steps,
    /// An image's rows.
    Rows(Rows),
    /// A vector for each token.
    Tokens(Embedding),
}

impl Door {
    /// Shape of one sample's sequence.
    fn output<'a>(&'a self, input: &'a [usize]) -> &'a [usize] {
        match self {
            Self::Steps => input,
            Self::Rows(rows) => rows.output(),
            Self::Tokens(embedding) => embedding.output(),
        }
    }

    fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        match self {
            Self::Steps => Ok(x.clone()),
            Self::Rows(rows) => rows.forward(x, mode),
            Self::Tokens(embedding) => embedding.forward(x, mode),
        }
    }
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
        let (input, lengths) = inputs.sequence()?;
        let mut x = self.door.forward(input, mode)?;
        for (memory, drop) in &self.below {
            x = dropped(drop.as_ref(), memory.forward(&x, mode)?, mode)?;
        }
        let x = self.top.forward(&x, mode)?;
        let x = match lengths {
            Some(lengths) => self.last.forward_within(&x, lengths)?,
            None => self.last.forward(&x, mode)?,
        };
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
            embed: None,
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
