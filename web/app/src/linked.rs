//! What a link offers: `#model=…`, `#adapter=…`, or both with `&` between. Pure; nothing comes before the person agrees.

use crate::bundled;
use crate::library::Download;
use crate::names::safe_name;
use smolder_protocol::bundled::MODEL;
use smolder_protocol::catalog::{BASES, HUB};
use smolder_protocol::storage::Shelf;

/// Hosts that the page's policy lets it ask; one that begins with a dot stands for all that end so.
const HOSTS: [&str; 3] = ["huggingface.co", ".huggingface.co", ".hf.co"];
/// Files that can hold an adapter.
const ENDS: [&str; 3] = [".zip", ".safetensors", ".gguf"];
/// PEFT's weights, which want their config beside them.
const WEIGHTS: &str = "adapter_model.safetensors";
const CONFIG: &str = "adapter_config.json";

/// An offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Linked {
    /// A model, or the one that the adapter is for.
    pub(crate) model: Option<Download>,
    pub(crate) adapter: Option<Remote>,
}

/// A file on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Relative to the page where it lies on the page's own server.
    pub(crate) address: String,
    /// `None` for the page's own server.
    pub(crate) host: Option<String>,
    /// What to call it.
    pub(crate) name: String,
}

/// Why a link cannot be followed; each holds what the link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A server that the page does not ask.
    Host(String),
    /// No model that the page can get.
    Model(String),
    /// No file that can hold an adapter.
    Adapter(String),
}

/// Whether the last part of an address offers something, and if so, whether that is an adapter.
pub(crate) fn offers(hash: &str) -> Option<bool> {
    let mut keys = parts(hash).map(|(key, _)| key);
    let first = keys.next().filter(|key| ["model", "adapter"].contains(key))?;
    Some(first == "adapter" || keys.any(|key| key == "adapter"))
}

/// What it offers; `decode` undoes the escapes of an address.
pub(crate) fn read(hash: &str, decode: impl Fn(&str) -> Option<String>) -> Result<Linked, Refused> {
    let mut linked = Linked::default();
    for (key, text) in parts(hash) {
        let text = decode(text).unwrap_or_else(|| text.to_owned());
        match key {
            "model" => linked.model = Some(model(&text).ok_or(Refused::Model(text))?),
            "adapter" => linked.adapter = Some(Remote::new(&text)?),
            _ => {}
        }
    }
    Ok(linked)
}

/// The keys and values of a link that offers the adapter at `address`, trained on the model in the file `model`; that is
/// named where every page can get it.
pub(crate) fn parts_of_link(model: &str, address: &str) -> Result<Vec<(&'static str, String)>, Refused> {
    let remote = Remote::new(address)?;
    let lent = remote.host.is_some().then(|| ("adapter", address.to_owned()));
    let lent = lent.ok_or_else(|| Refused::Host(address.to_owned()))?;
    let base = BASES.iter().find(|base| base.file == model).map(|base| base.id);
    let base = base.or_else(|| (model == bundled::MODEL).then_some(MODEL.id));
    Ok(base.map(|base| ("model", base.to_owned())).into_iter().chain([lent]).collect())
}

fn parts(hash: &str) -> impl Iterator<Item = (&str, &str)> {
    hash.trim_start_matches('#').split('&').filter_map(|part| part.split_once('='))
}

/// The bundled model, one of the catalog, or a file at the hub.
fn model(text: &str) -> Option<Download> {
    if [bundled::MODEL, MODEL.id].contains(&text) {
        let address = bundled::address(Shelf::Models, bundled::MODEL)?;
        return Some(Download { name: bundled::MODEL.to_owned(), address, bytes: None, sha256: None });
    }
    let base = BASES.iter().find(|base| [base.id, base.file].contains(&text));
    base.map(Download::of).or_else(|| Download::pasted(text))
}

impl Remote {
    /// An adapter's file, or the repository at the hub that holds one.
    fn new(text: &str) -> Result<Self, Refused> {
        let plain = text.split(['?', '#']).next().unwrap_or_default();
        let address = in_repository(plain).unwrap_or_else(|| plain.replacen("/blob/", "/resolve/", 1));
        let host = host(&address)?;
        let name = safe_name(&address);
        if !ENDS.iter().any(|end| name.to_lowercase().ends_with(end)) {
            return Err(Refused::Adapter(text.to_owned()));
        }
        Ok(Self { address, host, name })
    }

    /// The file that must come with it.
    pub(crate) fn config(&self) -> Option<String> {
        self.address.strip_suffix(WEIGHTS).map(|folder| format!("{folder}{CONFIG}"))
    }
}

/// The weights in a repository, given by its page at the hub.
fn in_repository(address: &str) -> Option<String> {
    let path = address.strip_prefix(HUB)?.strip_prefix('/')?.trim_matches('/').trim_end_matches("/tree/main");
    let (organisation, name) = path.split_once('/')?;
    let plain = !organisation.is_empty() && !name.is_empty() && !name.contains('/');
    plain.then(|| format!("{HUB}/{path}/resolve/main/{WEIGHTS}"))
}

