//! The requests: which commit a revision is, and the file itself.

use std::{fs::File, io, path::Path, sync::Arc, time::Duration};

use ureq::{
    Agent, Body,
    http::{Response, header::HeaderMap},
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::{
    HubError,
    cache::{create_parent, is_commit},
    environment::Environment,
};
use crate::config::HubFile;

/// Redirects that are followed: a renamed repository, then the store of large files.
const REDIRECTS: usize = 8;
/// A network that is silent for so long is not there.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests for one file.
pub struct Transfer<'a> {
    agent: Agent,
    environment: &'a Environment,
    file: &'a HubFile,
    revision: &'a str,
    url: String,
}

/// What the hub said, and whoever it sent us to.
struct Answer {
    response: Response<Body>,
    commit: Option<String>,
    /// Length of a file that lies elsewhere.
    linked: Option<u64>,
}

impl<'a> Transfer<'a> {
    pub fn new(environment: &'a Environment, file: &'a HubFile, revision: &'a str) -> Self {
        let Environment { endpoint, .. } = environment;
        let url = format!("{endpoint}/{}/resolve/{revision}/{}", file.repo, file.file);
        Self {
            agent: agent(),
            environment,
            file,
            revision,
            url,
        }
    }

    /// The commit that the revision is.
    ///
    /// # Errors
    /// Where the hub does not answer, or has no such file.
    pub fn commit(&self) -> Result<String, HubError> {
        let answer = self.ask("HEAD", |answer| answer.commit.is_some())?;
        self.named(answer.commit)
    }

    /// Downloads the file to `path`, and says which commit it is of.
    ///
    /// # Errors
    /// Where the hub does not answer, has no such file or breaks off, or `path` cannot be written.
    pub fn download(&self, path: &Path) -> Result<String, HubError> {
        let answer = self.ask("GET", |_| false)?;
        let commit = self.named(answer.commit)?;
        let length = number(answer.response.headers(), "content-length");
        create_parent(path)?;
        let mut file = File::create(path).map_err(HubError::cache("create", path))?;
        let mut body = answer.response.into_body().into_reader();
        // Which side of the copy failed shows in the error's own words.
        let copied = io::copy(&mut body, &mut file).map_err(HubError::cache("download", path))?;
        let expected = answer.linked.or(length);
        if expected.is_some_and(|expected| expected != copied) {
            let expected = expected.unwrap_or_default();
            return Err(self.strange(format!("the file ends after {copied} of {expected} bytes")));
        }
        file.sync_all().map_err(HubError::cache("sync", path))?;
        Ok(commit)
    }

    /// Asks, and follows redirects until `enough` is known.
    fn ask(&self, method: &str, enough: impl Fn(&Answer) -> bool) -> Result<Answer, HubError> {
        let mut url = self.url.clone();
        let (mut commit, mut linked) = (None, None);
        for _ in 0..REDIRECTS {
            let response = self.request(method, &url)?;
            let headers = response.headers();
            commit = commit.or_else(|| text(headers, "x-repo-commit"));
            linked = linked.or_else(|| number(headers, "x-linked-size"));
            let status = response.status();
            let location = text(headers, "location").filter(|_| status.is_redirection());
            let answer = Answer {
                response,
                commit: commit.clone(),
                linked,
            };
            match location {
                Some(location) if !enough(&answer) => url = absolute(&url, &location),
                Some(_) => return Ok(answer),
                None if status.is_success() => return Ok(answer),
                None => return Err(self.refused(url, status.as_u16())),
            }
        }
        Err(self.strange("it redirects without end".into()))
    }

    /// One request; the token goes to the endpoint only.
    fn request(&self, method: &str, url: &str) -> Result<Response<Body>, HubError> {
        let mut request = match method {
            "HEAD" => self.agent.head(url),
            _ => self.agent.get(url),
        };
        let Environment {
            endpoint, token, ..
        } = self.environment;
        let rest = url.strip_prefix(endpoint.as_str());
        if let Some(token) = token
            .as_ref()
            .filter(|_| rest.is_some_and(|r| r.starts_with('/')))
        {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.call().map_err(|source| HubError::Unreachable {
            url: url.into(),
            source: Box::new(source),
        })
    }

    fn named(&self, commit: Option<String>) -> Result<String, HubError> {
        commit
            .filter(|commit| is_commit(commit))
            .ok_or_else(|| self.strange("it names no commit".into()))
    }

    fn strange(&self, why: String) -> HubError {
        HubError::Answer {
            url: self.url.clone(),
            why,
        }
    }

    fn refused(&self, url: String, status: u16) -> HubError {
        let (repo, file) = (self.file.repo.clone(), self.file.file.clone());
        match status {
            404 => HubError::NotFound {
                repo,
                file,
                revision: self.revision.into(),
                url,
            },
            401 | 403 => HubError::Denied {
                repo,
                file,
                url,
                status,
            },
            _ => HubError::Status { url, status },
        }
    }
}

/// Follows no redirect by itself, and trusts whom the system trusts.
fn agent() -> Agent {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = roots
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(provider)
        .build();
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("trainer/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build()
        .new_agent()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_string())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

/// Where a redirect leads.
fn absolute(from: &str, location: &str) -> String {
    if !location.starts_with('/') {
        return location.into();
    }
    let host = from.find("://").map_or(0, |i| i + 3);
    let end = from[host..].find('/').map_or(from.len(), |i| host + i);
    format!("{}{location}", &from[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_to_another_host_or_another_path() {
        let from = "https://hub.example/a/b/resolve/main/m.safetensors";
        assert_eq!(absolute(from, "/c/d"), "https://hub.example/c/d");
        assert_eq!(
            absolute(from, "https://cdn.example/x"),
            "https://cdn.example/x"
        );
        assert_eq!(absolute("http://h:1", "/x"), "http://h:1/x");
    }
}
