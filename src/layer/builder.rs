//! Where layers get their parameters, and where they say what they are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::DType;

use super::{Architecture, LayerInfo, LeastBatch};
use crate::kernel::{Init, Param};

/// A path in the model under construction, and the list of everything built so far. Cloning and
/// [`child`](Builder::child) share the list.
///
/// ```
/// use trainer::{kernel::Init, layer::Builder};
/// let root = Builder::plan();
/// root.child("fc1").param("weight", &[2, 3], Init::Constant(0.0));
/// assert_eq!(root.finish().params[0].name(), "fc1.weight");
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    path: String,
    precision: DType,
    built: Arc<Mutex<Architecture>>,
    held: Arc<[String]>,
}

impl Builder {
    /// The root of a new model. Parameters have names and shapes, but no numbers until they are
    /// filled.
    #[must_use]
    pub fn plan() -> Self {
        Self {
            path: String::new(),
            precision: DType::F32,
            built: Arc::default(),
            held: Arc::default(),
        }
    }

    /// The same for a model that computes in another type than f32. Layers follow their input;
    /// this is for those whose input is no floating-point number.
    #[must_use]
    pub fn computing_in(self, precision: DType) -> Self {
        Self { precision, ..self }
    }

    /// The type that the model computes in.
    #[must_use]
    pub fn precision(&self) -> DType {
        self.precision
    }

    /// The same for a model whose weights come from a file with tensors of these names.
    #[must_use]
    pub fn with_names(self, held: impl Into<Arc<[String]>>) -> Self {
        let held = held.into();
        Self { held, ..self }
    }

    /// Returns whether the file of weights has a tensor of this part called `name`. What is found is
    /// part of the plan, so that a session gets the same answers without the file.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        let name = self.full(name);
        let is_held = self.held.contains(&name);
        let found = &mut self.built().found;
        if is_held && let Err(place) = found.binary_search(&name) {
            found.insert(place, name);
        }
        is_held
    }

    /// The builder of a part called `name`.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self {
            path: self.full(name),
            precision: self.precision,
            built: Arc::clone(&self.built),
            held: Arc::clone(&self.held),
        }
    }

    /// The dotted path of this part; empty for the root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A trainable parameter of this part.
    ///
    /// # Panics
    /// Where the name is taken: two parameters of one name would share a checkpoint entry.
    pub fn param(&self, name: &str, shape: &[usize], init: Init) -> Param {
        let param = Param::new(self.full(name), shape.to_vec(), init, true);
        insert(&mut self.built().params, &param);
        param
    }

    /// A buffer of this part, every element `value`: saved with the parameters, not trained.
    ///
    /// # Panics
    /// Where the name is taken.
    pub fn buffer(&self, name: &str, shape: &[usize], value: f64) -> Param {
        self.buffer_as(name, shape, Init::Constant(value))
    }

    /// A buffer of this part with other first values.
    ///
    /// # Panics
    /// Where the name is taken.
    pub fn buffer_as(&self, name: &str, shape: &[usize], init: Init) -> Param {
        let buffer = Param::new(self.full(name), shape.to_vec(), init, false);
        insert(&mut self.built().buffers, &buffer);
        buffer
    }

    /// Says what a layer is.
    pub fn record(&self, layer: LayerInfo) {
        self.built().layers.push(layer);
    }

    /// Says that this part cannot be trained on batches of fewer than `samples`, so that a plan with
    /// smaller ones is refused before anything runs.
    ///
    /// ```
    /// use trainer::layer::Builder;
    /// let root = Builder::plan();
    /// root.child("norm1").least_batch(2);
    /// assert_eq!(root.finish().least_batch.map(|least| least.samples), Some(2));
    /// ```
    pub fn least_batch(&self, samples: usize) {
        let mut built = self.built();
        let most = built.least_batch.as_ref().map_or(1, |least| least.samples);
        if samples > most {
            let layer = self.path.clone();
            built.least_batch = Some(LeastBatch { layer, samples });
        }
    }

    /// Everything built so far, parameters and buffers sorted by name.
    #[must_use]
    pub fn finish(&self) -> Architecture {
        self.built().clone()
    }

    fn full(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// The list; a panic elsewhere leaves it whole, for it only grows.
    fn built(&self) -> MutexGuard<'_, Architecture> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a parameter in its place by name.
fn insert(list: &mut Vec<Param>, param: &Param) {
    match list.binary_search_by(|other| other.name().cmp(param.name())) {
        Ok(_) => panic!("two parameters are called `{}`", param.name()),
        Err(place) => list.insert(place, param.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_paths_and_lists_are_sorted() {
        let root = Builder::plan();
        let block = root.child("layer1").child("conv2");
        block.param("weight", &[2, 2], Init::Constant(0.0));
        root.param("bias", &[2], Init::Constant(0.0));
        block.buffer("running_mean", &[2], 0.0);
        assert_eq!(block.path(), "layer1.conv2");
        let built = root.finish();
        let names: Vec<_> = built.params.iter().map(Param::name).collect();
        assert_eq!(names, ["bias", "layer1.conv2.weight"]);
        assert_eq!(built.buffers[0].name(), "layer1.conv2.running_mean");
        assert_eq!(built.param_count(), 6);
    }

    #[test]
    #[should_panic(expected = "two parameters are called `a.weight`")]
    fn a_name_is_given_once() {
        let a = Builder::plan().child("a");
        a.param("weight", &[1], Init::Constant(0.0));
        a.param("weight", &[1], Init::Constant(0.0));
    }
}
