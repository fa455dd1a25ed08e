//! Forward pass of the 2-d convolution.

use super::{Plan, Winograd};
use crate::kernel::gemm::{Block, Finish, Left, Right, transpose, width};

/// A convolution's maps [h', w', co], with bias and ReLU.
pub struct Maps<'a> {
    plan: &'a Plan,
    winograd: Option<Winograd>,
    /// The weights as its products read them.
    weights: Vec<f32>,
    bias: Option<&'a [f32]>,
    relu: bool,
}

impl<'a> Maps<'a> {
    pub fn new(plan: &'a Plan, weight: &[f32], bias: Option<&'a [f32]>, relu: bool) -> Self {
        let (winograd, panels) = (plan.winograd(), panels(plan, weight));
        Self {
            plan,
            winograd,
            weights: match winograd {
                Some(_) => Winograd::weights(&panels, plan.window.channels),
                None => panels,
            },
            bias,
            relu,
        }
    }

    /// The maps of images `x`.
    pub fn of(&self, x: &[f32], maps: &mut [f32]) {
        if let Some(winograd) = self.winograd {
            return winograd.forward(x, &self.weights, (self.bias, self.relu), maps);
        }
        let mut scratch = self.plan.scratch();
        let images = x.chunks_exact(self.plan.window.image().max(1));
        for (map, x) in maps
            .chunks_exact_mut(self.plan.map_len().max(1))
            .zip(images)
        {
            self.image(self.plan.padded(x, &mut scratch), map);
        }
    }

    /// One image's map.
    #[expect(
        unsafe_code,
        reason = "the inner loops read and write through pointers"
    )]
    fn image(&self, padded: &[f32], map: &mut [f32]) {
        let plan = self.plan;
        let (w, padding) = (&plan.window, plan.padding());
        let (stretch, width) = (w.cols * w.channels, width());
        assert!(padded.len() >= padding.len() && map.len() == plan.map_len());
        for (y, line) in map
            .chunks_exact_mut((plan.size.1 * plan.channels).max(1))
            .enumerate()
        {
            let block = Block {
                rows: plan.size.1,
                cols: plan.channels,
                depth: [1, w.rows, stretch],
                left: Left {
                    start: padded[padding.at(y * w.stride, 0)..].as_ptr(),
                    row: w.stride * w.channels,
                    image: 0,
                    segment: padding.line(),
                    step: 1,
                },
                right: Right {
                    start: self.weights.as_ptr(),
                    panel: w.rows * stretch * width,
                    image: 0,
                    segment: stretch * width,
                    step: width,
                },
                out: (line.as_mut_ptr(), plan.channels),
                finish: Finish {
                    add: false,
                    bias: self.bias.map_or(std::ptr::null(), <[f32]>::as_ptr),
                    relu: self.relu,
                },
            };
            // SAFETY: `Window::output` gives places whose windows lie inside the padded image;
            // `panels` makes a panel for each width of channels; the line is this place's
            // alone; there are as many biases as channels.
            unsafe { block.run() };
        }
    }
}

/// The weights in panels of output channels: steps are (row, column, input channel).
fn panels(plan: &Plan, weight: &[f32]) -> Vec<f32> {
    let (w, width) = (&plan.window, width());
    let taps = w.rows * w.cols;
    let depth = taps * w.channels;
    let mut out = vec![0.0; plan.channels.div_ceil(width) * depth * width];
    let mut transposed = vec![0.0; depth * width];
    let panels = out.chunks_exact_mut((depth * width).max(1));
    for (out, weight) in panels.zip(weight.chunks((depth * width).max(1))) {
        let channels = weight.len() / depth;
        transpose((weight, depth), (channels, depth), (&mut transposed, width));
        for (step, out) in out.chunks_exact_mut(width).enumerate() {
            let (tap, input) = (step / w.channels, step % w.channels);
            let row = &transposed[(input * taps + tap) * width..];
            out[..channels].copy_from_slice(&row[..channels]);
        }
    }
    out
}
