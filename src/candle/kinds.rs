//! The layers of a model that `candle_nn` builds, told by what they ask for.

use candle_nn::Init as Hint;

use crate::{kernel::Param, layer::LayerInfo};

/// A tensor that a constructor asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    name: String,
    shape: Vec<usize>,
    count: usize,
    hint: Hint,
    /// True where the constructor looked for the name first, as `candle_nn::layer_norm` does.
    looked: bool,
}

impl Asked {
    /// The hint with which `param` was asked for.
    pub fn new(param: &Param, hint: Hint, looked: bool) -> Self {
        Self {
            name: param.name().to_owned(),
            shape: param.shape().to_vec(),
            count: if param.trainable() { param.count() } else { 0 },
            hint,
            looked,
        }
    }

    fn leaf(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// The name of the layer that it is part of: its own without the last part.
    fn layer(&self) -> &str {
        let parts = self.name.rsplit_once('.');
        parts.map_or(&self.name, |(layer, _)| layer)
    }
}

/// The layers in the order of the questions. Their outputs and costs are not known.
pub(super) fn layers(asked: &[Asked]) -> Vec<LayerInfo> {
    let mut order: Vec<(&str, Vec<&Asked>)> = Vec::new();
    for tensor in asked {
        let layer = tensor.layer();
        match order.iter_mut().rev().find(|(name, _)| *name == layer) {
            Some((_, parts)) => parts.push(tensor),
            None => order.push((layer, vec![tensor])),
        }
    }
    let info = |(name, parts): (&str, Vec<&Asked>)| LayerInfo {
        name: name.to_owned(),
        kind: kind(name, &parts).to_owned(),
        output: Vec::new(),
        params: parts.iter().map(|part| part.count).sum(),
        flops: 0,
        activations: 0,
    };
    order.into_iter().map(info).collect()
}

/// Returns the kind of a layer, as far as its tensors show it.
fn kind(layer: &str, parts: &[&Asked]) -> &'static str {
    let part = |names: &[&str]| parts.iter().find(|part| names.contains(&part.leaf()));
    if part(&["running_mean", "running_var"]).is_some() {
        return "batch_norm";
    }
    let Some(weight) = part(&["weight", "gamma"]) else {
        return "parameters";
    };
    let last = layer.rsplit('.').next().unwrap_or(layer).to_lowercase();
    let by_name = last.contains("norm") || last.starts_with("ln");
    let has_bias = part(&["bias", "beta"]).is_some();
    match (weight.shape.len(), weight.hint) {
        (1, Hint::Const(one)) if one == 1.0 && has_bias && !weight.looked && !by_name => {
            "group_norm"
        }
        (1, Hint::Const(value)) if value == 1.0 || by_name => match has_bias {
            true => "layer_norm",
            false => "rms_norm",
        },
        (2, Hint::Randn { .. }) => "embedding",
        (2, _) => "linear",
        (3, _) => "conv1d",
        (4, _) => "conv2d",
        _ => "parameters",
    }
}
