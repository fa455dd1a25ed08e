//! Multi-layer perceptron.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Inputs, Io, Model, ModelSpec, Norm, Takes,
    embed::{Categories, Embed, embed_schema},
    norm::NormLayer,
};
use crate::layer::{
    Activate, Activation, Builder, Dropout, Flatten, LayerError, Linear, LinearKeys, Mode,
};

/// Multi-layer perceptron for samples of any shape. A sample is one row of numbers; for each hidden
/// width: linear → norm → activation → dropout; then linear to the outputs. Parameters:
/// `fc1.weight`, `fc1.bias`, `norm1.weight`, …, `out.weight`, `out.bias`; with `embed`,
/// `embed1.weight`, … before them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    /// Widths of the hidden layers, first to last; an empty list is a linear model. Default `[128]`.
    #[serde(default = "hidden")]
    #[schemars(inner(range(min = 1, max = 1_048_576)))]
    pub hidden: Vec<usize>,
    /// Activation after each hidden layer. Default relu.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// Share of each hidden layer's outputs dropped in training, 0 to below 1. Default 0.
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub dropout: f64,
    /// Normalisation before each activation. Default none.
    #[serde(default)]
    pub norm: Norm,
    /// Gives each category of a table a vector of so many numbers, or of `"auto"`: min(50, (n + 1) / 2, rounded up) for a column of n categories. Default: no vectors; the dataset's encoding, such as one-hot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "embed_schema", example = &"auto")]
    pub embed: Option<Embed>,
}

fn hidden() -> Vec<usize> {
    vec![128]
}

fn relu() -> Activation {
    Activation::Relu
}

impl Default for Mlp {
    fn default() -> Self {
        Self {
            hidden: hidden(),
            activation: relu(),
            dropout: 0.0,
            norm: Norm::None,
            embed: None,
        }
    }
}

impl ModelSpec for Mlp {
    fn takes(&self) -> &'static [Takes] {
        match self.embed {
            Some(_) => &[Takes::Categories],
            None => &[Takes::Numbers],
        }
    }

    fn build(&self, b: &Builder, io: &Io) -> Result<Box<dyn Model>, LayerError> {
        let Some(embed) = self.embed else {
            let network = self.build_from(b, 0, (io.input(), io.outputs))?;
            return Ok(Box::new(network));
        };
        let categories = Categories::new(b, embed, &io.fields)?;
        let network = self.build_from(b, 0, (categories.output(), io.outputs))?;
        Ok(Box::new(Embedded {
            categories,
            network,
        }))
    }
}

impl Mlp {
    /// Builds it behind `norms` earlier norms, whose numbers its own go on from.
    pub(super) fn build_from(
        &self,
        b: &Builder,
        norms: usize,
        (input, outputs): (&[usize], usize),
    ) -> Result<Network, LayerError> {
        let flatten = (input.len() != 1).then(|| Flatten::new(b, "flatten", input));
        let mut width = flatten.as_ref().map_or(input, Flatten::output).to_vec();
        let mut blocks = Vec::with_capacity(self.hidden.len());
        for (i, hidden) in self.hidden.iter().enumerate() {
            let block = self.block(b, (i + 1, norms + i + 1), &width, *hidden);
            blocks.push(block.map_err(|e| e.at(format!("hidden[{i}]")))?);
            width = vec![*hidden];
        }
        let keys = LinearKeys {
            outputs,
            bias: true,
            relu: false,
        };
        let out = Linear::new(b, "out", &width, keys)?;
        Ok(Network {
            flatten,
            blocks,
            out,
        })
    }

    /// The `number`-th hidden layer and what follows it, norm and activation being the
    /// `place`-th of the model. ReLU runs inside the linear layer's or
    /// the batch norm's own pass.
    fn block(
        &self,
        b: &Builder,
        (number, place): (usize, usize),
        input: &[usize],
        outputs: usize,
    ) -> Result<Block, LayerError> {
        let relu = self.activation == Activation::Relu;
        let keys = LinearKeys {
            outputs,
            bias: self.norm != Norm::Batch,
            relu: relu && self.norm == Norm::None,
        };
        let linear = Linear::new(b, &format!("fc{number}"), input, keys)?;
        let shape = linear.output().to_vec();
        let norm = self.norm.build(b, &format!("norm{place}"), &shape, relu)?;
        let separate = !relu || self.norm == Norm::Layer;
        let name = format!("act{place}");
        let activation = separate.then(|| Activate::new(b, &name, &shape, self.activation));
        let dropout = if self.dropout > 0.0 {
            Some(Dropout::new(
                b,
                &format!("drop{number}"),
                &shape,
                self.dropout,
            )?)
        } else {
            None
        };
        Ok(Block {
            linear,
            norm,
            activation,
            dropout,
        })
    }
}

