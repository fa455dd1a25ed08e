//! Long short-term memory layer over sequences [steps, features].

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode};
use crate::kernel::{self, Init, Param};

/// An LSTM as `torch.nn.LSTM` has it, with the gates in the order i, f, g, o: `weight_ih`
/// `[4·hidden, features]`, `weight_hh` `[4·hidden, hidden]`, `bias_ih` and `bias_hh` `[4·hidden]`.
#[derive(Debug)]
pub struct Lstm {
    weight_ih: Param,
    weight_hh: Param,
    bias_ih: Param,
    bias_hh: Param,
    output: Vec<usize>,
}

/// Numbers that a step keeps for each unit: four gates, the cell, and the state twice; its input
/// comes on top.
const KEPT: usize = 4 + 1 + 2;

impl Lstm {
    /// A memory of `hidden` units over samples of shape `input` [steps, features]. Initial values are
    /// uniform within ±1/√hidden.
    ///
    /// # Errors
    /// Where the samples are no sequences, or there are no units.
    pub fn new(
        b: &Builder,
        name: &str,
        input: &[usize],
        hidden: usize,
    ) -> Result<Self, LayerError> {
        let b = b.child(name);
        let refusal = || {
            LayerError::shape(format!(
                "`{}` reads sequences [steps, features] with {hidden} units, but gets samples of \
                 shape {input:?}",
                b.path()
            ))
        };
        let [steps, features] = *input else {
            return Err(refusal());
        };
        if steps * features * hidden == 0 {
            return Err(refusal());
        }
        let (gates, start) = (4 * hidden, Init::Uniform(1.0 / (hidden as f64).sqrt()));
        let output = vec![steps, hidden];
        b.record(LayerInfo {
            name: b.path().to_owned(),
            kind: "lstm".to_owned(),
            params: gates * (features + hidden + 2),
            flops: 2 * gates as u64 * (features + hidden) as u64 * steps as u64,
            activations: (KEPT * hidden + features) * steps,
            output: output.clone(),
        });
        Ok(Self {
            weight_ih: b.param("weight_ih", &[gates, features], start),
            weight_hh: b.param("weight_hh", &[gates, hidden], start),
            bias_ih: b.param("bias_ih", &[gates], start),
            bias_hh: b.param("bias_hh", &[gates], start),
            output,
        })
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, t, features] → [n, t, hidden]: the state after each step, from zeros.
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        let weights = [&self.weight_ih, &self.weight_hh].map(Param::tensor);
        let biases = [&self.bias_ih, &self.bias_hh].map(Param::tensor);
        kernel::lstm(x, weights, biases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_knows_its_shape_and_cost() {
        let b = Builder::plan();
        let layer = Lstm::new(&b, "lstm1", &[4, 3], 5).unwrap();
        assert_eq!(layer.output(), [4, 5]);
        let built = b.finish();
        assert_eq!(built.layers[0].params, 60 + 100 + 20 + 20);
        assert_eq!(built.layers[0].flops, 2 * 20 * 8 * 4);
        let shapes: Vec<_> = built.params.iter().map(|p| (p.name(), p.shape())).collect();
        let want = [
            ("lstm1.bias_hh", &[20][..]),
            ("lstm1.bias_ih", &[20]),
            ("lstm1.weight_hh", &[20, 5]),
            ("lstm1.weight_ih", &[20, 3]),
        ];
        assert_eq!(shapes, want);
    }

    #[test]
    fn only_sequences_are_read() {
        for input in [&[3][..], &[1, 2, 3], &[0, 3]] {
            let error = Lstm::new(&Builder::plan(), "lstm1", input, 4).unwrap_err();
            let message = error.to_string();
            assert!(message.contains("`lstm1` reads sequences"), "{message}");
        }
    }
}
