//! What is tried: kinds of faults, and where they strike.

use std::{fmt, time::Duration};

use super::recipe::Recipe;
use crate::rng::{Purpose, Stream};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The process is killed before an operation.
    Kill,
    /// It is killed in the middle of a write.
    Half,
    /// A write is done in two parts.
    Short,
    /// A write reports success, and the data is lost.
    Lie,
    /// An operation is interrupted by a signal.
    Interrupted,
    /// An operation fails with this error.
    Fails(&'static str),
    /// An operation and all after it fail with this error.
    Lasts(&'static str),
    /// The process is killed at random times.
    Sigkill,
}

/// Kinds of faults that strike at an operation.
const FAULTS: [Kind; 11] = [
    Kind::Kill,
    Kind::Half,
    Kind::Short,
    Kind::Lie,
    Kind::Interrupted,
    Kind::Fails("ENOSPC"),
    Kind::Fails("EIO"),
    Kind::Fails("EACCES"),
    Kind::Lasts("ENOSPC"),
    Kind::Lasts("EIO"),
    Kind::Lasts("EACCES"),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill => f.write_str("kill"),
            Self::Half => f.write_str("half"),
            Self::Short => f.write_str("short"),
            Self::Lie => f.write_str("lie"),
            Self::Interrupted => f.write_str("EINTR"),
            Self::Fails(error) => f.write_str(error),
            Self::Lasts(error) => write!(f, "{error}+"),
            Self::Sigkill => f.write_str("sigkill"),
        }
    }
}

/// One fault in one experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub recipe: Recipe,
    pub kind: Kind,
    /// The operation, from 1; of random kills, which ones.
    pub number: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.recipe.name, self.kind, self.number)
    }
}

impl Case {
    /// The faults of a recipe whose golden run did these operations: each kind at each operation
    /// that it makes a difference to.
    pub fn faults(recipe: Recipe, operations: &[String]) -> Vec<Self> {
        let mut cases = Vec::new();
        for kind in FAULTS {
            let writes = matches!(kind, Kind::Half | Kind::Short | Kind::Lie);
            for (index, name) in operations.iter().enumerate() {
                if name == "write" || !writes {
                    let number = index + 1;
                    cases.push(Self {
                        recipe,
                        kind,
                        number,
                    });
                }
            }
        }
        cases
    }

    /// Random kills, so many of a recipe.
    pub fn kills(recipe: Recipe, count: usize) -> impl Iterator<Item = Self> {
        (1..=count).map(move |number| Self {
            recipe,
            kind: Kind::Sigkill,
            number,
        })
    }

    /// What `TRAINER_FAULT` is for the first process.
    pub fn fault(&self) -> Option<String> {
        let number = self.number;
        match self.kind {
            Kind::Sigkill => None,
            Kind::Lasts(error) => Some(format!("{error}@{number}+")),
            kind => Some(format!("{kind}@{number}")),
        }
    }

    /// What it is for the process that resumes: in one case of three it is killed as well.
    pub fn later_fault(&self, seed: u64, operations: usize) -> Option<String> {
        let draw = self.draw(seed, 0);
        let most = if draw[1].is_multiple_of(2) {
            60
        } else {
            operations
        };
        let number = draw[2] as usize % most + 1;
        (draw[0].is_multiple_of(3) && self.kind != Kind::Sigkill).then(|| format!("kill@{number}"))
    }

    /// When the process of a case of random kills is killed, one after the other, given how long
    /// the golden run took.
    pub fn times(&self, seed: u64, golden: Duration) -> Vec<Duration> {
        if self.kind != Kind::Sigkill {
            return Vec::new();
        }
        let count = self.draw(seed, 0)[0] % 5 + 1;
        let share = |index| f64::from(self.draw(seed, index)[1]) / f64::from(u32::MAX);
        let times = (1..=count).map(|index| golden.mul_f64(1.2 * share(index)));
        times.collect()
    }

    /// Its place among all cases: the first so many in this order are spread evenly over kinds and
    /// operations.
    pub fn place(&self, seed: u64) -> f64 {
        const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;
        let name = format!("{}/{}", self.recipe.name, self.kind);
        let start = Stream::new(seed, Purpose::Sample, &name).uniform(0, 0, 0);
        (f64::from(start) + GOLDEN_RATIO * self.number as f64).fract()
    }

    fn draw(&self, seed: u64, index: u32) -> [u32; 4] {
        Stream::new(seed, Purpose::Sample, &self.to_string()).block(index, 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::recipe::RECIPES, *};

    #[test]
    fn the_first_cases_are_spread_evenly() {
        let operations = vec!["write".to_string(); 1000];
        let mut cases = Case::faults(RECIPES[0], &operations);
        assert_eq!(cases.len(), 11_000);
        cases.sort_by(|a, b| a.place(3).total_cmp(&b.place(3)));
        for kind in FAULTS {
            let first = cases[..550].iter().filter(|case| case.kind == kind);
            let mut numbers: Vec<_> = first.map(|case| case.number).collect();
            numbers.sort_unstable();
            assert!((45..=55).contains(&numbers.len()), "{}", numbers.len());
            let gaps = numbers.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(gaps.max() <= Some(40));
        }
    }

    #[test]
    fn faults_of_writes_strike_only_there() {
        let operations = ["mkdir", "write", "sync"].map(String::from);
        let cases = Case::faults(RECIPES[0], &operations);
        let halves = cases.iter().filter(|case| case.kind == Kind::Half);
        let halves: Vec<_> = halves.map(Case::to_string).collect();
        assert_eq!(halves, ["mlp/half@2"]);
        let lasting = cases.iter().filter_map(Case::fault);
        assert_eq!(lasting.filter(|fault| fault == "EIO@3+").count(), 1);
    }
}
