//! The files that are in the program itself; they are written into the user's cache when they are first asked for.

use crate::store::Store;
use crate::whole::Whole;
use anyhow::{Context, Result};
use smolder_formats::Sha256Hash;
use smolder_protocol::bundled::Bundled;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

const FILES: [(&str, &[u8]); 5] = [
    ("tales.gguf", include_bytes!("../../../assets/tales.gguf")),
    ("data/tale-style.jsonl", include_bytes!("../../../assets/data/tale-style.jsonl")),
    ("data/moods.csv", include_bytes!("../../../assets/data/moods.csv")),
    ("data/instructions-en.jsonl", include_bytes!("../../../assets/data/instructions-en.jsonl")),
    ("data/instructions-zh.jsonl", include_bytes!("../../../assets/data/instructions-zh.jsonl")),
];

/// The contents of a file.
fn bytes(bundled: &Bundled) -> Option<&'static [u8]> {
    FILES.iter().find(|(file, _)| *file == bundled.file).map(|(_, bytes)| *bytes)
}

/// Where a file lies on this machine. Other contents, of another version, lie elsewhere.
pub fn path(bundled: &Bundled) -> Result<PathBuf> {
    let bytes = bytes(bundled).with_context(|| format!("{} is not in this program", bundled.id))?;
    let path = Store::find()?.bundled(&Sha256Hash::of(bytes)).join(bundled.file);
    let whole = fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64);
    if !whole {
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Whole::create(&path)?.write(|out| Ok(out.write_all(bytes)?))?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::bundled::{MODEL, SAMPLES};

    #[test]
    fn everything_that_is_promised_is_here() {
        assert!([MODEL].iter().chain(&SAMPLES).all(|one| bytes(one).is_some_and(|bytes| bytes.len() > 1000)));
        assert_eq!(FILES.len(), 1 + SAMPLES.len());
    }
}
