//! The hub that serves models, or a mirror of it: requests, redirects, and refusals as sentences.

use anyhow::{Context, Error, Result, bail, ensure};
use smolder_formats::error::printable;
use smolder_protocol::catalog::HUB;
use std::env;
use std::time::Duration;
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Agent, Body};

/// How many redirects are followed.
const REDIRECTS: usize = 8;

/// A connection to the hub.
pub struct Hub {
    endpoint: String,
    token: Option<String>,
    agent: Agent,
}

/// What the hub answered, after redirects.
pub struct Answer {
    /// The last response.
    pub response: Response<Body>,
    /// What the hub itself says of a file that another host serves.
    pub linked: Linked,
}

/// A file's size and hash by the hub's word.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Bytes in all.
    pub bytes: Option<u64>,
    /// The SHA-256 in hexadecimal digits.
    pub sha256: Option<String>,
}

impl Hub {
    /// The hub at `$HF_ENDPOINT`, else the usual one, with the token in `$HF_TOKEN`.
    pub fn from_env() -> Result<Self> {
        let variable = |key: &str| env::var(key).ok().filter(|value| !value.trim().is_empty());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| HUB.to_owned());
        let endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        let uri: Uri = endpoint.parse().with_context(|| format!("HF_ENDPOINT is no address: {endpoint}"))?;
        ensure!(origin(&uri).is_some(), "HF_ENDPOINT must start with https:// or http://, found {endpoint}");
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_mins(1)))
            .timeout_per_read(Some(Duration::from_mins(1)))
            .user_agent(concat!("smolder/", env!("CARGO_PKG_VERSION")));
        let token = variable("HF_TOKEN").map(|token| token.trim().to_owned());
        Ok(Self { endpoint, token, agent: config.build().into() })
    }

    /// The hub's address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks for `address`, which is the hub's, and follows redirects. The token goes to the hub alone.
    ///
    /// # Errors
    /// Sentences for an unreachable network and for every status but 200, 206 and 416.
    pub fn get(&self, address: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut uri: Uri = address.parse().with_context(|| format!("{address} is no address"))?;
        let mut linked = Linked::default();
        for _ in 0..REDIRECTS {
            let hub = self.owns(&uri);
            let response = self.request(&uri, headers, self.token.as_deref().filter(|_| hub))?;
            if hub {
                linked.add(&response);
            }
            match response.status().as_u16() {
                200 | 206 | 416 => return Ok(Answer { response, linked }),
                301 | 302 | 303 | 307 | 308 => uri = next(&uri, header(&response, "location"))?,
                _ => return Err(self.refusal(address, &response)),
            }
        }
        bail!("{address} was redirected {REDIRECTS} times: try again later, or set HF_ENDPOINT to a mirror")
    }

    /// Whether the hub itself answers at `uri`, and not a host that it redirects to.
    fn owns(&self, uri: &Uri) -> bool {
        self.endpoint.parse().is_ok_and(|endpoint: Uri| origin(&endpoint) == origin(uri))
    }

    fn request(&self, uri: &Uri, headers: &[(&str, &str)], token: Option<&str>) -> Result<Response<Body>> {
        let mut request = self.agent.get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.call().map_err(|error| unreachable(uri, &error))
    }

    /// A refusal as a sentence with a way out.
    fn refusal(&self, address: &str, response: &Response<Body>) -> Error {
        let status = response.status();
        let code = header(response, "x-error-code").unwrap_or_default();
        let page = self.page(address);
        match (status.as_u16(), code) {
            (401 | 404, "RepoNotFound") => Error::msg(format!(
                "{page} does not exist, or is private: check the name, and if it is private set HF_TOKEN to a \
                 token that may read it"
            )),
            (401 | 403, _) => self.forbidden(&page, status),
            (404, _) => {
                Error::msg(format!("{address} does not exist (404): {page}/tree/main lists what does"))
            }
            (429 | 500..=599, _) => Error::msg(format!(
                "{address} cannot be served now ({status}): try again later; what has arrived is kept"
            )),
            _ => Error::msg(format!(
                "{address} was answered with {status}: try again, or set HF_ENDPOINT to a mirror"
            )),
        }
    }

    fn forbidden(&self, page: &str, status: StatusCode) -> Error {
        let endpoint = &self.endpoint;
        let token = match self.token {
            None => format!("make a token at {endpoint}/settings/tokens and set HF_TOKEN to it"),
            Some(_) => "check that HF_TOKEN is a token of the account that accepted it".to_owned(),
        };
        Error::msg(format!(
            "{page} is open only to those who accepted its licence ({status}): accept it on that page, then {token}"
        ))
    }

    /// The page of the repository that an address is about.
    fn page(&self, address: &str) -> String {
        let path = address.strip_prefix(&self.endpoint).unwrap_or(address);
        let path = path.strip_prefix("/api/models").unwrap_or(path).trim_start_matches('/');
        let repository: Vec<&str> = path.split('/').take(2).collect();
        format!("{}/{}", self.endpoint, repository.join("/"))
    }
}

