//! Block formats: bytes to floats for every dtype, floats to bytes for those that are written.
//!
//! Every formula multiplies and adds 32-bit floats in the order of the `gguf` Python package, so results are equal
//! bit by bit. `d`, `m` and `dmin` are 16-bit floats, little-endian.

#![allow(
    clippy::inline_always,
    reason = "the instruction set of a caller must reach the arithmetic of a block"
)]

mod dense;
mod iq4_nl;
mod q2_k;
mod q3_k;
mod q4;
mod q4_k;
mod q5;
mod q6_k;
mod q8;

use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result};

/// Decodes block by block. A macro, since a function that is passed as a value keeps its own instruction set.
macro_rules! each {
    ($bytes:ident, $out:ident, $decode:path) => {
        for (block, out) in $bytes.as_chunks().0.iter().zip($out.as_chunks_mut().0) {
            // A copy on the stack, of which a compiler knows that no block lies in it: only then it vectorises.
            let mut values = *out;
            $decode(block, &mut values);
            *out = values;
        }
    };
}

/// Appends the elements of whole blocks to `out`.
///
/// # Errors
/// [`Kind::Shape`] where `bytes` ends inside a block.
pub fn dequantize_into(dtype: Dtype, bytes: &[u8], out: &mut Vec<f32>) -> Result<()> {
    let blocks = bytes.len() / dtype.block_bytes();
    if blocks * dtype.block_bytes() != bytes.len() {
        let expected = format!("whole {dtype} blocks of {} bytes", dtype.block_bytes());
        return Err(Error::new(Kind::Shape, "payload", expected, format!("{} bytes", bytes.len())));
    }
    let start = out.len();
    out.resize(start + blocks * dtype.block_len(), 0.0);
    dequantize(dtype, bytes, out.get_mut(start..).unwrap_or_default());
    Ok(())
}

/// Fills `out` with the elements of whole blocks; what has no counterpart stays as it is.
///
/// Inlined with all it calls, so that a caller's instruction set applies to it.
#[inline(always)]
pub fn dequantize(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => each!(bytes, out, dense::f32),
        Dtype::F16 => each!(bytes, out, dense::f16),
        Dtype::BF16 => each!(bytes, out, dense::bf16),
        Dtype::Q4_0 => each!(bytes, out, q4::q4_0),
        Dtype::Q4_1 => each!(bytes, out, q4::q4_1),
        Dtype::Q5_0 => each!(bytes, out, q5::q5_0),
        Dtype::Q5_1 => each!(bytes, out, q5::q5_1),
        Dtype::Q8_0 => each!(bytes, out, q8::q8_0),
        Dtype::Q2_K => each!(bytes, out, q2_k::q2_k),
        Dtype::Q3_K => each!(bytes, out, q3_k::q3_k),
        Dtype::Q4_K => each!(bytes, out, q4_k::q4_k),
        Dtype::Q5_K => each!(bytes, out, q4_k::q5_k),
        Dtype::Q6_K => each!(bytes, out, q6_k::q6_k),
        Dtype::IQ4_NL => each!(bytes, out, iq4_nl::iq4_nl),
    }
}

/// Appends the bytes of `values`, which fill whole blocks, to `out`.
///
/// # Errors
/// [`Kind::Unsupported`] for a dtype that is only read, [`Kind::Shape`] for a partial block, [`Kind::Value`] for a
/// value that is not finite: a block's scale would carry it to all its neighbours.
pub fn quantize_into(dtype: Dtype, values: &[f32], out: &mut Vec<u8>) -> Result<()> {
    if !values.len().is_multiple_of(dtype.block_len()) {
        let expected = format!("whole {dtype} blocks of {}", dtype.block_len());
        return Err(Error::new(Kind::Shape, "values", expected, values.len()));
    }
    if let Some(bad) = values.iter().find(|v| dtype.is_quantized() && !v.is_finite()) {
        return Err(Error::new(Kind::Value, "values", "finite numbers", bad));
    }
    match dtype {
        Dtype::F32 => values.iter().for_each(|v| out.extend(v.to_le_bytes())),
        Dtype::F16 => values.iter().for_each(|v| out.extend(dense::to_f16(*v))),
        Dtype::BF16 => values.iter().for_each(|v| out.extend(dense::to_bf16(*v))),
        Dtype::Q8_0 => values.as_chunks().0.iter().for_each(|b| q8::to_q8_0(b, out)),
        Dtype::Q4_0 => values.as_chunks().0.iter().for_each(|b| q4::to_q4_0(b, out)),
        Dtype::Q4_1 => values.as_chunks().0.iter().for_each(|b| q4::to_q4_1(b, out)),
        other => {
            let expected = "F32, F16, BF16, Q8_0, Q4_0 or Q4_1";
            return Err(Error::new(Kind::Unsupported, "dtype to write", expected, other));
        }
    }
    Ok(())
}

/// The index of the first block whose scales are infinite or not a number, or of the first such element.
pub fn first_non_finite(dtype: Dtype, bytes: &[u8]) -> Option<usize> {
    let at: &[usize] = match dtype {
        Dtype::F32 => return bytes.as_chunks().0.iter().position(|b| !f32::from_le_bytes(*b).is_finite()),
        Dtype::BF16 => {
            return bytes.as_chunks().0.iter().position(|b| !half::bf16::from_le_bytes(*b).is_finite());
        }
        Dtype::F16 | Dtype::Q4_0 | Dtype::Q5_0 | Dtype::Q8_0 | Dtype::IQ4_NL => &[0],
        Dtype::Q4_1 | Dtype::Q5_1 | Dtype::Q4_K | Dtype::Q5_K => &[0, 2],
        Dtype::Q2_K => &[80, 82],
        Dtype::Q3_K => &[108],
        Dtype::Q6_K => &[208],
    };
    let bad = |block: &[u8], at: usize| !block.get(at..at + 2).is_some_and(|b| half_at(b).is_finite());
    bytes.chunks(dtype.block_bytes()).position(|block| at.iter().any(|at| bad(block, *at)))
}

fn half_at(bytes: &[u8]) -> f32 {
    bytes.first_chunk().map_or(f32::NAN, |b| half::f16::from_le_bytes(*b).to_f32())
}

/// The 16-bit float at two bytes of a block, in a few instructions: the bits lie in an f32 with the exponent 112 too
/// low, which also normalises subnormal numbers.
#[inline(always)]
fn scale(low: u8, high: u8) -> f32 {
    const TWO_TO_112: f32 = f32::from_bits((112 + 127) << 23);
    let bits = u32::from(u16::from_le_bytes([low, high]));
    if bits & 0x7c00 == 0x7c00 {
        return half::f16::from_le_bytes([low, high]).to_f32();
    }
    f32::from_bits((bits & 0x8000) << 16 | (bits & 0x7fff) << 13) * TWO_TO_112
}
