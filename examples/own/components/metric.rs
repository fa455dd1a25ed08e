//! A metric: a number about a split, in plain arithmetic.

use trainer::prelude::*;

/// The lead of the right class's logit over the best wrong one, the mean over the samples.
#[derive(Debug)]
pub struct Margin;

impl MetricSpec for Margin {
    fn name(&self) -> String {
        "margin".into()
    }

    fn direction(&self) -> Direction {
        Direction::Max
    }

    fn start(&self, _outputs: usize) -> Box<dyn Accumulator> {
        Box::new(Mean { sum: 0.0, count: 0 })
    }
}

struct Mean {
    sum: f64,
    count: u64,
}

impl Accumulator for Mean {
    /// Takes a batch: `output` has `width` numbers for each sample.
    fn add(&mut self, output: &[f32], width: usize, targets: &Targets) {
        let Targets::Classes(classes) = targets else {
            self.sum = f64::NAN;
            return;
        };
        for (row, class) in output.chunks_exact(width).zip(classes) {
            let wrong = row
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != *class as usize);
            let best = wrong.map(|(_, z)| *z).fold(f32::NEG_INFINITY, f32::max);
            self.sum += f64::from(row[*class as usize] - best);
            self.count += 1;
        }
    }

    fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}
