//! Models of candle-transformers as they stand.

use std::sync::Arc;

use candle_core::{D, Module, Result, Tensor};
use candle_nn::{Embedding, Linear, VarBuilder, ops};
use candle_transformers::models::{bert, efficientnet};

use super::{
    super::{resume_tests::resumes_everywhere, testing::*, token_tests::stairs, *},
    refusal,
};
use crate::candle::{Adapted, CandleModel, Proof};
use crate::model::{Io, Takes};
use crate::optim::AdamW;

/// The first stages of EfficientNet-B0, over grey images.
#[derive(Debug, Clone)]
struct EfficientNet;

impl CandleModel for EfficientNet {
    type Net = efficientnet::EfficientNet;

    fn build(&self, vb: VarBuilder, io: &Io) -> Result<Self::Net> {
        let stages = efficientnet::MBConvConfig::b0().into_iter().take(1);
        efficientnet::EfficientNet::new(vb, stages.collect(), io.outputs)
    }

    fn forward(&self, net: &mut Self::Net, x: &Tensor, _: bool) -> Result<Tensor> {
        net.forward(&x.repeat((1, 3, 1, 1))?)
    }
}

#[test]
fn efficientnet_trains_and_resumes_to_the_same_bits() {
    let mut recipe = digits(Arc::new(Adapted(EfficientNet)));
    recipe.optimizer = Arc::new(AdamW::default());
    recipe.total_steps = 3;
    let mut recipe = grouped(recipe, 1e-3);
    let why = refusal(&recipe);
    let words = "the running statistics of `features.0.1`, `features.1.0.block.0.1`";
    assert!(why.starts_with(words), "{why}");
    assert!(
        why.contains("called with `train = false`") && !why.contains("no gradient"),
        "{why}"
    );
    recipe.allow.insert(Proof::StillStatistics);
    resumes_everywhere(&recipe, "efficientnet");
}

fn config(vocabulary: usize) -> bert::Config {
    bert::Config {
        vocab_size: vocabulary,
        hidden_size: 16,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 32,
        max_position_embeddings: 16,
        ..bert::Config::default()
    }
}

/// BERT with a linear layer at each place.
#[derive(Debug, Clone)]
struct Bert;

impl CandleModel for Bert {
    type Net = (bert::BertModel, Linear);

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Tokens]
    }

    fn predicts_places(&self) -> bool {
        true
    }

    fn build(&self, vb: VarBuilder, io: &Io) -> Result<Self::Net> {
        let body = bert::BertModel::load(vb.clone(), &config(io.outputs))?;
        Ok((body, candle_nn::linear(16, io.outputs, vb.pp("head"))?))
    }

    fn forward(&self, (body, head): &mut Self::Net, x: &Tensor, _: bool) -> Result<Tensor> {
        head.forward(&body.forward(x, &x.zeros_like()?, None)?)
    }
}

#[test]
fn bert_as_it_stands_is_refused() {
    let mut recipe = stairs(candle_core::DType::F32);
    recipe.model = Arc::new(Adapted(Bert));
    let why = refusal(&grouped(recipe, 1e-3));
    assert!(
        why.starts_with("no gradient reaches `embeddings.LayerNorm.bias`"),
        "{why}"
    );
    let words = "`candle_nn::LayerNorm`, as in `encoder.layer.0.output.LayerNorm`: compute it with `ops::layer_norm_slow(x, weight, bias, eps)`";
    assert!(
        why.contains(words) && why.contains("five lines mend candle_nn itself"),
        "{why}"
    );
}

/// The same network and names, its norms and softmax written out of operations with a backward pass.
#[derive(Debug, Clone)]
struct Mended;

struct Norm(Tensor, Tensor);

impl Norm {
    fn new(vb: VarBuilder) -> Result<Self> {
        let norm = candle_nn::layer_norm(16, 1e-12, vb)?;
        let bias = norm.bias().cloned();
        Ok(Self(norm.weight().clone(), bias.unwrap()))
    }
}

