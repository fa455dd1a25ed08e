//! Probes that the kernels' and layers' tests share: numbers, finite differences, thread counts.

use candle_core::{DType, Device, Result, Tensor, Var};

use crate::kernel::autograd::Tape;
use crate::rng::{Purpose, Stream};

/// `n` reproducible numbers in [−1, 1).
pub fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut out = vec![0.0; n];
    Stream::new(seed, Purpose::Sample, "probe").fill_uniform(&mut out, -1.0, 1.0);
    out
}

/// A variable of such numbers.
pub fn var(shape: &[usize], seed: u64) -> Var {
    let values = numbers(shape.iter().product(), seed);
    Var::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// All numbers of a tensor, as f64.
pub fn flat(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_dtype(DType::F64).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Fails unless the numbers agree within `tolerance`·(1 + |want|).
pub fn close(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: lengths");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let near = (got - want).abs() <= tolerance * (1.0 + want.abs());
        assert!(near, "{what}[{i}]: got {got}, want {want}");
    }
}

/// The output of `f` and the gradients of Σ probe·f(inputs) by autograd, with a fixed probe.
pub fn autograd(inputs: &[Var], f: &dyn Fn(&[Tensor]) -> Result<Tensor>) -> (Tensor, Vec<Tensor>) {
    let tensors: Vec<Tensor> = inputs.iter().map(|v| v.as_tensor().clone()).collect();
    let out = f(&tensors).unwrap();
    let probe = Tensor::from_vec(numbers(out.elem_count(), 99), out.shape(), &Device::Cpu);
    let probe = probe.unwrap().to_dtype(out.dtype()).unwrap();
    let store = (&out * probe)
        .unwrap()
        .sum_all()
        .unwrap()
        .backward()
        .unwrap();
    let grads = tensors.iter().map(|t| match store.get(t) {
        Some(grad) => grad.clone(),
        None => panic!("an input got no gradient"),
    });
    (out, grads.collect())
}

/// Whether the tape's own backward pass takes the scalar that `f` makes. Fails where it does and
/// its gradients of `inputs` are not those of Candle's.
pub fn taped(what: &str, inputs: &[&Tensor], f: &dyn Fn() -> Result<Tensor>) -> bool {
    let tape = Tape::record();
    let result = f().unwrap();
    let Some(own) = tape.own(&result, result.ones_like().unwrap()).unwrap() else {
        return false;
    };
    // Anew: some operations give away what they kept.
    let store = f().unwrap().backward().unwrap();
    for (i, input) in inputs.iter().enumerate() {
        let what = format!("{what}: the tape's gradient {i}");
        match (own.get(&input.id()), store.get(input)) {
            (Some(own), Some(candle)) => close(&what, &flat(own), &flat(candle), 1e-6),
            (own, candle) => panic!("{what}: {own:?}, Candle has {candle:?}"),
        }
    }
    true
}

/// Checks the fused kernel against the composition of Candle's operations: outputs, and both
/// gradients against central differences of the composition in f64.
pub fn gradients(
    what: &str,
    inputs: &[Var],
    kernel: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    composed: &dyn Fn(&[Tensor]) -> Result<Tensor>,
) {
    let wide: Vec<Var> = inputs
        .iter()
        .map(|v| Var::from_tensor(&v.to_dtype(DType::F64).unwrap()).unwrap())
        .collect();
    let (fast, fast_grads) = autograd(inputs, kernel);
    let (slow, slow_grads) = autograd(&wide, composed);
    close(&format!("{what}: output"), &flat(&fast), &flat(&slow), 2e-5);
    for i in 0..inputs.len() {
        let want = differences(&wide, i, composed);
        let (fast, slow) = (flat(&fast_grads[i]), flat(&slow_grads[i]));
        close(
            &format!("{what}: composed gradient {i}"),
            &slow,
            &want,
            1e-5,
        );
        close(&format!("{what}: kernel gradient {i}"), &fast, &want, 5e-5);
    }
}

/// Central differences of Σ probe·f in f64 with respect to one input.
fn differences(inputs: &[Var], which: usize, f: &dyn Fn(&[Tensor]) -> Result<Tensor>) -> Vec<f64> {
    let step = 1e-5;
    let base = flat(inputs[which].as_tensor());
    let shape = inputs[which].shape().clone();
    let mut tensors: Vec<Tensor> = inputs.iter().map(|v| v.as_tensor().detach()).collect();
    let mut at = |values: Vec<f64>| {
        tensors[which] = Tensor::from_vec(values, &shape, &Device::Cpu).unwrap();
        let out = flat(&f(&tensors).unwrap());
        let probe = numbers(out.len(), 99);
        out.iter()
            .zip(probe)
            .map(|(o, p)| o * f64::from(p))
            .sum::<f64>()
    };
    (0..base.len())
        .map(|i| {
            let (mut up, mut down) = (base.clone(), base.clone());
            up[i] += step;
            down[i] -= step;
            (at(up) - at(down)) / (2.0 * step)
        })
        .collect()
}

/// Runs `f` with 1, 2 and 4 threads and fails unless all bits agree.
pub fn threads(f: impl Fn() -> Vec<f32> + Sync) {
    let run = |threads: usize| -> Vec<u32> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| f().iter().map(|x| x.to_bits()).collect())
    };
    let one = run(1);
    assert!(run(2) == one, "two threads give other bits than one");
    assert!(run(4) == one, "four threads give other bits than one");
}

/// Output and gradients of a kernel in one vector, for [`threads`].
pub fn everything(inputs: &[Var], f: &dyn Fn(&[Tensor]) -> Result<Tensor>) -> Vec<f32> {
    let (out, grads) = autograd(inputs, f);
    let all = std::iter::once(&out).chain(&grads);
    all.flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap())
        .collect()
}
