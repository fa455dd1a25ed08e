//! Convolution layer over images [channels, height, width].

use candle_core::Tensor;

use super::{Builder, LayerError, LayerInfo, Mode, error::images, init};
use crate::kernel::{self, Conv, Init, Param, Pool, places};

/// A 2-d convolution: `weight` `[channels, inputs, kernel, kernel]` and `bias` `[channels]`, with ReLU
/// and max pooling in the same pass where they follow.
#[derive(Debug)]
pub struct Conv2d {
    weight: Param,
    bias: Option<Param>,
    conv: Conv,
    output: Vec<usize>,
}

/// How a convolution looks at images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dKeys {
    /// Output channels; at least 1.
    pub channels: usize,
    /// Extent of the window in pixels, both ways; at least 1.
    pub kernel: usize,
    /// Whether it has a bias; without use before a batch norm.
    pub bias: bool,
    /// Stride, padding, and what follows in the same pass.
    pub conv: Conv,
}

impl Conv2d {
    /// A convolution of samples of shape `input`. Initial values are uniform within
    /// ±1/√(inputs·kernel²).
    ///
    /// # Errors
    /// Where the samples are no images, or the window or the pooling does not fit on them.
    pub fn new(
        b: &Builder,
        name: &str,
        input: &[usize],
        keys: Conv2dKeys,
    ) -> Result<Self, LayerError> {
        Self::build(b, name, input, keys, init::default)
    }

    /// The same with initial values as in residual networks: normal with standard deviation
    /// √(2 / (channels·kernel²)), the fan-out scheme of He et al. 2015.
    ///
    /// # Errors
    /// Those of [`Conv2d::new`].
    pub fn kaiming(
        b: &Builder,
        name: &str,
        input: &[usize],
        keys: Conv2dKeys,
    ) -> Result<Self, LayerError> {
        let fan_out = keys.channels * keys.kernel * keys.kernel;
        Self::build(b, name, input, keys, |_| init::kaiming_normal(fan_out, 0.0))
    }

    /// A convolution whose first values follow from its fan-in.
    fn build(
        b: &Builder,
        name: &str,
        input: &[usize],
        keys: Conv2dKeys,
        start: impl FnOnce(usize) -> Init,
    ) -> Result<Self, LayerError> {
        let b = b.child(name);
        let Conv2dKeys {
            channels,
            kernel,
            conv,
            ..
        } = keys;
        let [inputs, height, width] = images(b.path(), input)?;
        let fan_in = inputs * kernel * kernel;
        let map = slide(b.path(), [height, width], kernel, conv.stride, conv.padding)?;
        let shown = match conv.pool {
            Some(Pool { kernel, stride }) => slide(b.path(), map, kernel, stride, 0)?,
            None => map,
        };
        if channels == 0 || fan_in == 0 {
            return Err(LayerError::shape(format!(
                "`{}` has nothing to compute",
                b.path()
            )));
        }
        let start = start(fan_in);
        let weight = b.param("weight", &[channels, inputs, kernel, kernel], start);
        let bias = keys.bias.then(|| b.param("bias", &[channels], start));
        let output = vec![channels, shown[0], shown[1]];
        let places = (channels * map[0]).saturating_mul(map[1]);
        b.record(LayerInfo {
            name: b.path().to_owned(),
            kind: kind(&conv),
            params: weight.count() + bias.as_ref().map_or(0, Param::count),
            flops: (2 * fan_in as u64).saturating_mul(places as u64),
            // With pooling, the places of the maxima take half a number each.
            activations: output.iter().product::<usize>() * if conv.pool.is_some() { 3 } else { 2 }
                / 2,
            output: output.clone(),
        });
        Ok(Self {
            weight,
            bias,
            conv,
            output,
        })
    }

    /// Shape of one sample's output.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// x [n, h, w, inputs] → [n, h', w', channels]: images inside a model have their channels last.
    ///
    /// # Errors
    /// Where the input has another shape, or the device fails.
    pub fn forward(&self, x: &Tensor, _: &Mode) -> candle_core::Result<Tensor> {
        let bias = self.bias.as_ref().map(Param::tensor);
        kernel::conv2d(x, self.weight.tensor(), bias, &self.conv)
    }
}

/// What one pass does.
fn kind(conv: &Conv) -> String {
    let mut kind = String::from("conv2d");
    if conv.relu {
        kind.push_str(" + relu");
    }
    if conv.pool.is_some() {
        kind.push_str(" + max_pool2d");
    }
    kind
}

/// Places of a window along both sides of a map.
pub(super) fn slide(
    layer: &str,
    [height, width]: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Result<[usize; 2], LayerError> {
    let along = |extent| places(extent, kernel, stride, padding).filter(|_| kernel > 0);
    match (along(height), along(width)) {
        (Some(height), Some(width)) => Ok([height, width]),
        _ => Err(LayerError::shape(format!(
            "`{layer}` slides a {kernel}×{kernel} window (stride {stride}, padding {padding}) \
             over {height}×{width} pixels, where it does not fit"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(kernel: usize, pool: Option<Pool>) -> Conv2dKeys {
        let conv = Conv {
            stride: 1,
            padding: kernel / 2,
            relu: true,
            pool,
        };
        Conv2dKeys {
            channels: 32,
            kernel,
            bias: true,
            conv,
        }
    }

    #[test]
    fn a_layer_knows_its_shape_and_cost() {
        let b = Builder::plan();
        let pool = Some(Pool {
            kernel: 2,
            stride: 2,
        });
        let layer = Conv2d::new(&b, "conv1", &[3, 28, 27], keys(5, pool)).unwrap();
        assert_eq!(layer.output(), [32, 14, 13]);
        let info = b.finish().layers[0].clone();
        assert_eq!(info.kind, "conv2d + relu + max_pool2d");
        assert_eq!(info.params, 32 * 75 + 32);
        assert_eq!(info.flops, 2 * 75 * 32 * 28 * 27);
    }

    #[test]
    fn misfits_say_what_does_not_fit() {
        let build = |input: &[usize], keys| {
            let error = Conv2d::new(&Builder::plan(), "conv1", input, keys).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            build(&[13], keys(3, None)),
            "`conv1` takes images [channels, height, width], but gets samples of shape [13]"
        );
        let pool = Some(Pool {
            kernel: 4,
            stride: 4,
        });
        assert_eq!(
            build(&[1, 3, 8], keys(3, pool)),
            "`conv1` slides a 4×4 window (stride 4, padding 0) over 3×8 pixels, where it does not \
             fit"
        );
    }
}
