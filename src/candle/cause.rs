//! The operations of `candle_nn` that have no backward pass: they keep gradients from parameters.

use crate::layer::{Architecture, LayerInfo};

/// Says which operation most likely cut the gradient off before these parameters, and what takes its
/// place.
#[must_use]
pub fn cause(model: &Architecture, missing: &[String]) -> String {
    let lacks = |layer: &&LayerInfo| {
        let own = |name: &String| {
            name.strip_prefix(&layer.name)
                .is_some_and(|s| s.starts_with('.'))
        };
        missing.iter().any(own)
    };
    let cut: Vec<&LayerInfo> = model.layers.iter().filter(lacks).collect();
    let of_kind = |kind: &str| cut.iter().rev().find(|layer| layer.kind == kind);
    let mut causes = Vec::new();
    if let Some(norm) = of_kind("layer_norm") {
        causes.push(format!(
            "`candle_nn::LayerNorm`, as in `{}`: compute it with `ops::layer_norm_slow(x, weight, bias, eps)`",
            norm.name
        ));
    }
    if let Some(norm) = of_kind("rms_norm") {
        causes.push(format!(
            "`candle_nn::RmsNorm`, as in `{}`: compute it with `ops::rms_norm_slow(x, weight, eps)`",
            norm.name
        ));
    }
    causes.push(
        "`ops::softmax_last_dim`, as in attention: write `ops::softmax(x, D::Minus1)`".to_owned(),
    );
    causes.push(
        "`rotary_emb::rope`, `rope_i` and `rope_thd`: write `rope_slow` or `rope_i_slow`"
            .to_owned(),
    );
    causes.push("`ops::sdpa`: write out matmul, softmax, matmul".to_owned());
    format!(
        "these operations of candle_nn have no backward pass and say nothing: {}; five lines mend candle_nn itself, see docs/candle.md; freeze what is not meant to learn",
        causes.join("; ")
    )
}
