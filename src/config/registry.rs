//! `type = "…"` → component: one registry for each kind of component, looping over which gives the
//! reference, the JSON Schema and the contract tests.

use std::{
    any::TypeId,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Schema;

/// The components of one kind, by their `type` name.
pub struct Registry<T: ?Sized> {
    /// What one of them is called: `model`.
    pub noun: &'static str,
    kinds: Vec<Kind<T>>,
}

/// One component type.
pub struct Kind<T: ?Sized> {
    /// Its `type` name.
    pub name: String,
    schema: fn() -> Schema,
    load: Arc<Load<T>>,
}

type Load<T> = dyn Fn(toml::Table) -> Result<Component<T>, LoadFault> + Send + Sync;

/// A component as configured.
pub struct Component<T: ?Sized> {
    /// Its `type` name.
    pub kind: String,
    /// All its keys, defaults filled in.
    pub keys: toml::Table,
    /// The component.
    pub spec: Arc<T>,
}

/// A table that a component's struct refused although its schema allowed it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadFault {
    /// Path inside the table.
    pub key: String,
    /// What serde says.
    pub message: String,
}

impl<T: ?Sized + 'static> Registry<T> {
    /// An empty registry.
    #[must_use]
    pub fn new(noun: &'static str) -> Self {
        Self {
            noun,
            kinds: Vec::new(),
        }
    }

    /// Adds a component type; one of the same name is replaced. `share` makes the trait object:
    /// `|c| Arc::new(c)`.
    #[must_use]
    pub fn with<C>(mut self, name: &str, share: fn(C) -> Arc<T>) -> Self
    where
        C: DeserializeOwned + Serialize + JsonSchema + 'static,
    {
        let kind = name.to_string();
        let load = move |table: toml::Table| {
            let component: C = read_keys(table)?;
            let keys = write_keys(&component)?;
            Ok(Component {
                kind: kind.clone(),
                keys,
                spec: share(component),
            })
        };
        self.kinds.retain(|kind| kind.name != name);
        self.kinds.push(Kind {
            name: name.into(),
            schema: schema_of::<C>,
            load: Arc::new(load),
        });
        self
    }

    /// The component type of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Kind<T>> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// All names, in order of registration.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.kinds.iter().map(|kind| kind.name.as_str())
    }

    /// All component types.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind<T>> {
        self.kinds.iter()
    }
}

impl<T: ?Sized> Kind<T> {
    /// The JSON Schema of its keys, `type` not among them.
    #[must_use]
    pub fn schema(&self) -> Schema {
        (self.schema)()
    }

    /// Builds the component from its keys.
    ///
    /// # Errors
    /// Where the struct refuses them.
    pub fn load(&self, keys: toml::Table) -> Result<Component<T>, LoadFault> {
        (self.load)(keys)
    }
}

/// The JSON Schema of a struct of keys, with nothing referenced from elsewhere.
#[must_use]
pub fn schema_of<C: JsonSchema + 'static>() -> Schema {
    // A list of thousands of tables asks for the same one each time.
    static KNOWN: Mutex<BTreeMap<TypeId, Schema>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = || {
        let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
        let generator = settings.into_generator();
        generator.into_root_schema_for::<C>().to_value()
    };
    known.entry(TypeId::of::<C>()).or_insert_with(made).clone()
}

/// Keys → struct, with the path of what does not fit.
///
/// # Errors
/// Where the struct refuses the table.
pub fn read_keys<C: DeserializeOwned>(table: toml::Table) -> Result<C, LoadFault> {
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| LoadFault {
        key: error.path().to_string().trim_matches('.').to_string(),
        message: error.inner().message().to_string(),
    })
}

/// Struct → keys, defaults filled in.
///
/// # Errors
/// Where the struct is not a TOML table.
pub fn write_keys<C: Serialize>(component: &C) -> Result<toml::Table, LoadFault> {
    toml::Table::try_from(component).map_err(|error| LoadFault {
        key: String::new(),
        message: error.to_string(),
    })
}

impl<T: ?Sized> Clone for Registry<T> {
    fn clone(&self) -> Self {
        Self {
            noun: self.noun,
            kinds: self.kinds.clone(),
        }
    }
}

impl<T: ?Sized> std::fmt::Debug for Registry<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.kinds).finish()
    }
}

impl<T: ?Sized> Clone for Kind<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            schema: self.schema,
            load: self.load.clone(),
        }
    }
}

impl<T: ?Sized> std::fmt::Debug for Kind<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

impl<T: ?Sized> Clone for Component<T> {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind.clone(),
            keys: self.keys.clone(),
            spec: self.spec.clone(),
        }
    }
}

impl<T: ?Sized> std::fmt::Debug for Component<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Component({} {:?})", self.kind, self.keys)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Extensions;

    #[test]
    fn a_component_comes_back_with_all_its_keys() {
        let extensions = Extensions::new();
        let kind = extensions.optimizers.get("sgd").unwrap();
        let component = kind.load(toml::toml! { momentum = 0.9 }).unwrap();
        assert_eq!(component.kind, "sgd");
        assert_eq!(component.keys["nesterov"].as_bool(), Some(false));
        let fault = kind.load(toml::toml! { momentum = "x" }).unwrap_err();
        assert_eq!(fault.key, "momentum");
    }

    #[test]
    fn a_later_component_takes_the_name_of_an_earlier_one() {
        let extensions = Extensions::new().optimizer::<crate::optim::Adam>("sgd");
        let names: Vec<&str> = extensions.optimizers.names().collect();
        assert_eq!(names, ["adam", "adamw", "sgd"]);
        let schema = extensions.optimizers.get("sgd").unwrap().schema();
        assert!(schema["properties"]["beta1"].is_object());
    }
}
