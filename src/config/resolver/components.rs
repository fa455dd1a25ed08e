//! Tables with a `type`: `[model]`, `[dataset]` with its transforms, `[loss]`, `[optimizer]`.

use super::{
    super::{
        node::Node,
        registry::{Component, Registry, schema_of},
        tables::Loaded,
        top::ModelKeys,
    },
    DataParts, ModelParts, OptimizerParts, Resolver,
};
use crate::{
    data::{DatasetKeys, TransformSpec},
    error::{KeyFault, Severity},
    objective::LossSpec,
    optim::OptimizerKeys,
};

impl<'a> Resolver<'a> {
    /// `[model]`.
    pub(super) fn model(&mut self) -> Option<ModelParts> {
        let found = self.required_table("model", "for example `[model]` with `type = \"mlp\"`")?;
        let registry = &self.extensions.models;
        let common = schema_of::<ModelKeys>();
        let loaded = self
            .tables
            .component("`[model]`", "model", found, registry, &common)?;
        let keys = self.tables.read("model", loaded.common)?;
        let component = self.checked("model", loaded.component, |spec| spec.check())?;
        Some((component, keys))
    }

    /// `[dataset]` and its transforms.
    pub(super) fn dataset(&mut self) -> Option<DataParts> {
        let example = "for example `[dataset]` with `type = \"digits\"`";
        let (node, table) = self.required_table("dataset", example)?;
        let transforms = match table.get("transform") {
            Some(list) => self.transforms(list),
            None => Some(Vec::new()),
        };
        let without = table.only(|key| key != "transform");
        let registry = &self.extensions.datasets;
        let common = schema_of::<DatasetKeys>();
        let found = (node, &without);
        let Loaded { component, common } =
            self.tables
                .component("`[dataset]`", "dataset", found, registry, &common)?;
        let keys: DatasetKeys = self.tables.read("dataset", common)?;
        let accepted = self.accepted("dataset", keys.check());
        let defaults = component.spec.defaults();
        let keys = match self.tables.spec.is_stored {
            true => keys.filled_as_stored(&defaults),
            false => keys.filled(&defaults),
        };
        let component = self.checked("dataset", component, |spec| spec.check())?;
        accepted.then_some((component, keys, transforms?))
    }

    fn transforms(&mut self, list: &'a Node) -> Option<Vec<Component<dyn TransformSpec>>> {
        let registry = &self.extensions.transforms;
        let tables = self.tables.list("dataset.transform", list)?;
        let mut all = Some(Vec::new());
        for (path, node, table) in tables {
            let component = self
                .alone("`[[dataset.transform]]`", &path, (node, table), registry)
                .and_then(|component| self.checked(&path, component, |spec| spec.check()));
            match (component, &mut all) {
                (Some(component), Some(list)) => list.push(component),
                _ => all = None,
            }
        }
        all
    }

    /// `[loss]`; `Some(None)` where it is absent and the task decides.
    pub(super) fn loss(&mut self) -> Option<Option<Component<dyn LossSpec>>> {
        if self.tables.spec.root.table()?.get("loss").is_none() {
            return Some(None);
        }
        let found = self.tables.table("loss")?;
        let loss = self.alone("`[loss]`", "loss", found, &self.extensions.losses)?;
        self.checked("loss", loss, |spec| spec.check()).map(Some)
    }

    /// `[optimizer]` and its groups.
    pub(super) fn optimizer(&mut self) -> Option<OptimizerParts> {
        let example = "for example `[optimizer]` with `type = \"sgd\"` and `lr = 0.1`";
        let found = self.required_table("optimizer", example)?;
        let registry = &self.extensions.optimizers;
        let common = schema_of::<OptimizerKeys>();
        let Loaded { component, common } =
            self.tables
                .component("`[optimizer]`", "optimizer", found, registry, &common)?;
        let keys: OptimizerKeys = self.tables.read("optimizer", common)?;
        let accepted = self.accepted("optimizer", keys.check());
        let component = self.checked("optimizer", component, |spec| spec.check())?;
        accepted.then_some((component, keys.named()))
    }

    /// A component of a kind that has no common keys.
    fn alone<T: ?Sized + 'static>(
        &mut self,
        what: &str,
        path: &str,
        found: (&Node, &super::super::node::Table),
        registry: &Registry<T>,
    ) -> Option<Component<T>> {
        let none = serde_json::json!({ "properties": {} });
        let loaded = self.tables.component(what, path, found, registry, &none)?;
        Some(loaded.component)
    }

    /// The component, unless it refuses its own keys.
    fn checked<T: ?Sized>(
        &mut self,
        path: &str,
        component: Component<T>,
        check: impl Fn(&T) -> Vec<KeyFault>,
    ) -> Option<Component<T>> {
        let faults = check(&component.spec);
        self.accepted(path, faults).then_some(component)
    }

    /// Notes the faults of a table; whether there is no error among them.
    pub(super) fn accepted(&mut self, path: &str, faults: Vec<KeyFault>) -> bool {
        let accepted = faults.iter().all(|f| f.severity != Severity::Error);
        self.tables.key_faults(path, faults);
        accepted
    }
}
