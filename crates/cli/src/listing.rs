//! What files a hub's repository has, and which of them is meant where none is named.

use crate::hub::{Hub, Linked, is_sha256};
use crate::spec::is_gguf;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use smolder_formats::error::printable;
use smolder_formats::gguf::split_name;
use smolder_formats::inspect::size;

/// The longest listing that is read.
const LISTING_BYTES: u64 = 16 << 20;
/// Quantizations from the one that is taken first to the one that is taken last.
const PREFERRED: [&str; 16] = [
    "Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "IQ4_NL", "Q5_K_M", "Q5_K_S", "Q5_0", "Q5_1", "Q6_K", "Q8_0", "F16",
    "BF16", "F32", "Q3_K_M", "Q2_K",
];

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The path in the repository.
    pub path: String,
    /// What the hub says of it.
    pub linked: Linked,
}

/// The files of a repository.
pub fn files(hub: &Hub, repository: &str, revision: &str) -> Result<Vec<Listed>> {
    let address = format!("{}/api/models/{repository}/tree/{revision}?recursive=true", hub.endpoint());
    let body = hub.get(&address, &[])?.response.into_body();
    let text = body.into_with_config().limit(LISTING_BYTES).read_to_string();
    let text = text.with_context(|| format!("the listing of {repository} broke off: try again"))?;
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let entries = value.as_array().with_context(|| {
        format!("{address} is no listing of files: is there a login page or proxy between you and the hub?")
    })?;
    Ok(entries.iter().filter_map(listed).collect())
}

fn listed(entry: &Value) -> Option<Listed> {
    let path = entry["path"].as_str().filter(|_| entry["type"] == "file")?;
    let sha256 = entry["lfs"]["oid"].as_str().filter(|oid| is_sha256(oid)).map(str::to_ascii_lowercase);
    Some(Listed { path: path.to_owned(), linked: Linked { bytes: entry["size"].as_u64(), sha256 } })
}

/// The model among a repository's files: the only one, else the most usual quantization.
///
/// # Errors
/// A sentence that lists the choices where nothing says which is meant.
pub fn choose<'a>(repository: &str, files: &'a [Listed]) -> Result<&'a Listed> {
    let models: Vec<&Listed> = files.iter().filter(|file| is_model(&file.path)).collect();
    if let [only] = models.as_slice() {
        return Ok(only);
    }
    let usual = PREFERRED.iter().find_map(|quantization| {
        let found = models.iter().filter(|file| has_quantization(&file.path, quantization));
        Some(found.copied().collect::<Vec<_>>()).filter(|found| !found.is_empty())
    });
    match usual.unwrap_or_default().as_slice() {
        [file] => Ok(file),
        _ if models.is_empty() => bail!(
            "{repository} has no GGUF file: look for a repository of the same model whose name ends in -GGUF, or \
             download the folder and give its path"
        ),
        _ => bail!("{repository} has several models, name one of them:{}", choices(repository, &models)),
    }
}

/// Whether a file is a model: not a projector for images, not statistics, not a later part of a split one.
fn is_model(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    is_gguf(name)
        && !["mmproj", "imatrix"].iter().any(|other| lower.contains(other))
        && split_name(name).is_none_or(|(_, number, _)| number == 1)
}

/// Whether a file's name has the quantization as a word of its own: `Q4_K` is not in `x-Q4_K_M.gguf`.
fn has_quantization(path: &str, quantization: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = split_name(name).map_or_else(|| name.trim_end_matches(".gguf"), |(stem, _, _)| stem);
    let words = stem.split(['-', '.']);
    words.into_iter().any(|word| word.eq_ignore_ascii_case(quantization))
}

fn choices(repository: &str, models: &[&Listed]) -> String {
    let shown = models.iter().take(20).map(|file| {
        let bytes = file.linked.bytes.map(|bytes| format!(" ({})", size(bytes))).unwrap_or_default();
        format!("\n  {repository}/{}{bytes}", printable(&file.path))
    });
    let more = if models.len() > 20 { "\n  …" } else { "" };
    shown.collect::<String>() + more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(paths: &[&str]) -> Result<String, String> {
        let listed = |path: &&str| Listed { path: (*path).to_owned(), linked: Linked::default() };
        let files: Vec<_> = paths.iter().map(listed).collect();
        choose("o/r", &files).map(|file| file.path.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_usual_quantization_is_taken() {
        let table: [(&[&str], &str); 5] = [
            (&["README.md", "odd-name.gguf"], "odd-name.gguf"),
            (&["m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q4_0.gguf"], "m-Q4_K_M.gguf"),
            (&["m-q8_0.gguf", "m-q4_0.gguf"], "m-q4_0.gguf"),
            (&["m.Q8_0.gguf", "m.Q6_K_L.gguf", "mmproj-m.F16.gguf"], "m.Q8_0.gguf"),
            (
                &["q/m-Q8_0-00001-of-00002.gguf", "q/m-Q8_0-00002-of-00002.gguf"],
                "q/m-Q8_0-00001-of-00002.gguf",
            ),
        ];
        for (paths, expected) in table {
            assert_eq!(chosen(paths).as_deref(), Ok(expected), "{paths:?}");
        }
    }

    #[test]
    fn without_a_choice_the_sentence_says_what_to_do() {
        assert!(chosen(&["model.safetensors"]).unwrap_err().contains("name ends in -GGUF"));
        for [one, two] in [["one.gguf", "two.gguf"], ["a-Q4_K_M.gguf", "b-Q4_K_M.gguf"]] {
            let several = chosen(&[one, two, "mmproj.gguf"]).unwrap_err();
            assert!(several.ends_with(&format!("name one of them:\n  o/r/{one}\n  o/r/{two}")), "{several}");
        }
    }

    #[test]
    fn a_listing_gives_files_with_size_and_hash() {
        let oid = "ab".repeat(32);
        let text = format!(
            r#"[{{"type":"directory","path":"d"}},
                {{"type":"file","path":"d/m.gguf","size":7,"oid":"git","lfs":{{"oid":"{oid}","size":7}}}},
                {{"type":"file","path":"README.md","size":3,"oid":"git"}}]"#
        );
        let value: Value = serde_json::from_str(&text).unwrap();
        let found: Vec<_> = value.as_array().unwrap().iter().filter_map(listed).collect();
        let linked = Linked { bytes: Some(7), sha256: Some(oid) };
        assert_eq!(found[0], Listed { path: "d/m.gguf".into(), linked });
        let linked = Linked { bytes: Some(3), sha256: None };
        assert_eq!(found[1..], [Listed { path: "README.md".into(), linked }]);
    }
}
