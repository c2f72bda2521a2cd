//! The ways to say which model is meant: a path, a name in the catalog, or a file at the hub.

use anyhow::{Result, bail, ensure};
use smolder_protocol::bundled::{Bundled, MODEL};
use smolder_protocol::catalog::{BASES, Base};
use std::path::{Path, PathBuf};

/// A model as a person names it.
#[derive(Debug, PartialEq, Eq)]
pub enum Spec {
    /// A file or folder on this machine.
    Path(PathBuf),
    /// The model that comes with Smolder.
    Bundled(&'static Bundled),
    /// An entry of the catalog.
    Base(&'static Base),
    /// A repository at the hub.
    Remote(Remote),
}

/// `organisation/repository[/file.gguf][@revision]` at the hub.
#[derive(Debug, PartialEq, Eq)]
pub struct Remote {
    /// `organisation/repository`.
    pub repository: String,
    /// The path of a file in the repository.
    pub file: Option<String>,
    /// A commit, tag or branch.
    pub revision: String,
}

impl Spec {
    /// Reads what a person typed. What exists on this machine is never looked for elsewhere.
    ///
    /// # Errors
    /// A sentence that says what is understood.
    pub fn parse(text: &Path) -> Result<Self> {
        if text.exists() {
            return Ok(Self::Path(text.to_owned()));
        }
        let Some(name) = text.to_str() else { bail!("{} does not exist", text.display()) };
        if let Some(found) = Bundled::find(name).filter(|found| **found == MODEL) {
            return Ok(Self::Bundled(found));
        }
        if let Some(base) = Base::find(name) {
            return Ok(Self::Base(base));
        }
        let looks_local = text.is_absolute() || name.starts_with(['.', '~']) || name.contains('\\');
        let parts: Vec<&str> = name.split('/').collect();
        ensure!(!looks_local && !is_file(name, &parts), "{name} does not exist");
        ensure!(
            parts.len() > 1,
            "{name} is neither a file nor a known model. Known are {}, {}; any other is given by its path or as \
             organisation/repository/file.gguf at the hub",
            MODEL.id,
            BASES.map(|base| base.id).join(", ")
        );
        Remote::parse(name).map(Self::Remote)
    }
}

/// Whether `model.gguf` or `folder/model.gguf` is meant, for a hub's files are at least three names deep.
fn is_file(name: &str, parts: &[&str]) -> bool {
    parts.len() < 3 && is_gguf(name)
}

/// Whether a file is a GGUF file by its name.
pub fn is_gguf(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
}

impl Remote {
    fn parse(text: &str) -> Result<Self> {
        let (path, revision) = text.rsplit_once('@').unwrap_or((text, "main"));
        let parts: Vec<&str> = path.split('/').collect();
        for part in parts.iter().chain([&revision]) {
            check(text, part)?;
        }
        let [organisation, name, file @ ..] = parts.as_slice() else {
            bail!("{text} is no model at the hub: expected organisation/repository/file.gguf")
        };
        let file = Some(file.join("/")).filter(|file| !file.is_empty());
        ensure!(file.as_deref().is_none_or(is_gguf), "{text} is no GGUF file: only those are downloaded");
        Ok(Self { repository: format!("{organisation}/{name}"), file, revision: revision.to_owned() })
    }
}

/// Refuses what would mean something else in an address or in a path on this machine.
pub fn check(whole: &str, part: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    ensure!(
        !part.is_empty() && !part.starts_with('.') && part.chars().all(plain),
        "{whole} is no model at the hub: expected names of letters, digits and . _ - + between slashes, found {part:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Spec, String> {
        Spec::parse(Path::new(text)).map_err(|error| error.to_string())
    }

    fn remote(repository: &str, file: Option<&str>, revision: &str) -> Spec {
        let file = file.map(str::to_owned);
        Spec::Remote(Remote { repository: repository.into(), file, revision: revision.into() })
    }

    #[test]
    fn a_model_is_a_path_a_name_or_at_the_hub() {
        assert_eq!(parse("Cargo.toml"), Ok(Spec::Path("Cargo.toml".into())));
        assert_eq!(parse("src"), Ok(Spec::Path("src".into())), "a folder may be a model in safetensors");
        assert_eq!(parse("Qwen3-0.6b"), Ok(Spec::Base(Base::find("qwen3-0.6b").unwrap())));
        assert_eq!(parse("Tales"), Ok(Spec::Bundled(&MODEL)));
        assert!(parse("tale-style").is_err(), "data is no model");
        assert_eq!(parse("o/r"), Ok(remote("o/r", None, "main")));
        assert_eq!(parse("o/r@v1.0"), Ok(remote("o/r", None, "v1.0")));
        assert_eq!(parse("o/r/m.gguf"), Ok(remote("o/r", Some("m.gguf"), "main")));
        assert_eq!(parse("o/r/q4/m.gguf@abc"), Ok(remote("o/r", Some("q4/m.gguf"), "abc")));
    }

    #[test]
    fn what_does_not_exist_is_not_looked_for_at_the_hub() {
        for path in
            ["/no/such/m.gguf", "./m.gguf", "../o/r", "~/m.gguf", "m.gguf", "models/m.gguf", "c:\\m\\n"]
        {
            assert_eq!(parse(path), Err(format!("{path} does not exist")));
        }
        assert!(parse("smollm").unwrap_err().contains("Known are tales, smollm2-135m, "));
    }

    #[test]
    fn names_cannot_leave_the_cache_or_the_address() {
        for odd in
            ["o/../x/m.gguf", "o//m/m.gguf", "o/r/m.gguf?x", "o/r/m.gguf@", "o/r/m.gguf@a/b", "o/r%2f/m.gguf"]
        {
            assert!(parse(odd).unwrap_err().contains("no model at the hub"), "{odd}");
        }
        assert!(parse("o/r/model.safetensors").unwrap_err().contains("no GGUF file"));
    }
}
