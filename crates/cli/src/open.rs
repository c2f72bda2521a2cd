//! Files by path, and models by any of their names.

use crate::bundled;
use crate::library::resolve;
use anyhow::{Context, Result, ensure};
use smolder_formats::Source;
use smolder_formats::gguf::SplitGguf;
use smolder_formats::template::Options;
use smolder_formats::tokenizer::Tokenizer;
use smolder_models::Opened;
use smolder_protocol::bundled::{Bundled, SAMPLES};
use smolder_trainer::{template_options, today};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

/// A file as a source named by its path.
pub fn source(path: &Path) -> Result<Source<File>> {
    ensure!(!path.is_dir(), "{} is a folder: a file is read here", path.display());
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    Ok(Source::new(path.display().to_string(), file)?)
}

/// A file of examples by its path, or by its name where it comes with Smolder.
pub fn data(path: &Path) -> Result<Source<File>> {
    let named = path.to_str().and_then(Bundled::find).filter(|found| SAMPLES.contains(found));
    match named.filter(|_| !path.exists()) {
        Some(sample) => source(&bundled::path(sample)?),
        None => source(path),
    }
}

/// A GGUF model with all its parts, which lie in one folder; downloaded if need be.
pub fn model(model: &Path) -> Result<SplitGguf<File>> {
    let path = resolve(model)?;
    ensure!(!path.is_dir(), "{} is a folder: a GGUF file is read here", path.display());
    let name = path.file_name().with_context(|| format!("{} is no file", path.display()))?.to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new(""));
    let open = |part: &str| {
        let path = folder.join(part);
        let file = File::open(&path)
            .map_err(|e| smolder_formats::Error::io("file", &e).in_file(&path.display().to_string()))?;
        Source::new(path.display().to_string(), file)
    };
    Ok(SplitGguf::open(&name, open)?)
}

/// A model to compute with: a GGUF with all its parts, or a folder in Hugging Face's layout; downloaded if need be.
pub fn weights(model: &Path) -> Result<Opened<File>> {
    let path = resolve(model)?;
    let opened = match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if !path.is_dir() => {
            let opened = Opened::gguf(&name.to_string_lossy(), &mut |name| find(folder, name));
            opened.map_err(|error| placed(error, folder))
        }
        _ => Opened::hf(&mut |name| find(&path, name)).map_err(|error| placed(error, &path)),
    };
    Ok(opened?)
}

/// The error with its file's whole path: some readers know files by their names in a folder.
fn placed(error: smolder_formats::Error, folder: &Path) -> smolder_formats::Error {
    let whole = Path::new(&error.file).starts_with(folder);
    let file = if whole { error.file } else { folder.join(&error.file).display().to_string() };
    smolder_formats::Error { file, ..error }
}

/// A file in a folder by name; `None` where there is none.
pub fn find(folder: &Path, name: &str) -> smolder_formats::Result<Option<Source<File>>> {
    let path = folder.join(name);
    match File::open(&path) {
        Ok(file) => Source::new(path.display().to_string(), file).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(smolder_formats::Error::io("file", &error).in_file(&path.display().to_string())),
    }
}

/// What a model's chat template sees beside the messages.
pub fn options(tokenizer: &Tokenizer) -> Options {
    template_options(tokenizer, today())
}
