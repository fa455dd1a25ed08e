//! Milliseconds of a training step with Candle alone, as its users write one: layers, `VarBuilder`,
//! loss and AdamW of candle-nn; momentum out of tensor operations, since its SGD has none.
//!
//! `cargo bench --bench stock -- [WORKLOAD…]`; prints one JSON object for each. Threads are those of
//! the environment (`RAYON_NUM_THREADS`). The workloads are those of `benches/workloads`.
#![expect(clippy::print_stdout, reason = "a benchmark reports to the terminal")]

use std::time::{Duration, Instant};

use candle_core::{D, DType, Device, Error, Result, Tensor, Var, bail};
use candle_nn::{
    AdamW, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Embedding, LSTM, LSTMConfig, Linear,
    Module, ModuleT, Optimizer, ParamsAdamW, RNN, VarBuilder, VarMap, batch_norm, conv2d,
    conv2d_no_bias, embedding, linear, linear_no_bias, loss, lstm, ops,
};

const WORKLOADS: [&str; 6] = ["mlp-sgd", "mlp-adamw", "cnn", "resnet", "gpt", "lstm"];
const BATCHES: usize = 8;
const WARMUP: usize = 2;
const LEAST_STEPS: usize = 30;
const LEAST_TIME: Duration = Duration::from_secs(3);
const MOST_TIME: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    let arguments = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    let mut wanted: Vec<String> = arguments.collect();
    if wanted.is_empty() {
        wanted = WORKLOADS.map(String::from).into();
    }
    wanted.iter().try_for_each(|name| report(name))
}