/// A hidden layer and what follows it.
#[derive(Debug)]
pub(super) struct Block {
    linear: Linear,
    norm: NormLayer,
    activation: Option<Activate>,
    dropout: Option<Dropout>,
}

impl Block {
    fn forward(&self, x: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        let x = self.linear.forward(x, mode)?;
        let x = self.norm.forward(x, mode)?;
        let x = match &self.activation {
            Some(activation) => activation.forward(&x, mode)?,
            None => x,
        };
        match &self.dropout {
            Some(dropout) => dropout.forward(&x, mode),
            None => Ok(x),
        }
    }
}

/// The layers, with their parameters.
pub(super) struct Network {
    flatten: Option<Flatten>,
    blocks: Vec<Block>,
    out: Linear,
}

impl Network {
    /// x [n, ..input] → [n, outputs].
    pub(super) fn run(&self, input: &Tensor, mode: &Mode) -> candle_core::Result<Tensor> {
        let mut x = match &self.flatten {
            Some(flatten) => flatten.forward(input, mode)?,
            None => input.clone(),
        };
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        self.out.forward(&x, mode)
    }
}

/// A network behind the vectors of categories.
struct Embedded {
    categories: Categories,
    network: Network,
}

impl Model for Embedded {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        self.network
            .run(&self.categories.forward(inputs, mode)?, mode)
    }
}

impl Model for Network {
    fn forward(&self, inputs: &Inputs, mode: &Mode) -> candle_core::Result<Tensor> {
        self.run(inputs.only()?, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(spec: &Mlp) -> Vec<String> {
        let (b, io) = (Builder::plan(), Io::numbers(&[1, 4, 4], 3));
        spec.build(&b, &io).unwrap();
        let layers = b.finish().layers;
        layers
            .iter()
            .map(|l| format!("{}: {}", l.name, l.kind))
            .collect()
    }

    #[test]
    fn defaults_fill_an_empty_table_and_come_back_complete() {
        let spec: Mlp = toml::from_str("").unwrap();
        assert_eq!(spec, Mlp::default());
        let text = toml::to_string(&spec).unwrap();
        assert_eq!(
            text,
            "hidden = [128]\nactivation = \"relu\"\ndropout = 0.0\nnorm = \"none\"\n"
        );
    }

    #[test]
    fn layers_follow_the_keys() {
        let spec = Mlp {
            hidden: vec![8, 5],
            ..Mlp::default()
        };
        let want = [
            "flatten: flatten",
            "fc1: linear + relu",
            "fc2: linear + relu",
            "out: linear",
        ];
        assert_eq!(names(&spec), want);
        let spec = Mlp {
            embed: None,
            hidden: vec![8],
            activation: Activation::Gelu,
            dropout: 0.5,
            norm: Norm::Batch,
        };
        let want = [
            "flatten: flatten",
            "fc1: linear",
            "norm1: batch_norm",
            "act1: gelu",
            "drop1: dropout",
            "out: linear",
        ];
        assert_eq!(names(&spec), want);
        assert_eq!(
            names(&Mlp {
                hidden: vec![],
                ..spec
            }),
            ["flatten: flatten", "out: linear"]
        );
    }

    #[test]
    fn the_schema_holds_the_ranges() {
        let schema = serde_json::to_value(schemars::schema_for!(Mlp)).unwrap();
        let keys = &schema["properties"];
        assert_eq!(keys["hidden"]["items"]["minimum"], 1);
        assert_eq!(keys["dropout"]["minimum"].as_f64(), Some(0.0));
        assert_eq!(keys["dropout"]["exclusiveMaximum"].as_f64(), Some(1.0));
        assert_eq!(schema["additionalProperties"], false);
    }
}
