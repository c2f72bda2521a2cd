//! Digests of everything that a build depends on, to know whether it must be made again.

use anyhow::{Context, Result};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// A digest of the files under `inputs` (files or folders below `root`; missing ones count as such) and of
/// `settings`.
pub fn digest(root: &Path, inputs: &[impl AsRef<Path>], settings: &[&str]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    settings.hash(&mut hasher);
    for input in inputs {
        for file in files(&root.join(input.as_ref()))? {
            file.strip_prefix(root).unwrap_or(&file).hash(&mut hasher);
            fs::read(&file).with_context(|| format!("{} cannot be read.", file.display()))?.hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// The files at or below `path`, in a fixed order.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let Ok(entries) = fs::read_dir(path) else { return Ok(Vec::new()) };
    let mut entries: Vec<_> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    Ok(entries.iter().map(|entry| files(entry)).collect::<Result<Vec<_>>>()?.concat())
}

/// The digest left by an earlier build.
pub fn read(stamp: &Path) -> Option<String> {
    fs::read_to_string(stamp).ok()
}

/// Leaves the digest of a build that is complete.
pub fn write(stamp: &Path, digest: &str) -> Result<()> {
    fs::create_dir_all(stamp.parent().unwrap_or(stamp))?;
    fs::write(stamp, digest).with_context(|| format!("{} cannot be written.", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("smolder-stamp-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("src/a"), "1").unwrap();
        folder
    }

    #[test]
    fn the_digest_follows_contents_names_and_settings() {
        let root = folder("follows");
        let of = |settings: &[&str]| digest(&root, &["src", "missing"], settings).unwrap();
        let first = of(&["x"]);
        assert_eq!(of(&["x"]), first, "nothing changed");
        assert_ne!(of(&["y"]), first, "settings");
        fs::write(root.join("src/a"), "2").unwrap();
        let second = of(&["x"]);
        assert_ne!(second, first, "contents");
        fs::rename(root.join("src/a"), root.join("src/b")).unwrap();
        assert_ne!(of(&["x"]), second, "names");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_lies_outside_the_inputs_does_not_count() {
        let root = folder("outside");
        let first = digest(&root, &["src"], &[]).unwrap();
        fs::write(root.join("other"), "1").unwrap();
        assert_eq!(digest(&root, &["src"], &[]).unwrap(), first);
        fs::remove_dir_all(root).unwrap();
    }
}