/// Trains on a few batches in turn and prints the quartiles of the steps.
fn report(workload: &str) -> Result<()> {
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let model = model(workload, vb)?;
    let mut optimizer = optimizer(workload, vars.all_vars())?;
    let batches: Vec<_> = (0..BATCHES)
        .map(|_| batch(workload))
        .collect::<Result<_>>()?;
    let mut times = Vec::new();
    let mut begin = Instant::now();
    for step in 0.. {
        if step == WARMUP {
            begin = Instant::now();
        }
        let start = Instant::now();
        let (input, target) = &batches[step % BATCHES];
        let loss = loss::cross_entropy(&model.forward(input)?, target)?;
        optimizer.step(&loss)?;
        if step >= WARMUP {
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
        let (steps, spent) = (times.len(), begin.elapsed());
        let enough = steps >= LEAST_STEPS && spent > LEAST_TIME;
        if steps > 0 && (enough || spent > MOST_TIME) {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times[(times.len() - 1) * share / 4];
    let (ms, q1, q3, steps) = (at(2), at(1), at(3), times.len());
    println!(
        "{}",
        serde_json::json!({ "workload": workload, "ms": ms, "q1": q1, "q3": q3, "steps": steps })
    );
    Ok(())
}

fn model(workload: &str, vb: VarBuilder) -> Result<Box<dyn Module>> {
    Ok(match workload {
        "mlp-sgd" | "mlp-adamw" => Box::new(Mlp::new(&[784, 512, 256, 10], vb)?),
        "cnn" => Box::new(Cnn::new(vb)?),
        "resnet" => Box::new(ResNet::new(vb)?),
        "gpt" => Box::new(Gpt::new(vb)?),
        "lstm" => Box::new(LastState {
            lstm: lstm(64, 128, LSTMConfig::default(), vb.pp("lstm"))?,
            out: linear(128, 10, vb.pp("out"))?,
        }),
        _ => bail!(
            "no workload `{workload}`; there are {}",
            WORKLOADS.join(", ")
        ),
    })
}

/// Made-up inputs and targets.
fn batch(workload: &str) -> Result<(Tensor, Tensor)> {
    let cpu = &Device::Cpu;
    let whole = |count: f64, len: usize| Tensor::rand(0.0, count, len, cpu)?.to_dtype(DType::U32);
    let shape: &[usize] = match workload {
        "gpt" => {
            return Ok((
                whole(65.0, 16 * 128)?.reshape((16, 128))?,
                whole(65.0, 16 * 128)?,
            ));
        }
        "cnn" => &[64, 1, 28, 28],
        "resnet" => &[64, 3, 32, 32],
        "lstm" => &[64, 64, 64],
        _ => &[128, 784],
    };
    Ok((
        Tensor::randn(0f32, 1.0, shape, cpu)?,
        whole(10.0, shape[0])?,
    ))
}

fn optimizer(workload: &str, vars: Vec<Var>) -> Result<Box<dyn Step>> {
    if !["mlp-sgd", "cnn", "resnet"].contains(&workload) {
        let params = ParamsAdamW {
            lr: 1e-3,
            ..ParamsAdamW::default()
        };
        return Ok(Box::new(AdamW::new(vars, params)?));
    }
    let momenta = vars
        .iter()
        .map(|var| var.as_tensor().zeros_like())
        .collect::<Result<_>>()?;
    Ok(Box::new(Momentum { vars, momenta }))
}

/// Backward pass and update.
trait Step {
    fn step(&mut self, loss: &Tensor) -> Result<()>;
}

impl Step for AdamW {
    fn step(&mut self, loss: &Tensor) -> Result<()> {
        self.backward_step(loss)
    }
}

/// SGD with lr 0.01 and momentum 0.9.
struct Momentum {
    vars: Vec<Var>,
    momenta: Vec<Tensor>,
}

impl Step for Momentum {
    fn step(&mut self, loss: &Tensor) -> Result<()> {
        let grads = loss.backward()?;
        for (var, momentum) in self.vars.iter().zip(&mut self.momenta) {
            if let Some(grad) = grads.get(var) {
                *momentum = ((&*momentum * 0.9)? + grad)?.detach();
                var.set(&(var.as_tensor() - (&*momentum * 0.01)?)?)?;
            }
        }
        Ok(())
    }
}

struct Mlp(Vec<Linear>);

impl Mlp {
    fn new(widths: &[usize], vb: VarBuilder) -> Result<Self> {
        let pairs = widths.windows(2).enumerate();
        let layers = pairs.map(|(i, w)| linear(w[0], w[1], vb.pp(format!("fc{i}"))));
        layers.collect::<Result<_>>().map(Self)
    }
}

impl Module for Mlp {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for (i, layer) in self.0.iter().enumerate() {
            x = layer.forward(&x)?;
            if i + 1 < self.0.len() {
                x = x.relu()?;
            }
        }
        Ok(x)
    }
}

struct Cnn {
    convs: [Conv2d; 2],
    head: Mlp,
}

impl Cnn {
    fn new(vb: VarBuilder) -> Result<Self> {
        let plain = Conv2dConfig::default();
        Ok(Self {
            convs: [
                conv2d(1, 32, 3, plain, vb.pp("conv1"))?,
                conv2d(32, 64, 3, plain, vb.pp("conv2"))?,
            ],
            head: Mlp::new(&[9216, 128, 10], vb)?,
        })
    }
}

impl Module for Cnn {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.convs[0].forward(x)?.relu()?;
        let x = self.convs[1].forward(&x)?.relu()?.max_pool2d(2)?;
        self.head.forward(&x.flatten_from(1)?)
    }
}

/// A convolution without bias, then batch norm.
struct Normed(Conv2d, BatchNorm);

impl Normed {
    fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let padding = kernel / 2;
        let keys = Conv2dConfig {
            padding,
            stride,
            ..Conv2dConfig::default()
        };
        let conv = conv2d_no_bias(inputs, outputs, kernel, keys, vb.pp("conv"))?;
        Ok(Self(
            conv,
            batch_norm(outputs, BatchNormConfig::default(), vb.pp("norm"))?,
        ))
    }
}

impl Module for Normed {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.1.forward_t(&self.0.forward(x)?, true)
    }
}

struct Block {
    first: Normed,
    second: Normed,
    shortcut: Option<Normed>,
}

impl Module for Block {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let inner = self.second.forward(&self.first.forward(x)?.relu()?)?;
        match &self.shortcut {
            Some(shortcut) => (inner + shortcut.forward(x)?)?.relu(),
            None => (inner + x)?.relu(),
        }
    }
}

struct ResNet {
    stem: Normed,
    blocks: Vec<Block>,
    out: Linear,
}

impl ResNet {
    fn new(vb: VarBuilder) -> Result<Self> {
        let (mut blocks, mut inputs) = (Vec::new(), 16);
        for i in 0..9 {
            let (width, stride) = (16 << (i / 3), if i == 3 || i == 6 { 2 } else { 1 });
            let vb = vb.pp(format!("block{i}"));
            let projected = || Normed::new(inputs, width, 1, stride, vb.pp("shortcut"));
            blocks.push(Block {
                first: Normed::new(inputs, width, 3, stride, vb.pp("first"))?,
                second: Normed::new(width, width, 3, 1, vb.pp("second"))?,
                shortcut: (inputs != width).then(projected).transpose()?,
            });
            inputs = width;
        }
        let (stem, out) = (
            Normed::new(3, 16, 3, 1, vb.pp("stem"))?,
            linear(64, 10, vb.pp("out"))?,
        );
        Ok(Self { stem, blocks, out })
    }
}

