//! A model by its address.

use crate::names::safe_name;
use smolder_protocol::catalog::{Base, HUB};

/// A model at the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Download {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) sha256: Option<String>,
}

impl Download {
    /// One of the catalog.
    pub(crate) fn of(base: &Base) -> Self {
        Self {
            name: base.file.to_owned(),
            address: base.address(HUB),
            bytes: base.bytes,
            sha256: base.sha256.map(str::to_owned),
        }
    }

    /// What a person pasted: the address of a GGUF file at the hub, or of the page that shows it. `None` for all else,
    /// which the page's policy would refuse.
    pub(crate) fn pasted(text: &str) -> Option<Self> {
        let text = text.trim().split(['?', '#']).next()?;
        let path = text.strip_prefix(HUB)?.strip_prefix('/')?;
        let [organisation, repository, way, revision, .., file] = *path.split('/').collect::<Vec<_>>() else {
            return None;
        };
        let known = ["resolve", "blob"].contains(&way) && file.to_lowercase().ends_with(".gguf");
        let named = [organisation, repository, revision].iter().all(|part| !part.is_empty());
        let address = text.replacen("/blob/", "/resolve/", 1);
        (known && named).then(|| Self { name: safe_name(file), address, bytes: None, sha256: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gguf_files_at_the_hub_are_taken_from_an_address() {
        let found =
            Download::pasted(" https://huggingface.co/a/b/blob/main/dir/c.Q4_0.gguf?download=true ").unwrap();
        assert_eq!(found.address, "https://huggingface.co/a/b/resolve/main/dir/c.Q4_0.gguf");
        assert_eq!((found.name.as_str(), found.sha256), ("c.Q4_0.gguf", None));
        for other in [
            "https://huggingface.co/a/b",
            "https://huggingface.co/a/b/blob/main/c.bin",
            "https://huggingface.co.evil.org/a/b/blob/main/c.gguf",
            "http://huggingface.co/a/b/blob/main/c.gguf",
            "https://huggingface.co//b/blob/main/c.gguf",
            "",
        ] {
            assert_eq!(Download::pasted(other), None, "{other}");
        }
    }
}
