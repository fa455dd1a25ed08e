//! What the environment says about the hub: the variables of the hub's own clients
//! (<https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables>).

use std::{env, fs, path::PathBuf};

use super::HubError;

/// Where the hub is, and where its files are kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment {
    /// `HF_ENDPOINT`, without a slash at its end.
    pub endpoint: String,
    /// `HF_HUB_CACHE`, or `hub` in `HF_HOME`.
    pub cache: PathBuf,
    /// `HF_TOKEN`, or what the hub's clients keep in `HF_HOME` after a login.
    pub token: Option<String>,
    /// `HF_HUB_OFFLINE`: nothing is asked of the network.
    pub offline: bool,
}

impl Environment {
    /// That of this process.
    ///
    /// # Errors
    /// Where nothing says where the cache is.
    pub fn read() -> Result<Self, HubError> {
        Self::of(|name| env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, HubError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let folder = |name: &str| set(name).map(PathBuf::from);
        let home = folder("HF_HOME").or_else(|| {
            let home = || folder("HOME").or_else(|| folder("USERPROFILE"));
            let caches = folder("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")));
            Some(caches?.join("huggingface"))
        });
        let cache = folder("HF_HUB_CACHE").or_else(|| Some(home.as_ref()?.join("hub")));
        let kept = || {
            let path = folder("HF_TOKEN_PATH").or_else(|| Some(home.as_ref()?.join("token")));
            fs::read_to_string(path?).ok()
        };
        let token = set("HF_TOKEN").or_else(kept);
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into());
        let yes = |value: String| ["1", "ON", "YES", "TRUE"].contains(&&*value.to_uppercase());
        Ok(Self {
            endpoint: endpoint.trim().trim_end_matches('/').into(),
            cache: cache.ok_or(HubError::NoCache)?,
            token: token
                .map(|token| token.trim().to_string())
                .filter(|token| !token.is_empty()),
            offline: set("HF_HUB_OFFLINE").is_some_and(yes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, HubError> {
        Environment::of(|name| {
            let found = variables.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn the_nearest_variable_says_where_the_cache_is() {
        let cache = |variables: &[(&str, &str)]| read(variables).unwrap().cache;
        let mut all = vec![("HOME", "/h")];
        assert_eq!(cache(&all), PathBuf::from("/h/.cache/huggingface/hub"));
        all.push(("XDG_CACHE_HOME", "/x"));
        assert_eq!(cache(&all), PathBuf::from("/x/huggingface/hub"));
        all.push(("HF_HOME", "/hf"));
        assert_eq!(cache(&all), PathBuf::from("/hf/hub"));
        all.push(("HF_HUB_CACHE", "/c"));
        assert_eq!(cache(&all), PathBuf::from("/c"));
        assert!(matches!(read(&[]), Err(HubError::NoCache)));
    }

    #[test]
    fn the_rest_has_the_defaults_of_the_hubs_clients() {
        let found = read(&[("HF_HOME", "/nowhere")]).unwrap();
        assert_eq!(found.endpoint, "https://huggingface.co");
        assert!(found.token.is_none() && !found.offline);
        let all = [
            ("HF_HOME", "/nowhere"),
            ("HF_ENDPOINT", "http://127.0.0.1:9/"),
            ("HF_TOKEN", " t\n"),
            ("HF_HUB_OFFLINE", "true"),
        ];
        let found = read(&all).unwrap();
        assert_eq!(found.endpoint, "http://127.0.0.1:9");
        assert_eq!((found.token.as_deref(), found.offline), (Some("t"), true));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "kept\n").unwrap();
        let home = folder.path().to_str().unwrap();
        let found = read(&[("HF_HOME", home)]).unwrap();
        assert_eq!(found.token.as_deref(), Some("kept"));
    }
}
