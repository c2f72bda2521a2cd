//! A safetensors file's header, checked; payloads on demand.

use std::io::{Read, Seek};

use super::header::{Header, RawTensor};
use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::source::{Sha256Hash, Source};
use crate::tensor::{TensorInfo, TensorSource, check_part, element_count};

/// A safetensors file with its source.
#[derive(Debug)]
pub struct Safetensors<R> {
    source: Source<R>,
    /// The header's `__metadata__`, in file order.
    pub metadata: Vec<(String, String)>,
    tensors: Vec<TensorInfo>,
}

impl<R: Read + Seek> Safetensors<R> {
    /// Reads and checks the header.
    ///
    /// # Errors
    /// [`Kind::Magic`] for a pickle or another kind of file, [`Kind::Limit`] for a header over the cap,
    /// [`Kind::Syntax`] or [`Kind::Duplicate`] for its JSON, [`Kind::Unsupported`] for dtypes other than F32, F16 and
    /// BF16, [`Kind::Shape`] or [`Kind::Offset`] for ranges that do not fit shapes or each other.
    pub fn open(mut source: Source<R>) -> Result<Self> {
        let name = source.name().to_owned();
        let (metadata, tensors) = parse(&mut source).map_err(|e| e.in_file(&name))?;
        Ok(Self { source, metadata, tensors })
    }

    /// The value of a metadata key.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|pair| pair.0 == key).map(|pair| pair.1.as_str())
    }

    /// Bytes of the whole file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.source.len()
    }

    /// SHA-256 of the whole file; `progress` is told how many bytes are done.
    pub fn sha256(&mut self, progress: &mut dyn FnMut(u64)) -> Result<Sha256Hash> {
        self.source.sha256(progress)
    }
}

type Parsed = (Vec<(String, String)>, Vec<TensorInfo>);

fn parse<R: Read + Seek>(source: &mut Source<R>) -> Result<Parsed> {
    let mut length = [0; 8];
    source.read_at(0, &mut length).map_err(|e| Error { field: "header length".into(), ..e })?;
    let len = u64::from_le_bytes(length);
    if len > limits::SAFETENSORS_HEADER_BYTES {
        return Err(too_long(source, len));
    }
    let mut json = vec![0; len.min(source.len()) as usize];
    source.read_at(8, &mut json).map_err(|e| Error { field: "header".into(), ..e })?;
    if json.first() != Some(&b'{') {
        let found = crate::sniff::describe(&json);
        return Err(Error::new(Kind::Syntax, "header", "a JSON object that starts at once", found));
    }
    let limit = limits::SAFETENSORS_HEADER_BYTES;
    let header: Header =
        crate::json::typed(&json, limit, "a safetensors header").map_err(|e| e.within("header"))?;
    let start = 8 + len;
    let mut tensors = Vec::with_capacity(header.tensors.len());
    for (name, raw) in header.tensors {
        tensors.push(tensor(name, &raw, start, source.len())?);
    }
    check_cover(&tensors, start, source.len())?;
    Ok((header.metadata, tensors))
}

/// A header of exabytes is usually another kind of file.
fn too_long<R: Read + Seek>(source: &mut Source<R>, len: u64) -> Error {
    let mut start = vec![0; source.len().min(16) as usize];
    let known = source
        .read_at(0, &mut start)
        .map_or_else(|_| "bytes".to_owned(), |()| crate::sniff::describe(&start));
    if !known.starts_with("bytes") {
        return Error::new(Kind::Magic, "header length", "a safetensors file", known);
    }
    let expected = format!("at most {} bytes of header", limits::SAFETENSORS_HEADER_BYTES);
    Error::new(Kind::Limit, "header length", expected, len)
}

fn tensor(name: String, raw: &RawTensor, start: u64, file: u64) -> Result<TensorInfo> {
    let field = format!("tensor `{name}`");
    let dtype = match raw.dtype.as_str() {
        "F32" => Dtype::F32,
        "F16" => Dtype::F16,
        "BF16" => Dtype::BF16,
        other => return Err(Error::new(Kind::Unsupported, field, "dtype F32, F16 or BF16", other)),
    };
    let shape = raw.shape.0.clone();
    let bytes = dtype.bytes_for(element_count(&field, &shape)?);
    let (from, to) = raw.data_offsets;
    let stated = to.checked_sub(from);
    if stated.is_none() || stated != bytes {
        let expected = format!("{} bytes for {shape:?} {dtype}", bytes.unwrap_or_default());
        return Err(Error::new(Kind::Shape, field, expected, format!("{from}..{to}")));
    }
    let end = start.checked_add(to).filter(|end| *end <= file);
    match (end, bytes) {
        (Some(_), Some(bytes)) => Ok(TensorInfo { name, shape, dtype, offset: start + from, bytes, part: 0 }),
        _ => Err(Error::new(
            Kind::Offset,
            field,
            format!("a range inside the file's {file} bytes"),
            format!("{from}..{to}"),
        )),
    }
}

/// Ranges lie side by side from the header to the file's end, as the format demands.
fn check_cover(tensors: &[TensorInfo], start: u64, file: u64) -> Result<()> {
    let mut order: Vec<&TensorInfo> = tensors.iter().collect();
    order.sort_by_key(|tensor| (tensor.offset, tensor.bytes));
    let mut at = start;
    for tensor in order {
        if tensor.offset != at {
            let field = format!("tensor `{}`", tensor.name);
            let found = tensor.offset.saturating_sub(start);
            return Err(Error::new(
                Kind::Offset,
                field,
                format!("a range that starts at {}", at - start),
                found,
            ));
        }
        at += tensor.bytes;
    }
    if at == file {
        return Ok(());
    }
    let expected = format!("tensors up to the file's end at {file}");
    Err(Error::new(Kind::Offset, "payload", expected, at))
}

impl<R: Read + Seek> TensorSource for Safetensors<R> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn read_part(&mut self, tensor: &TensorInfo, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let start = check_part(tensor, offset, buffer.len()).map_err(|e| e.in_file(self.source.name()))?;
        self.source.read_at(start, buffer).map_err(|e| e.within(&format!("tensor `{}`", tensor.name)))
    }
}