impl Module for Norm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm_slow(x, &self.0, &self.1, 1e-12)
    }
}

struct MendedNet {
    tables: [Embedding; 3],
    linears: [Linear; 6],
    norms: [Norm; 3],
    head: Linear,
}

impl CandleModel for Mended {
    type Net = MendedNet;

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Tokens]
    }

    fn predicts_places(&self) -> bool {
        true
    }

    fn build(&self, vb: VarBuilder, io: &Io) -> Result<MendedNet> {
        let (e, l) = (vb.pp("embeddings"), vb.pp("encoder.layer.0"));
        let table = |n, name: &str| candle_nn::embedding(n, 16, e.pp(name));
        let linear = |i, o, name: &str| candle_nn::linear(i, o, l.pp(name));
        Ok(MendedNet {
            tables: [
                table(io.outputs, "word_embeddings")?,
                table(16, "position_embeddings")?,
                table(2, "token_type_embeddings")?,
            ],
            linears: [
                linear(16, 16, "attention.self.query")?,
                linear(16, 16, "attention.self.key")?,
                linear(16, 16, "attention.self.value")?,
                linear(16, 16, "attention.output.dense")?,
                linear(16, 32, "intermediate.dense")?,
                linear(32, 16, "output.dense")?,
            ],
            norms: [
                Norm::new(e.pp("LayerNorm"))?,
                Norm::new(l.pp("attention.output.LayerNorm"))?,
                Norm::new(l.pp("output.LayerNorm"))?,
            ],
            head: candle_nn::linear(16, io.outputs, vb.pp("head"))?,
        })
    }

    fn forward(&self, net: &mut MendedNet, x: &Tensor, _: bool) -> Result<Tensor> {
        let (n, t) = x.dims2()?;
        let [words, positions, types] = &net.tables;
        let [query, key, value, dense, up, down] = &net.linears;
        let [first, second, third] = &net.norms;
        let places = Tensor::arange(0u32, t as u32, x.device())?;
        let h = (words.forward(x)? + types.forward(&x.zeros_like()?)?)?;
        let h = first.forward(&h.broadcast_add(&positions.forward(&places)?)?)?;
        let heads = |l: &Linear| {
            l.forward(&h)?
                .reshape((n, t, 2, 8))?
                .transpose(1, 2)?
                .contiguous()
        };
        let scores = (heads(query)?.matmul(&heads(key)?.t()?.contiguous()?)? / 8f64.sqrt())?;
        let mixed = ops::softmax(&scores, D::Minus1)?.matmul(&heads(value)?)?;
        let mixed = mixed.transpose(1, 2)?.reshape((n, t, 16))?;
        let h = second.forward(&(dense.forward(&mixed)? + &h)?)?;
        let wide = down.forward(&up.forward(&h)?.gelu_erf()?)?;
        net.head.forward(&third.forward(&(wide + h)?)?)
    }
}

#[test]
fn bert_with_operations_that_have_a_backward_pass_trains() {
    let mut recipe = stairs(candle_core::DType::F32);
    let names = |recipe: &Recipe| -> Vec<String> {
        let builder = crate::layer::Builder::plan();
        let _ = recipe.model.build(&builder, &recipe.io).unwrap();
        builder
            .finish()
            .params
            .iter()
            .map(|p| p.name().to_owned())
            .collect()
    };
    recipe.model = Arc::new(Adapted(Bert));
    let bert = names(&recipe);
    recipe.model = Arc::new(Adapted(Mended));
    assert_eq!(names(&recipe), bert);
    recipe.metrics.truncate(1);
    let recipe = grouped(recipe, 0.02);
    let (ending, _) = run(&recipe);
    let accuracy = ending.metrics["val/accuracy"];
    assert!(accuracy > 0.4, "{accuracy}");
}