impl Module for ResNet {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let stem = self.stem.forward(x)?.relu()?;
        let x = self
            .blocks
            .iter()
            .try_fold(stem, |x, block| block.forward(&x))?;
        self.out.forward(&x.mean((2, 3))?)
    }
}

/// Layer norm; candle-nn's own has no backward pass, its slow form has.
struct Norm(Tensor, Tensor);

impl Norm {
    fn new(vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints(WIDTH, "weight", candle_nn::init::ONE)?;
        Ok(Self(
            weight,
            vb.get_with_hints(WIDTH, "bias", candle_nn::init::ZERO)?,
        ))
    }
}

impl Module for Norm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm_slow(x, &self.0, &self.1, 1e-5)
    }
}

const WIDTH: usize = 128;
const HEADS: usize = 4;
const CONTEXT: usize = 128;
const VOCABULARY: usize = 65;

struct Layer {
    norms: [Norm; 2],
    qkv: Linear,
    out: Linear,
    up: Linear,
    down: Linear,
}

impl Layer {
    fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            norms: [Norm::new(vb.pp("norm1"))?, Norm::new(vb.pp("norm2"))?],
            qkv: linear(WIDTH, 3 * WIDTH, vb.pp("qkv"))?,
            out: linear(WIDTH, WIDTH, vb.pp("out"))?,
            up: linear(WIDTH, 4 * WIDTH, vb.pp("up"))?,
            down: linear(4 * WIDTH, WIDTH, vb.pp("down"))?,
        })
    }

    fn forward(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let x = (x + self.attention(&self.norms[0].forward(x)?, mask)?)?;
        let inner = self.up.forward(&self.norms[1].forward(&x)?)?.gelu_erf()?;
        &x + self.down.forward(&inner)?
    }

    fn attention(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (n, length, _) = x.dims3()?;
        let qkv = self
            .qkv
            .forward(x)?
            .reshape((n, length, 3, HEADS, WIDTH / HEADS))?;
        let part = |i| {
            qkv.narrow(2, i, 1)?
                .squeeze(2)?
                .transpose(1, 2)?
                .contiguous()
        };
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let scale = ((WIDTH / HEADS) as f64).sqrt().recip();
        let scores = (q.matmul(&k.t()?)? * scale)?.broadcast_add(mask)?;
        let y = ops::softmax(&scores, D::Minus1)?.matmul(&v)?;
        self.out
            .forward(&y.transpose(1, 2)?.reshape((n, length, WIDTH))?)
    }
}

struct Gpt {
    tokens: Embedding,
    positions: Embedding,
    layers: Vec<Layer>,
    norm: Norm,
    head: Linear,
    places: Tensor,
    /// 0 where a position may look, −∞ elsewhere.
    mask: Tensor,
}

impl Gpt {
    fn new(vb: VarBuilder) -> Result<Self> {
        let cpu = &Device::Cpu;
        let seen =
            |i: usize| (0..CONTEXT).map(move |j| if j <= i { 0.0 } else { f32::NEG_INFINITY });
        let mask: Vec<f32> = (0..CONTEXT).flat_map(seen).collect();
        Ok(Self {
            tokens: embedding(VOCABULARY, WIDTH, vb.pp("tokens"))?,
            positions: embedding(CONTEXT, WIDTH, vb.pp("positions"))?,
            layers: (0..4)
                .map(|i| Layer::new(vb.pp(format!("layer{i}"))))
                .collect::<Result<_>>()?,
            norm: Norm::new(vb.pp("norm"))?,
            head: linear_no_bias(WIDTH, VOCABULARY, vb.pp("head"))?,
            places: Tensor::arange(0u32, CONTEXT as u32, cpu)?,
            mask: Tensor::from_vec(mask, (CONTEXT, CONTEXT), cpu)?,
        })
    }
}

impl Module for Gpt {
    fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        let positions = self.positions.forward(&self.places)?;
        let x = self.tokens.forward(ids)?.broadcast_add(&positions)?;
        let x = self
            .layers
            .iter()
            .try_fold(x, |x, layer| layer.forward(&x, &self.mask))?;
        self.head.forward(&self.norm.forward(&x)?)?.flatten_to(1)
    }
}

struct LastState {
    lstm: LSTM,
    out: Linear,
}

impl Module for LastState {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let states = self.lstm.seq(x)?;
        let last = states
            .last()
            .ok_or_else(|| Error::Msg("a sequence of no length".into()))?;
        self.out.forward(last.h())
    }
}
