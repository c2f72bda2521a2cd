//! Elements that stand alone: F32, F16, BF16.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "blocks of every format are taken alike")]

use half::{bf16, f16};

#[inline(always)]
pub(super) fn f32(bytes: &[u8; 4], out: &mut [f32; 1]) {
    *out = [f32::from_le_bytes(*bytes)];
}

#[inline(always)]
pub(super) fn f16(bytes: &[u8; 2], out: &mut [f32; 1]) {
    let [low, high] = *bytes;
    *out = [super::scale(low, high)];
}

#[inline(always)]
pub(super) fn bf16(bytes: &[u8; 2], out: &mut [f32; 1]) {
    *out = [f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16)];
}

pub(super) fn to_f16(value: f32) -> [u8; 2] {
    f16::from_f32(value).to_le_bytes()
}

pub(super) fn to_bf16(value: f32) -> [u8; 2] {
    bf16::from_f32(value).to_le_bytes()
}
