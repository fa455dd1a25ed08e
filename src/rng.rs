//! Counter-based random numbers: Philox4x32-10 (Salmon et al., *Parallel random numbers: as easy
//! as 1, 2, 3*, SC11), checked against Random123's known answers.
//!
//! A number is a pure function of (seed, purpose, name, position); there is no generator state, so
//! none is saved, workers may run in any order, and adding a layer moves no other layer's stream.

/// What a stream is for; streams of different purposes never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights; name = parameter.
    Init,
    /// Order of samples; position = (epoch, 0, index).
    Shuffle,
    /// Assignment of samples to splits.
    Split,
    /// Dropout masks; name = layer, position = (step, micro-batch, element).
    Dropout,
    /// Augmentation; position = (epoch, sample, draw).
    Augment,
    /// Sampling from a model, or made-up data; name = what is drawn.
    Sample,
}

/// One named stream of random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
}

impl Stream {
    /// The stream of `seed` for `purpose` and `name`.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(format!("{purpose:?}").as_bytes());
        hasher.update(&[0]);
        hasher.update(name.as_bytes());
        let hash = hasher.finalize();
        let word = |i: usize| u32::from_le_bytes([0, 1, 2, 3].map(|j| hash.as_bytes()[i + j]));
        Self {
            key: [word(0), word(4)],
        }
    }

    /// Four words at a position. `major` is an epoch or a step, `minor` a sample or a micro-batch,
    /// `block` counts groups of four numbers.
    #[must_use]
    pub fn block(&self, major: u32, minor: u32, block: u64) -> [u32; 4] {
        philox([block as u32, (block >> 32) as u32, minor, major], self.key)
    }

    /// The `index`-th word at a position.
    #[must_use]
    pub fn word(&self, major: u32, minor: u32, index: u64) -> u32 {
        self.block(major, minor, index / 4)[(index % 4) as usize]
    }

    /// Uniform in [0, 1), with 24 bits.
    #[must_use]
    pub fn uniform(&self, major: u32, minor: u32, index: u64) -> f32 {
        unit(self.word(major, minor, index))
    }

    /// Uniform in 0..n, by Lemire's multiplication on 64 random bits (bias below 2⁻³² for 32-bit n).
    #[must_use]
    pub fn below(&self, n: u32, major: u32, minor: u32, index: u64) -> u32 {
        let block = self.block(major, minor, index);
        let bits = u64::from(block[0]) | (u64::from(block[1]) << 32);
        ((u128::from(bits) * u128::from(n)) >> 64) as u32
    }

    /// Fills `out` with numbers uniform in [low, high).
    pub fn fill_uniform(&self, out: &mut [f32], low: f64, high: f64) {
        for (block, chunk) in out.chunks_mut(4).enumerate() {
            for (slot, word) in chunk.iter_mut().zip(self.block(0, 0, block as u64)) {
                *slot = (low + (high - low) * f64::from(unit(word))) as f32;
            }
        }
    }

    /// Fills `out` with normal numbers (Box–Muller; `libm`, so the same on every platform).
    pub fn fill_normal(&self, out: &mut [f32], mean: f64, std: f64) {
        for (block, chunk) in out.chunks_mut(4).enumerate() {
            let words = self.block(0, 0, block as u64);
            let open = |w: u32| (f64::from(w) + 0.5) / 4_294_967_296.0;
            for (pair, w) in chunk.chunks_mut(2).zip(words.chunks(2)) {
                let radius = (-2.0 * libm::log(open(w[0]))).sqrt();
                let angle = 2.0 * std::f64::consts::PI * open(w[1]);
                pair[0] = (mean + std * radius * libm::cos(angle)) as f32;
                if let Some(second) = pair.get_mut(1) {
                    *second = (mean + std * radius * libm::sin(angle)) as f32;
                }
            }
        }
    }

    /// A permutation of 0..n (Fisher–Yates), a pure function of (stream, major).
    #[must_use]
    pub fn permutation(&self, n: usize, major: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i as u32 + 1, major, 0, i as u64) as usize);
        }
        order
    }
}

/// A word as a number in [0, 1).
#[must_use]
pub fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Philox4x32 with ten rounds.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [
                key[0].wrapping_add(0x9E37_79B9),
                key[1].wrapping_add(0xBB67_AE85),
            ];
        }
        let (a, b) = (
            u64::from(counter[0]) * 0xD251_1F53,
            u64::from(counter[2]) * 0xCD9E_8D57,
        );
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123, `kat_vectors`, philox4x32 10.
    #[test]
    fn known_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn permutation_holds_every_index_and_depends_on_the_epoch() {
        let stream = Stream::new(1, Purpose::Shuffle, "");
        let mut order = stream.permutation(1000, 0);
        assert_ne!(order, stream.permutation(1000, 1));
        assert_eq!(order, stream.permutation(1000, 0));
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let stream = Stream::new(7, Purpose::Init, "w");
        let mut values = vec![0.0; 100_000];
        let moments = |v: &[f32]| {
            let mean = v.iter().map(|x| f64::from(*x)).sum::<f64>() / v.len() as f64;
            (
                mean,
                v.iter()
                    .map(|x| (f64::from(*x) - mean).powi(2))
                    .sum::<f64>()
                    / v.len() as f64,
            )
        };
        stream.fill_normal(&mut values, 1.0, 2.0);
        let (mean, variance) = moments(&values);
        assert!(
            (mean - 1.0).abs() < 0.02 && (variance - 4.0).abs() < 0.05,
            "{mean} {variance}"
        );
        stream.fill_uniform(&mut values, -1.0, 1.0);
        let (mean, variance) = moments(&values);
        assert!(
            mean.abs() < 0.01 && (variance - 1.0 / 3.0).abs() < 0.01,
            "{mean} {variance}"
        );
    }
}
