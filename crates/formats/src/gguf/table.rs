//! GGUF's tensor table: name, dimensions (innermost first), type, offset into the payload.

use std::collections::HashSet;
use std::io::{Read, Seek};

use super::bytes::Bytes;
use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::tensor::{TensorInfo, element_count};

/// Reads `count` entries; offsets are still relative to the payload.
pub(super) fn read_table<R: Read + Seek>(bytes: &mut Bytes<'_, R>, count: u64) -> Result<Vec<TensorInfo>> {
    let mut tensors = Vec::with_capacity(count as usize);
    let mut seen = HashSet::new();
    for index in 0..count {
        let name = bytes.string(&format!("name of tensor {index} of {count}"), limits::NAME_BYTES)?;
        let field = format!("tensor `{name}`");
        if !seen.insert(name.clone()) {
            return Err(Error::new(Kind::Duplicate, field, "each tensor once", "it a second time"));
        }
        tensors.push(read_entry(bytes, name, &field)?);
    }
    Ok(tensors)
}

fn read_entry<R: Read + Seek>(bytes: &mut Bytes<'_, R>, name: String, field: &str) -> Result<TensorInfo> {
    let shape = read_shape(bytes, field)?;
    let id = bytes.u32(field)?;
    let dtype = Dtype::from_ggml(id).ok_or_else(|| {
        Error::new(Kind::Unsupported, field, "a tensor type that Smolder reads", unknown_type(id))
    })?;
    let offset = bytes.u64(field)?;
    let elements = element_count(field, &shape)?;
    let row = shape.last().copied().unwrap_or_default();
    let whole = row.is_multiple_of(dtype.block_len() as u64);
    let size = dtype.bytes_for(elements).filter(|_| whole).ok_or_else(|| {
        let expected = format!("rows of whole {dtype} blocks of {}", dtype.block_len());
        Error::new(Kind::Shape, field, expected, format!("rows of {row}"))
    })?;
    Ok(TensorInfo { name, shape, dtype, offset, bytes: size, part: 0 })
}

fn read_shape<R: Read + Seek>(bytes: &mut Bytes<'_, R>, field: &str) -> Result<Vec<u64>> {
    let n_dims = bytes.u32(field)?;
    if n_dims == 0 || n_dims > limits::DIMS {
        return Err(Error::new(Kind::Shape, field, "1 to 4 dimensions", n_dims));
    }
    let mut shape = (0..n_dims).map(|_| bytes.u64(field)).collect::<Result<Vec<_>>>()?;
    shape.reverse();
    if shape.contains(&0) {
        return Err(Error::new(Kind::Shape, field, "dimensions of at least 1", format!("{shape:?}")));
    }
    Ok(shape)
}

/// Names the types that exist elsewhere, so that the message says more than a number.
fn unknown_type(id: u32) -> String {
    let name = match id {
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return format!("unknown type {id}"),
    };
    format!("{name} (type {id})")
}

/// Makes offsets absolute, after checking that payloads are aligned, inside the file and apart from each other.
pub(super) fn place(tensors: &mut [TensorInfo], start: u64, len: u64, alignment: u32) -> Result<()> {
    for tensor in tensors.iter_mut() {
        let field = format!("tensor `{}`", tensor.name);
        if !tensor.offset.is_multiple_of(alignment.into()) {
            let expected = format!("an offset that is a multiple of {alignment}");
            return Err(Error::new(Kind::Offset, field, expected, tensor.offset));
        }
        let absolute = start.checked_add(tensor.offset);
        let end = absolute.and_then(|offset| offset.checked_add(tensor.bytes)).filter(|end| *end <= len);
        let (Some(offset), Some(_)) = (absolute, end) else {
            let expected = format!("{} bytes inside the file's {len}", tensor.bytes);
            let found = format!("offset {} after {start}", tensor.offset);
            return Err(Error::new(Kind::Offset, field, expected, found));
        };
        tensor.offset = offset;
    }
    no_overlap(tensors)
}

pub(super) fn no_overlap(tensors: &[TensorInfo]) -> Result<()> {
    let mut order: Vec<&TensorInfo> = tensors.iter().collect();
    order.sort_by_key(|tensor| tensor.offset);
    for pair in order.windows(2) {
        if let [before, after] = pair
            && before.offset + before.bytes > after.offset
        {
            let found = format!("offset {} inside `{}`", after.offset, before.name);
            let field = format!("tensor `{}`", after.name);
            return Err(Error::new(Kind::Offset, field, "payloads apart from each other", found));
        }
    }
    Ok(())
}
