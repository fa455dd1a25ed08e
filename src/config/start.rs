//! `[model] start`: first values for parameters by name.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{error::KeyFault, kernel::Init, layer::Architecture, optim, units::first_few};

/// First values for the parameters that a glob matches; one of the values has to be there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartKeys {
    /// Glob over parameter names.
    #[schemars(length(min = 1), example = &"*.weight")]
    pub r#match: String,
    /// Normal with mean 0 and this standard deviation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0), example = 0.02)]
    pub normal: Option<f64>,
    /// Uniform between minus this and this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0), example = 0.1)]
    pub uniform: Option<f64>,
    /// Every element the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0.0)]
    pub constant: Option<f64>,
}

impl StartKeys {
    fn init(&self) -> Result<Init, KeyFault> {
        match (self.normal, self.uniform, self.constant) {
            (Some(deviation), None, None) => Ok(Init::Normal(deviation)),
            (None, Some(bound), None) => Ok(Init::Uniform(bound)),
            (None, None, Some(value)) => Ok(Init::Constant(value)),
            _ => Err(KeyFault::error("", "one kind of first values is wanted")
                .hint("write one of `normal`, `uniform` and `constant`")),
        }
    }
}

/// The first values by parameter name; of two entries for one parameter the later one counts.
///
/// # Errors
/// The faults, their keys below `model`.
pub(super) fn values(
    entries: &[StartKeys],
    model: &Architecture,
) -> Result<BTreeMap<String, Init>, Vec<KeyFault>> {
    let names: Vec<String> = model.params.iter().map(|p| p.name().to_owned()).collect();
    let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
    for (i, entry) in entries.iter().enumerate() {
        let at = |fault: KeyFault, key: &str| KeyFault {
            key: format!("start[{i}]{key}"),
            ..fault
        };
        match (entry.init(), optim::matching(&entry.r#match, &names)) {
            (Ok(init), Ok(names)) => values.extend(names.into_iter().map(|name| (name, init))),
            (init, names) => {
                faults.extend(init.err().map(|fault| at(fault, "")));
                faults.extend(names.err().map(|fault| at(fault, ".match")));
            }
        }
    }
    match faults.is_empty() {
        true => Ok(values),
        false => Err(faults),
    }
}

/// The warning about matrices that would start at zero, where there are some that are not `given`
/// other values.
pub(super) fn zeros(model: &Architecture, given: impl Fn(&str) -> bool) -> Option<KeyFault> {
    let is_zero = |p: &&crate::kernel::Param| {
        p.init() == Init::Constant(0.0) && p.shape().len() > 1 && !given(p.name())
    };
    let zeros: Vec<&str> = model
        .params
        .iter()
        .filter(is_zero)
        .map(|p| p.name())
        .collect();
    let first = zeros.first()?;
    let message = format!("{} would start at zero", first_few(&zeros));
    let hint = format!(
        "`vb.get` means zeros; write `start = [{{ match = \"{first}\", normal = 0.02 }}]`, or `constant = 0` where zeros are meant"
    );
    Some(KeyFault::warning("", message).hint(hint))
}
