//! The place of `download` in a program without the feature `hub`.

use std::path::Path;

use super::{HubError, cache::Fetched, environment::Environment};
use crate::config::HubFile;

/// Returns what the cache has.
///
/// # Errors
/// Where the cache does not have the file.
pub fn newest(
    _: &Environment,
    file: &HubFile,
    _revision: &str,
    _folder: &Path,
    last: Option<Fetched>,
) -> Result<Fetched, HubError> {
    last.ok_or_else(|| HubError::NotBuilt {
        address: file.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_feature() {
        let file: HubFile = "hf://me/net/m.safetensors".parse().unwrap();
        let address = file.to_string();
        let error = HubError::NotBuilt { address }.to_string();
        assert!(
            error.contains("`hub`") && error.contains("hf://me/net"),
            "{error}"
        );
    }
}
