//! How parameters begin: the schemes of `torch.nn.init`, as functions of a layer's fan-in and
//! fan-out.
//!
//! Fan-in is the number of inputs that one output sees (`inputs` of a linear layer,
//! `channels·kernel²` of a convolution), fan-out the number of outputs that one input reaches.

use crate::kernel::Init;

/// PyTorch's default for the weights and biases of linear layers and convolutions: uniform within
/// ±1/√fan_in, which is [`kaiming_uniform`] with a = √5.
#[must_use]
pub fn default(fan_in: usize) -> Init {
    kaiming_uniform(fan_in, 5f64.sqrt())
}

/// Uniform within ±√(6 / ((1 + a²)·fan_in)), for a leaky ReLU of slope `a`, 0 for ReLU
/// (He et al. 2015).
#[must_use]
pub fn kaiming_uniform(fan_in: usize, a: f64) -> Init {
    Init::Uniform(3f64.sqrt() * deviation(fan_in, a))
}

/// Normal with standard deviation √(2 / ((1 + a²)·fan_in)) (He et al. 2015).
#[must_use]
pub fn kaiming_normal(fan_in: usize, a: f64) -> Init {
    Init::Normal(deviation(fan_in, a))
}

/// Uniform within ±√(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).
#[must_use]
pub fn xavier_uniform(fan_in: usize, fan_out: usize) -> Init {
    Init::Uniform((6.0 / extents(fan_in, fan_out)).sqrt())
}

/// Normal with standard deviation √(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).
#[must_use]
pub fn xavier_normal(fan_in: usize, fan_out: usize) -> Init {
    Init::Normal((2.0 / extents(fan_in, fan_out)).sqrt())
}

fn deviation(fan_in: usize, a: f64) -> f64 {
    (2.0 / ((1.0 + a * a) * fan_in.max(1) as f64)).sqrt()
}

fn extents(fan_in: usize, fan_out: usize) -> f64 {
    (fan_in + fan_out).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// What PyTorch drew: the largest magnitude and the standard deviation of many numbers.
    #[derive(Deserialize)]
    struct Drawn {
        scheme: String,
        fan_in: usize,
        fan_out: usize,
        largest: f64,
        deviation: f64,
    }

    #[test]
    fn bounds_and_deviations_are_those_of_pytorch() {
        let text = include_str!("../../tests/reference/init.json");
        let drawn: Vec<Drawn> = serde_json::from_str(text).unwrap();
        assert!(drawn.len() >= 10);
        for d in drawn {
            let init = match d.scheme.as_str() {
                "kaiming_uniform" => kaiming_uniform(d.fan_in, 0.0),
                "kaiming_uniform_leaky" => kaiming_uniform(d.fan_in, 0.2),
                "kaiming_normal" => kaiming_normal(d.fan_in, 0.0),
                "xavier_uniform" => xavier_uniform(d.fan_in, d.fan_out),
                "xavier_normal" => xavier_normal(d.fan_in, d.fan_out),
                _ => default(d.fan_in),
            };
            let (got, want) = match init {
                Init::Uniform(bound) => (bound, d.largest),
                Init::Normal(deviation) => (deviation, d.deviation),
                other => panic!("{other:?}"),
            };
            assert!(
                (got / want - 1.0).abs() < 5e-3,
                "{}: {got} and {want}",
                d.scheme
            );
        }
    }
}