/// The host of an address, where it is not the page's own. Signs that browsers drop or read as others are in no address
/// that a person means.
fn host(address: &str) -> Result<Option<String>, Refused> {
    let refused = || Refused::Host(address.chars().take(100).collect());
    if address.contains(['\\', '@']) || address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(refused());
    }
    let Some(rest) = address.strip_prefix("https://") else {
        let own = !address.starts_with("//") && !address.contains(':');
        return if own { Ok(None) } else { Err(refused()) };
    };
    let host = rest.split('/').next().unwrap_or_default();
    let known = HOSTS.iter().any(|known| host == *known || (known.starts_with('.') && host.ends_with(known)));
    if known { Ok(Some(host.to_owned())) } else { Err(Refused::Host(host.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hash: &str) -> Result<Linked, Refused> {
        super::read(hash, |text| Some(text.replace("%3A", ":").replace("%2F", "/")))
    }

    fn adapter(text: &str) -> Result<Remote, Refused> {
        read(&format!("#adapter={text}")).map(|linked| linked.adapter.unwrap())
    }

    #[test]
    fn a_link_offers_a_model_an_adapter_or_both() {
        let linked =
            read("#model=smollm2-135m&adapter=https%3A%2F%2Fhuggingface.co/a/b/blob/main/x.zip").unwrap();
        assert_eq!(linked.model, Some(Download::of(&BASES[0])));
        let adapter = linked.adapter.unwrap();
        assert_eq!(adapter.address, "https://huggingface.co/a/b/resolve/main/x.zip");
        assert_eq!((adapter.host.as_deref(), &*adapter.name), (Some("huggingface.co"), "x.zip"));
        assert_eq!(adapter.config(), None);
        assert_eq!(read("#model=tales").unwrap().model.unwrap().address, "assets/tales.gguf");
        for (hash, found) in [
            ("#adapter=x.zip", Some(true)),
            ("#model=tales&adapter=x.zip", Some(true)),
            ("#model=tales", Some(false)),
            ("#model", None),
            ("#settings={}", None),
        ] {
            assert_eq!(offers(hash), found, "{hash}");
        }
    }

    #[test]
    fn weights_of_a_repository_want_their_config() {
        for page in ["https://huggingface.co/a/b", "https://huggingface.co/a/b/tree/main"] {
            let found = adapter(page).unwrap();
            assert_eq!(found.address, "https://huggingface.co/a/b/resolve/main/adapter_model.safetensors");
            let config = found.config().unwrap();
            assert_eq!(config, "https://huggingface.co/a/b/resolve/main/adapter_config.json");
        }
    }

    #[test]
    fn only_hosts_that_the_policy_allows_are_asked() {
        for own in ["x.zip", "./lent/x.gguf", "/x.safetensors"] {
            assert_eq!(adapter(own).unwrap().host, None, "{own}");
        }
        for known in ["https://cdn-lfs.hf.co/x.zip", "https://www.huggingface.co/a/x.zip"] {
            assert!(adapter(known).unwrap().host.is_some(), "{known}");
        }
        for other in [
            "https://evil.org/x.zip",
            "https://huggingface.co.evil.org/x.zip",
            "https://evilhf.co/x.zip",
            "http://huggingface.co/x.zip",
            "https://me@huggingface.co/x.zip",
            "https://huggingface.co:8080/x.zip",
            "https://huggingface.co\\evil.org/x.zip",
            "//evil.org/x.zip",
            "/\t/evil.org/x.zip",
            "javascript:alert(1)//x.zip",
            "data:,x.zip",
        ] {
            assert!(matches!(adapter(other), Err(Refused::Host(_))), "{other}");
        }
    }

    #[test]
    fn a_link_that_is_made_offers_what_it_was_made_of() {
        let address = "https://huggingface.co/a/b";
        let link = |model: &str| {
            let parts = parts_of_link(model, address).unwrap();
            let parts: Vec<_> = parts.iter().map(|(key, value)| format!("{key}={value}")).collect();
            read(&format!("#{}", parts.join("&"))).unwrap()
        };
        assert_eq!(link(BASES[1].file).model, Some(Download::of(&BASES[1])));
        assert_eq!(link(bundled::MODEL).model.unwrap().name, bundled::MODEL);
        assert_eq!(link("mine.gguf"), Linked { model: None, adapter: Some(Remote::new(address).unwrap()) });
        assert!(parts_of_link("mine.gguf", "x.zip").is_err(), "which no other page finds");
    }

    #[test]
    fn what_holds_no_adapter_or_no_model_is_refused() {
        assert_eq!(adapter("x.exe"), Err(Refused::Adapter("x.exe".into())));
        assert_eq!(adapter(""), Err(Refused::Adapter(String::new())));
        let other = "https://evil.org/x.gguf";
        assert_eq!(read(&format!("#model={other}")), Err(Refused::Model(other.into())));
    }
}
