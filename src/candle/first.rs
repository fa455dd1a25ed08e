//! First values as `candle_nn` defines them.
//!
//! Kaiming (He et al. 2015): standard deviation gain / √fan, uniform within ±√3 of it.

use candle_nn::{Init as Hint, init::NormalOrUniform};

use crate::kernel::Init;

/// The first values that a hint of `candle_nn` means for a tensor of this shape.
pub(super) fn values(hint: Hint, shape: &[usize]) -> Init {
    match hint {
        Hint::Const(value) => Init::Constant(value),
        Hint::Randn { mean, stdev } => Init::Gaussian {
            mean,
            deviation: stdev,
        },
        Hint::Uniform { lo, up } => Init::Range { low: lo, high: up },
        Hint::Kaiming {
            dist,
            fan,
            non_linearity,
        } => {
            let fan = fan.for_shape(&shape.into()).max(1);
            let deviation = non_linearity.gain() / (fan as f64).sqrt();
            match dist {
                NormalOrUniform::Normal => Init::Normal(deviation),
                NormalOrUniform::Uniform => Init::Uniform(3f64.sqrt() * deviation),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Param;
    use candle_core::{DType, Device};
    use candle_nn::init::{FanInOut, NonLinearity};

    /// Mean, standard deviation, least and largest value.
    fn figures(values: &[f32]) -> [f64; 4] {
        let n = values.len() as f64;
        let values = || values.iter().copied().map(f64::from);
        let mean = values().sum::<f64>() / n;
        let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let least = values().fold(f64::INFINITY, f64::min);
        let largest = values().fold(f64::NEG_INFINITY, f64::max);
        [mean, variance.sqrt(), least, largest]
    }

    #[test]
    fn values_are_distributed_as_candle_draws_them() {
        let kaiming = |dist, fan, non_linearity| Hint::Kaiming {
            dist,
            fan,
            non_linearity,
        };
        use {FanInOut::*, NonLinearity::*, NormalOrUniform::*};
        let hints = [
            Hint::Const(0.0),
            Hint::Const(-2.5),
            Hint::Randn {
                mean: 3.0,
                stdev: 0.5,
            },
            Hint::Uniform { lo: -1.0, up: 3.0 },
            kaiming(Normal, FanIn, ReLU),
            kaiming(Uniform, FanOut, Tanh),
            kaiming(Uniform, FanIn, ExplicitGain(0.3)),
            kaiming(Normal, FanOut, SELU),
        ];
        for hint in hints {
            let shape = [64, 32, 3, 3];
            let name = "conv.weight".to_owned();
            let param = Param::new(name, shape.to_vec(), values(hint, &shape), true);
            param.fill(1, &Device::Cpu).unwrap();
            let ours = param.tensor().flatten_all().unwrap().to_vec1().unwrap();
            let theirs = hint.var(&shape, DType::F32, &Device::Cpu).unwrap();
            let theirs = theirs.flatten_all().unwrap().to_vec1().unwrap();
            let (ours, theirs) = (figures(&ours), figures(&theirs));
            let near = |i: usize, within: f64| (ours[i] - theirs[i]).abs() <= within;
            let width = theirs[1];
            assert!(near(0, 0.05 * width) && near(1, 0.03 * width), "{hint:?}");
            let is_bounded = !matches!(
                hint,
                Hint::Randn { .. } | Hint::Kaiming { dist: Normal, .. }
            );
            let reach = if is_bounded { 0.01 } else { 1.5 } * width;
            assert!(
                near(2, reach) && near(3, reach),
                "{hint:?}: {ours:?} {theirs:?}"
            );
        }
    }
}
