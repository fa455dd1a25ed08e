//! What a checkpoint holds, and the hash that names it.

use super::error::RestoreError;
use super::progress::Progress;
use crate::array::NamedArray;
use crate::event::{Checkpoint, Reason};

/// A copy of everything that training changes.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    /// Parameters, buffers and averages (`ema/…`), sorted by name.
    pub model: Vec<NamedArray>,
    /// Optimizer state, sorted by name.
    pub optimizer: Vec<NamedArray>,
    /// Counters.
    pub progress: Progress,
}

/// The state to go back to, where a checkpoint was taken between two of them.
const ROLLBACK: &str = "rollback";

impl Snapshot {
    /// BLAKE3, in hexadecimal, over names, element types, shapes and bytes of all arrays in order,
    /// then the counters as JSON. Every part is preceded by its length, so that no two states read
    /// the same.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for arrays in [&self.model, &self.optimizer] {
            hasher.update(&(arrays.len() as u64).to_le_bytes());
            for array in arrays {
                part(&mut hasher, array.name.as_bytes());
                part(&mut hasher, array.dtype.name().as_bytes());
                hasher.update(&(array.shape.len() as u64).to_le_bytes());
                for extent in &array.shape {
                    hasher.update(&(*extent as u64).to_le_bytes());
                }
                part(&mut hasher, &array.bytes);
            }
        }
        part(&mut hasher, self.counters().to_string().as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    /// The counters as JSON. They are plain numbers, texts and maps with text keys, which always
    /// serialise.
    fn counters(&self) -> serde_json::Value {
        serde_json::to_value(&self.progress).unwrap_or_default()
    }

    /// As an event. `rollback` goes in where the run would go back to another state than this one.
    pub fn checkpoint(
        self,
        epoch: f64,
        state_hash: String,
        reason: Reason,
        rollback: Option<&Self>,
    ) -> Checkpoint {
        let mut state = self.counters();
        let mut optimizer = self.optimizer;
        if let Some(earlier) = rollback {
            state[ROLLBACK] = earlier.counters();
            for (part, arrays) in [("model", &earlier.model), ("optimizer", &earlier.optimizer)] {
                optimizer.extend(arrays.iter().map(|array| NamedArray {
                    name: format!("{ROLLBACK}/{part}/{}", array.name),
                    ..array.clone()
                }));
            }
            optimizer.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Checkpoint {
            step: self.progress.step,
            epoch,
            model: self.model,
            optimizer,
            state,
            state_hash,
            reason,
            metrics: self.progress.metrics,
        }
    }

    /// Reads a checkpoint: its own snapshot, and the state to go back to where it has one.
    ///
    /// # Errors
    /// Where the counters are not those of this program.
    pub fn read(checkpoint: &Checkpoint) -> Result<(Self, Option<Self>), RestoreError> {
        let mut state = checkpoint.state.clone();
        let earlier = state
            .as_object_mut()
            .and_then(|counters| counters.remove(ROLLBACK));
        let (mut optimizer, mut model_back, mut optimizer_back) = (vec![], vec![], vec![]);
        for array in &checkpoint.optimizer {
            let mut parts = array.name.splitn(3, '/');
            let (list, name) = match (parts.next(), parts.next(), parts.next()) {
                (Some(ROLLBACK), Some("model"), Some(name)) => (&mut model_back, name),
                (Some(ROLLBACK), Some("optimizer"), Some(name)) => (&mut optimizer_back, name),
                _ => (&mut optimizer, array.name.as_str()),
            };
            list.push(NamedArray {
                name: name.to_owned(),
                ..array.clone()
            });
        }
        let snapshot = Self {
            model: checkpoint.model.clone(),
            optimizer,
            progress: serde_json::from_value(state)?,
        };
        let back = match earlier {
            Some(counters) => Some(Self {
                model: model_back,
                optimizer: optimizer_back,
                progress: serde_json::from_value(counters)?,
            }),
            None => None,
        };
        Ok((snapshot, back))
    }
}

/// Hashes a part with its length in front.
fn part(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Dtype;

    fn snapshot() -> Snapshot {
        let array = |name: &str, value: f32| NamedArray {
            name: name.into(),
            dtype: Dtype::F32,
            shape: vec![1],
            bytes: value.to_le_bytes().to_vec(),
        };
        Snapshot {
            model: vec![array("a", 1.0), array("b", 2.0)],
            optimizer: vec![array("a.momentum", 3.0)],
            progress: Progress::new(),
        }
    }

    #[test]
    fn every_part_of_the_state_changes_the_hash() {
        let mut hashes = vec![snapshot().hash()];
        let mut changed = |change: fn(&mut Snapshot)| {
            let mut other = snapshot();
            change(&mut other);
            hashes.push(other.hash());
        };
        changed(|c| c.model[0].bytes[0] ^= 1);
        changed(|c| c.model[0].name = "c".into());
        changed(|c| c.model[0].shape = vec![1, 1]);
        changed(|c| c.model[0].dtype = Dtype::U32);
        changed(|c| c.optimizer[0].bytes[3] ^= 1);
        changed(|c| c.progress.step = 1);
        changed(|c| c.progress.loss_sum = -0.0);
        changed(|c| {
            let last = c.model.remove(1);
            c.optimizer.push(last);
        });
        let count = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!((hashes.len(), count), (9, 9));
        assert_eq!(snapshot().hash(), snapshot().hash());
    }

    #[test]
    fn a_checkpoint_reads_back_as_what_went_in() {
        let mut earlier = snapshot();
        earlier.progress.epoch = 7;
        for rollback in [None, Some(&earlier)] {
            let snapshot = snapshot();
            let hash = snapshot.hash();
            let event = snapshot.checkpoint(0.5, hash.clone(), Reason::Signal, rollback);
            let (back, to) = Snapshot::read(&event).unwrap();
            assert_eq!(back.hash(), hash);
            assert_eq!(to.map(|c| c.hash()), rollback.map(Snapshot::hash));
        }
    }
}
