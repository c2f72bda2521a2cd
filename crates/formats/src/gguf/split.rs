//! Models in several files: `name-00001-of-00003.gguf`, each a GGUF file of its own.

use std::collections::HashSet;
use std::io::{Read, Seek};

use super::metadata::Metadata;
use super::reader::{GgufFile, table_sha256};
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::source::{Sha256Hash, Source};
use crate::tensor::{TensorInfo, TensorSource, part_name, read_from};

/// The stem, number and count in a part's name; `None` for a whole file's name.
pub fn split_name(name: &str) -> Option<(&str, u16, u16)> {
    let (rest, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let five = |digits: &str| digits.len() == 5 && digits.bytes().all(|b| b.is_ascii_digit());
    if !five(number) || !five(count) {
        return None;
    }
    let (number, count) = (number.parse().ok()?, count.parse().ok()?);
    (1..=count).contains(&number).then_some((stem, number, count))
}

/// The names of all parts of the model that `name` is a part of; `name` alone for a whole file.
pub fn split_names(name: &str) -> Vec<String> {
    match split_name(name) {
        Some((stem, _, count)) if count <= limits::SHARDS => {
            (1..=count).map(|number| format!("{stem}-{number:05}-of-{count:05}.gguf")).collect()
        }
        _ => vec![name.to_owned()],
    }
}

/// A GGUF model in one or several files, as one table.
#[derive(Debug)]
pub struct SplitGguf<R> {
    parts: Vec<GgufFile<R>>,
    tensors: Vec<TensorInfo>,
}

impl<R: Read + Seek> SplitGguf<R> {
    /// Opens the file called `name` and, if it is a part, its siblings; `open` finds a file by name.
    ///
    /// # Errors
    /// Those of [`super::Gguf::read`]; [`Kind::Missing`] for an absent part; [`Kind::Mismatch`] for parts that are
    /// out of order or belong to another model; [`Kind::Duplicate`] for a tensor in two parts.
    pub fn open(name: &str, mut open: impl FnMut(&str) -> Result<Source<R>>) -> Result<Self> {
        let names = split_names(name);
        let mut parts = Vec::with_capacity(names.len());
        for (index, part) in names.iter().enumerate() {
            let file = GgufFile::open(open(part)?)?;
            check_part(&file, index, names.len()).map_err(|e| e.in_file(part))?;
            parts.push(file);
        }
        let tensors = join(&parts).map_err(|e| e.in_file(name))?;
        Ok(Self { parts, tensors })
    }

    /// The metadata: that of the first part.
    pub fn metadata(&self) -> &Metadata {
        static NONE: Metadata = Metadata::new();
        self.parts.first().map_or(&NONE, |part| &part.header.metadata)
    }

    /// GGUF's version, that of the first part.
    pub fn version(&self) -> u32 {
        self.parts.first().map_or(0, |part| part.header.version)
    }

    /// The number of files.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Bytes in all files.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(GgufFile::len).sum()
    }

    /// Whether there are no bytes; a model that was opened has some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// SHA-256 of each file, in order; `progress` is told how many bytes of all are done.
    pub fn sha256(&mut self, progress: &mut dyn FnMut(u64)) -> Result<Vec<Sha256Hash>> {
        let mut before = 0;
        let mut hashes = Vec::with_capacity(self.parts.len());
        for part in &mut self.parts {
            hashes.push(part.sha256(&mut |done| progress(before + done))?);
            before += part.len();
        }
        Ok(hashes)
    }

    /// The digest of the joined table: equal for a whole file and its parts.
    pub fn table_sha256(&self) -> Sha256Hash {
        table_sha256(&self.tensors)
    }
}

/// A part under a name of its own: its siblings cannot be found.
fn renamed(name: &str, part: Option<u64>, count: u64) -> Error {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.strip_suffix(".gguf").unwrap_or(file);
    let number = part.unwrap_or_default().saturating_add(1);
    let expected = format!(
        "`{stem}-{number:05}-of-{count:05}.gguf` beside the other parts, since this is part {number} of {count}"
    );
    Error::new(Kind::Mismatch, "name", expected, format!("`{file}`"))
}

/// A part says which it is; a whole file says nothing, or that it is the only one.
fn check_part<R: Read + Seek>(file: &GgufFile<R>, index: usize, count: usize) -> Result<()> {
    let metadata = &file.header.metadata;
    let stated_count = metadata.integer("split.count")?;
    let stated_index = metadata.integer("split.no")?;
    if count == 1 && matches!(stated_count, None | Some(0 | 1)) {
        return Ok(());
    }
    if let (None, Some(stated)) = (split_name(file.name()), stated_count) {
        return Err(renamed(file.name(), stated_index, stated));
    }
    if stated_count != Some(count as u64) {
        let found = stated_count.map_or("no such key".into(), |n| n.to_string());
        return Err(Error::new(Kind::Mismatch, "`split.count`", count.to_string(), found));
    }
    if stated_index != Some(index as u64) {
        let found = stated_index.map_or("no such key".into(), |n| n.to_string());
        return Err(Error::new(Kind::Mismatch, "`split.no`", index.to_string(), found));
    }
    Ok(())
}

fn join<R: Read + Seek>(parts: &[GgufFile<R>]) -> Result<Vec<TensorInfo>> {
    let mut tensors = Vec::new();
    let mut seen = HashSet::new();
    for (index, part) in parts.iter().enumerate() {
        same_model(parts, part)?;
        for tensor in part.tensors() {
            if !seen.insert(tensor.name.as_str()) {
                let field = format!("tensor `{}`", tensor.name);
                return Err(Error::new(Kind::Duplicate, field, "each tensor in one part", part.name()));
            }
            tensors.push(TensorInfo { part: index as u16, ..tensor.clone() });
        }
    }
    Ok(tensors)
}

/// Keys that a later part repeats must agree with the first; the stated number of tensors must be there.
fn same_model<R: Read + Seek>(parts: &[GgufFile<R>], part: &GgufFile<R>) -> Result<()> {
    let Some(first) = parts.first() else { return Ok(()) };
    for key in ["general.architecture", "general.name", "split.tensors.count"] {
        let (ours, theirs) = (first.header.metadata.get(key), part.header.metadata.get(key));
        if theirs.is_some() && ours != theirs {
            let expected = format!("the same as in {}", first.name());
            return Err(Error::new(Kind::Mismatch, format!("`{key}`"), expected, format!("{theirs:?}"))
                .in_file(part.name()));
        }
    }
    let total: usize = parts.iter().map(|part| part.tensors().len()).sum();
    match first.header.metadata.integer("split.tensors.count")? {
        Some(stated) if stated != total as u64 => {
            Err(Error::new(Kind::Mismatch, "`split.tensors.count`", total.to_string(), stated))
        }
        _ => Ok(()),
    }
}

impl<R: Read + Seek> TensorSource for SplitGguf<R> {
    fn name(&self) -> &str {
        self.parts.first().map_or("", |part| part.name())
    }

    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn file_of(&self, tensor: &TensorInfo) -> &str {
        part_name(&self.parts, tensor)
    }

    fn read_part(&mut self, tensor: &TensorInfo, offset: u64, buffer: &mut [u8]) -> Result<()> {
        read_from(&mut self.parts, tensor, offset, buffer)
    }
}
