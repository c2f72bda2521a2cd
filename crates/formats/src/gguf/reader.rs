//! A GGUF file's header and table, checked; payloads on demand.

use std::io::{Read, Seek};

use sha2::{Digest, Sha256};

use super::bytes::Bytes;
use super::metadata::{Metadata, Value};
use super::table::{place, read_table};
use super::values::read_pairs;
use super::{DEFAULT_ALIGNMENT, MAGIC};
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::source::{Sha256Hash, Source};
use crate::tensor::{TensorInfo, TensorSource, check_part};

/// Everything in front of the payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Gguf {
    /// 2 or 3.
    pub version: u32,
    /// The key-value pairs.
    pub metadata: Metadata,
    /// The tensor table; offsets count from the start of the file.
    pub tensors: Vec<TensorInfo>,
    /// What payload offsets are multiples of.
    pub alignment: u32,
    /// Where the payload starts.
    pub payload: u64,
}

impl Gguf {
    /// Reads and checks header, metadata and tensor table; no payload.
    ///
    /// # Errors
    /// Everything in [`Kind`] that a GGUF file can get wrong, naming the key or the tensor.
    pub fn read<R: Read + Seek>(source: &mut Source<R>) -> Result<Self> {
        let name = source.name().to_owned();
        Self::parse(source).map_err(|e| e.in_file(&name))
    }

    fn parse<R: Read + Seek>(source: &mut Source<R>) -> Result<Self> {
        let len = source.len();
        let mut bytes = Bytes::new(source)?;
        let version = read_version(&mut bytes)?;
        let n_tensors = read_count(&mut bytes, "tensor count", limits::TENSORS, 24)?;
        let n_pairs = read_count(&mut bytes, "key-value count", limits::KEY_VALUES, 12)?;
        let metadata = read_pairs(&mut bytes, n_pairs)?;
        let mut tensors = read_table(&mut bytes, n_tensors)?;
        let alignment = alignment(&metadata)?;
        let payload = bytes.position().next_multiple_of(alignment.into());
        place(&mut tensors, payload, len, alignment)?;
        Ok(Self { version, metadata, tensors, alignment, payload })
    }

    /// SHA-256 over one line a tensor: `name dtype [shape] bytes\n`, in table order.
    ///
    /// Two files with the same digest take the same adapters, whatever their weights are.
    pub fn table_sha256(&self) -> Sha256Hash {
        table_sha256(&self.tensors)
    }
}

/// SHA-256 over one line a tensor: `name dtype [shape] bytes\n`, in table order.
pub fn table_sha256(tensors: &[TensorInfo]) -> Sha256Hash {
    let mut hasher = Sha256::new();
    for TensorInfo { name, dtype, shape, bytes, .. } in tensors {
        hasher.update(name);
        hasher.update(format!(" {dtype} {shape:?} {bytes}\n"));
    }
    Sha256Hash(hasher.finalize().into())
}

fn read_version<R: Read + Seek>(bytes: &mut Bytes<'_, R>) -> Result<u32> {
    let magic: [u8; 4] = bytes.array("magic")?;
    if magic != MAGIC {
        let mut start = magic.to_vec();
        start.resize(4 + bytes.remaining().min(12) as usize, 0);
        bytes.fill("magic", start.get_mut(4..).unwrap_or_default())?;
        let mut found = crate::sniff::describe(&start);
        if found == crate::sniff::SAFETENSORS {
            found += ": a model in this form is opened by its folder, which has config.json too";
        }
        return Err(Error::new(Kind::Magic, "magic", "the letters GGUF", found));
    }
    match bytes.u32("version")? {
        version @ 2..=3 => Ok(version),
        other if matches!(other.swap_bytes(), 1..=3) => {
            let found = format!("big-endian version {}", other.swap_bytes());
            Err(Error::new(Kind::Version, "version", "a little-endian file", found))
        }
        other => Err(Error::new(Kind::Version, "version", "GGUF version 2 or 3", other)),
    }
}

/// A count under `limit` whose items, at `least` bytes each, fit in the rest of the file.
fn read_count<R: Read + Seek>(bytes: &mut Bytes<'_, R>, field: &str, limit: u64, least: u64) -> Result<u64> {
    let count = bytes.u64(field)?;
    if count > limit {
        return Err(Error::new(Kind::Limit, field, format!("at most {limit}"), count));
    }
    bytes.require(field, count * least)?;
    Ok(count)
}

fn alignment(metadata: &Metadata) -> Result<u32> {
    const KEY: &str = "general.alignment";
    let value = match metadata.get(KEY) {
        None => return Ok(DEFAULT_ALIGNMENT),
        Some(Value::U32(value)) => *value,
        Some(other) => {
            return Err(Error::new(Kind::Type, KEY, "a 32-bit unsigned integer", other.type_name()));
        }
    };
    let (low, high) = limits::ALIGNMENT;
    if value.is_power_of_two() && (low..=high).contains(&value) {
        return Ok(value);
    }
    Err(Error::new(Kind::Value, KEY, format!("a power of two from {low} to {high}"), value))
}

/// A GGUF file with its source, ready to give payloads.
#[derive(Debug)]
pub struct GgufFile<R> {
    source: Source<R>,
    /// Header, metadata and table.
    pub header: Gguf,
}

impl<R: Read + Seek> GgufFile<R> {
    /// Reads the header and keeps the source for payloads.
    pub fn open(mut source: Source<R>) -> Result<Self> {
        let header = Gguf::read(&mut source)?;
        Ok(Self { source, header })
    }

    /// SHA-256 of the whole file; `progress` is told how many bytes are done.
    pub fn sha256(&mut self, progress: &mut dyn FnMut(u64)) -> Result<Sha256Hash> {
        self.source.sha256(progress)
    }

    /// The file's size in bytes.
    pub fn len(&self) -> u64 {
        self.source.len()
    }

    /// Whether the file is empty; a file that was opened never is.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }
}

impl<R: Read + Seek> TensorSource for GgufFile<R> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn tensors(&self) -> &[TensorInfo] {
        &self.header.tensors
    }

    fn read_part(&mut self, tensor: &TensorInfo, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let start = check_part(tensor, offset, buffer.len()).map_err(|e| e.in_file(self.source.name()))?;
        self.source.read_at(start, buffer).map_err(|e| e.within(&format!("tensor `{}`", tensor.name)))
    }
}
