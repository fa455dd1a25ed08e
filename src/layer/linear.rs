//! Linear layer: y = x·Wᵀ + b over the last dimension.

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode, init};
use crate::kernel::{self, Init, Param};

/// A linear layer: `weight` `[outputs, inputs]` and `bias` `[outputs]`.
#[derive(Debug)]
pub struct Linear {
    weight: Param,
    bias: Option<Param>,
    relu: bool,
    output: Vec<usize>,
}

/// How wide a linear layer is, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearKeys {
    /// Width of the output; at least 1.
    pub outputs: usize,
    /// Whether it has a bias; without use before a batch norm.
    pub bias: bool,
    /// Whether ReLU follows, in the same pass.
    pub relu: bool,
}

impl Linear {
    /// A linear layer over the last dimension of samples of shape `input`. Initial values are
    /// uniform within ±1/√inputs.
    ///
    /// # Errors
    /// Where the samples are scalars or empty, or the layer has no outputs.
    pub fn new(
        b: &Builder,
        name: &str,
        input: &[usize],
        keys: LinearKeys,
    ) -> Result<Self, LayerError> {
        let start = init::default(input.last().copied().unwrap_or(0));
        Self::starting(b, name, input, keys, [start; 2])
    }

    /// The same with other initial values of weight and bias.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn starting(
        b: &Builder,
        name: &str,
        input: &[usize],
        keys: LinearKeys,
        start: [Init; 2],
    ) -> Result<Self, LayerError> {
        let (b, outputs) = (b.child(name), keys.outputs);
        let inputs = input.last().copied().unwrap_or(0);
        if inputs == 0 || outputs == 0 {
            return Err(LayerError::shape(format!(
                "`{}` maps samples of shape {input:?} to {outputs} outputs; both must hold \
                 something",
                b.path()
            )));
        }
        let weight = b.param("weight", &[outputs, inputs], start[0]);
        let bias = keys.bias.then(|| b.param("bias", &[outputs], start[1]));
        let mut output = input.to_vec();
        output[input.len() - 1] = outputs;
        let count: usize = output.iter().product();
        b.record(LayerInfo {
            name: b.path().to_owned(),
            kind: if keys.relu { "linear + relu" } else { "linear" }.to_owned(),
            params: weight.count() + bias.as_ref().map_or(0, Param::count),
            flops: 2 * inputs as u64 * count as u64,
            activations: count,
            output: output.clone(),
        });
        let relu = keys.relu;
        Ok(Self {
            weight,
            bias,
            relu,
            output,
        })
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, .., inputs] → [n, .., outputs].
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        let bias = self.bias.as_ref().map(Param::tensor);
        kernel::linear(x, self.weight.tensor(), bias, self.relu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_knows_its_shape_and_cost() {
        let b = Builder::plan();
        let keys = LinearKeys {
            outputs: 4,
            bias: true,
            relu: false,
        };
        let layer = Linear::new(&b, "fc1", &[5, 3], keys).unwrap();
        assert_eq!(layer.output(), [5, 4]);
        let built = b.finish();
        let info = &built.layers[0];
        assert_eq!((info.params, info.flops, info.activations), (16, 120, 20));
        let shapes: Vec<_> = built.params.iter().map(|p| (p.name(), p.shape())).collect();
        assert_eq!(shapes, [("fc1.bias", &[4][..]), ("fc1.weight", &[4, 3])]);
    }

    #[test]
    fn nothing_cannot_be_mapped() {
        let keys = LinearKeys {
            outputs: 4,
            bias: true,
            relu: false,
        };
        for input in [&[][..], &[0]] {
            let error = Linear::new(&Builder::plan(), "fc1", input, keys).unwrap_err();
            assert!(error.to_string().contains("`fc1` maps samples"), "{error}");
        }
    }
}
