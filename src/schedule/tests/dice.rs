//! Random configs for tests: chains of any types and most keys.

use crate::{
    rng::{Purpose, Stream},
    schedule::testing::KINDS,
};

/// Random numbers for random plans.
pub(crate) struct Dice {
    stream: Stream,
    round: u32,
    thrown: u64,
}

impl Dice {
    /// Those of one round.
    pub fn new(round: u32) -> Self {
        Self {
            stream: Stream::new(3, Purpose::Sample, "plans"),
            round,
            thrown: 0,
        }
    }

    /// A number from 0 to n − 1.
    pub fn below(&mut self, n: u32) -> u32 {
        self.thrown += 1;
        self.stream.below(n, self.round, 0, self.thrown)
    }

    fn share(&mut self) -> f64 {
        f64::from(self.below(10_001)) / 10_000.0
    }

    fn one_of<'a>(&mut self, names: &[&'a str]) -> &'a str {
        names[self.below(names.len() as u32) as usize]
    }

    /// Random keys of a type's own.
    fn own_keys(&mut self, kind: &str) -> String {
        let (share, steps) = (self.share(), 1 + self.below(30));
        let yes = self.below(2) == 1;
        match kind {
            "poly" => format!(
                "power = {}\nk_decay = {}\n",
                3.0 * share,
                0.1 + self.share()
            ),
            "cosine" => format!(
                "exponent = {}\nwaves = {}\nhalf = {yes}\n",
                0.5 + share,
                0.5 + 3.0 * self.share()
            ),
            "exponential" => {
                format!("gamma = {share}\nperiod = \"{steps} steps\"\nstaircase = {yes}\n")
            }
            "inverse_time" => {
                format!("rate = {share}\nperiod = \"{steps} steps\"\nstaircase = {yes}\n")
            }
            "step" => format!(
                "gamma = {share}\nsize = \"{}%\"\n",
                1.0 + 20.0 * self.share()
            ),
            "multistep" => format!(
                "gamma = {share}\nat = [\"{} steps\", \"{} epochs\"]\n",
                self.below(100),
                5.0 * self.share()
            ),
            "inverse_sqrt" => format!("scale = \"{steps} steps\"\n"),
            "noam" => format!("warmup = \"{steps} steps\"\ndim = {}\n", 1.0 + share),
            "power" => format!(
                "scale = \"{steps} steps\"\nexponent = {}\n",
                0.5 - 2.0 * share
            ),
            "tanh" => format!("lb = {}\nub = {}\n", -7.0 * share, 3.0 * self.share()),
            "rex" => format!("d = {}\n", 0.99 * share),
            "cyclic" => format!(
                "up = \"{steps} steps\"\ndown = \"{} steps\"\nmode = \"exp_range\"\ngamma = {share}\n",
                1 + self.below(9)
            ),
            "cosine_restarts" => format!(
                "cycle = \"{steps} steps\"\nstretch = {}\nshrink = {share}\nshrink_mode = \"{}\"\n",
                self.one_of(&["0.5", "1", "1.1", "1.5", "2", "3"]),
                self.one_of(&["peak", "amplitude", "both"])
            ),
            "one_cycle" => format!("warmup = {}\nthree_phase = {yes}\n", 0.5 * share),
            "table" => format!(
                "points = [[\"0 steps\", {share}], [\"{steps} steps\", 0.5], [\"40 steps\", 1]]\ninterp = \"{}\"\n",
                self.one_of(&["hold", "linear", "cosine"])
            ),
            "expr" => "expr = \"abs(1 - p)^0.9 * exp(-u/D)\"\n".into(),
            _ => String::new(),
        }
    }

    /// A random phase that uses any type and most keys; `absolute` allows `_value` keys.
    fn phase(&mut self, length: &str, track: &str, absolute: bool) -> String {
        // One that follows has no one to follow here, one that repeats has a body (see `repeated`), and what follows a
        // metric stands in no body.
        let kinds = KINDS.map(|(name, _)| name);
        let others = ["follow", "repeat", "plateau", "greedy"];
        let alone = kinds.iter().filter(|kind| !others.contains(kind));
        let kind = self.one_of(&alone.copied().collect::<Vec<_>>());
        let own = self.own_keys(kind);
        // A ratio needs two ends above 0, which a carried value need not be.
        let ratio = kind == "geometric";
        let from = match self.below(6) {
            _ if ratio => format!("from = {}\n", 0.1 + self.share()),
            0 => format!("from = {}\n", 2.0 * self.share()),
            1 => "from = \"base\"\n".into(),
            2 => "from = \"last\"\n".into(),
            3 if absolute => format!("from_value = {}\n", self.share()),
            _ => String::new(),
        };
        let to = match self.below(4) {
            _ if ratio => format!("to = {}\n", 0.1 + self.share()),
            0 => format!("to = {}\n", 2.0 * self.share()),
            1 if absolute => format!("to_value = {}\n", self.share()),
            _ => String::new(),
        };
        let include = self.one_of(&["start", "end", "both", "neither"]);
        let past = self.one_of(&["clamp", "mirror", "repeat"]);
        let every = self.one_of(&["step", "epoch"]);
        let over = self.below(2) * (1 + self.below(40));
        let over = if over > 0 {
            format!("over = \"{over} steps\"\n")
        } else {
            String::new()
        };
        format!(
            "[[schedule]]\ntype = \"{kind}\"\n{length}\ntrack = \"{track}\"\n{own}{from}{to}{over}include = \"{include}\"\npast = \"{past}\"\nevery = \"{every}\"\n"
        )
    }

    /// A random chain of up to four phases.
    pub fn chain(&mut self, track: &str, absolute: bool) -> String {
        let count = 1 + self.below(4);
        (0..count)
            .map(|i| {
                let length = format!("for = \"{}%\"", self.below(100 / count));
                let length = if i == 0 { "for = \"rest\"" } else { &length };
                self.phase(length, track, absolute)
            })
            .collect()
    }

    /// Cycles that restart a random body, on the track `r`.
    pub fn repeated(&mut self) -> String {
        let head = format!(
            "[[schedule]]\ntype = \"repeat\"\ntrack = \"r\"\ncycle = \"{} steps\"\nstretch = {}\nshrink = {}\n",
            1 + self.below(30),
            self.one_of(&["1", "1.5", "2", "3"]),
            self.share()
        );
        let body = self.chain("main", true);
        head + &body.replace("[[schedule]]", "[[schedule.phase]]")
    }
}