impl Linked {
    fn add(&mut self, response: &Response<Body>) {
        let sha256 = header(response, "x-linked-etag").map(|etag| etag.trim_matches('"'));
        let sha256 = sha256.filter(|text| is_sha256(text)).map(str::to_ascii_lowercase);
        let bytes = header(response, "x-linked-size").and_then(|size| size.parse().ok());
        self.sha256 = sha256.or(self.sha256.take());
        self.bytes = bytes.or(self.bytes);
    }
}

/// Whether this is a SHA-256, and not the other hashes that hubs use for small files.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A header that is text.
pub fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Scheme, host and port: what may see the token.
fn origin(uri: &Uri) -> Option<(String, String)> {
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
    Some((scheme.to_owned(), uri.authority()?.as_str().to_ascii_lowercase()))
}

/// Where a redirect leads.
fn next(from: &Uri, location: Option<&str>) -> Result<Uri> {
    let location = location.with_context(|| format!("{from} redirects to nowhere: try again later"))?;
    let (scheme, authority) = origin(from).with_context(|| format!("{from} is no address"))?;
    let target = match location {
        path if path.starts_with("//") => format!("{scheme}:{path}"),
        path if path.starts_with('/') => format!("{scheme}://{authority}{path}"),
        address => address.to_owned(),
    };
    let uri: Uri = target
        .parse()
        .with_context(|| format!("{from} redirects to {}, which is no address", printable(location)))?;
    let downgrade = scheme == "https" && uri.scheme_str() != Some("https");
    ensure!(
        !downgrade && origin(&uri).is_some(),
        "{from} redirects to {uri}, which is not secure: not followed"
    );
    Ok(uri)
}

fn unreachable(uri: &Uri, error: &ureq::Error) -> Error {
    let host = uri.authority().map_or("the hub", |authority| authority.as_str());
    Error::msg(format!(
        "{host} cannot be reached: {error}. Check the connection (a proxy is taken from HTTPS_PROXY, a mirror from \
         HF_ENDPOINT), or give the path of a model that is on this machine"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_addresses_and_never_from_https_to_http() {
        let from: Uri = "https://hub.test/a/b/resolve/main/f.gguf".parse().unwrap();
        let follow =
            |location| next(&from, Some(location)).map(|uri| uri.to_string()).map_err(|e| e.to_string());
        assert_eq!(follow("/api/cache/f").unwrap(), "https://hub.test/api/cache/f");
        assert_eq!(follow("//cdn.test/f?x=1").unwrap(), "https://cdn.test/f?x=1");
        assert_eq!(follow("https://cdn.test/f").unwrap(), "https://cdn.test/f");
        for insecure in ["http://cdn.test/f", "ftp://cdn.test/f", "f.gguf"] {
            assert!(follow(insecure).unwrap_err().contains("not secure"), "{insecure}");
        }
        assert!(next(&from, None).is_err());
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let of = |uri: &str| origin(&uri.parse().unwrap());
        assert_eq!(of("https://Hub.test/a"), of("https://hub.test/b"));
        assert_ne!(of("https://hub.test/a"), of("http://hub.test/a"));
        assert_ne!(of("https://hub.test/a"), of("https://hub.test:8443/a"));
        assert_ne!(of("https://hub.test/a"), of("https://hub.test.evil/a"));
    }
}
