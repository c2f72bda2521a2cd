//! GGUF tensor tables, and parts of split models.

use smolder_formats::gguf::{Gguf, SplitGguf, split_name, split_names};
use smolder_formats::{Error, Kind, Result, TensorSource};

use super::{cases, refused};
use crate::gguf_bytes::{Raw, pair, string, tensor};
use crate::memory;

fn open(tensors: Vec<Vec<u8>>) -> Result<Gguf> {
    Gguf::read(&mut memory("bad.gguf", Raw::good().with_tensors(tensors).bytes()))
}

fn one(dims: &[u64], kind: u32, offset: u64) -> Vec<Vec<u8>> {
    vec![tensor("w", dims, kind, offset)]
}

fn claimed_dims(count: u32) -> Vec<Vec<u8>> {
    let mut entry = string(b"w");
    entry.extend(count.to_le_bytes());
    entry.extend([0; 64]);
    vec![entry]
}

cases! { open;
    no_dimensions: claimed_dims(0) => Shape, "tensor `w`", "1 to 4 dimensions, found 0";
    five_dimensions: claimed_dims(5) => Shape, "tensor `w`", "found 5";
    dimensions_2_32: claimed_dims(u32::MAX) => Shape, "tensor `w`", "4294967295";
    dimension_zero: one(&[4, 0], 0, 0) => Shape, "tensor `w`", "at least 1", "[0, 4]";
    product_2_63: one(&[1 << 32, 1 << 31], 0, 0) => Shape, "fits 63 bits";
    product_2_64: one(&[1 << 32, 1 << 32], 0, 0) => Shape, "fits 63 bits";
    product_2_66: one(&[1 << 33, 1 << 33], 0, 0) => Shape, "fits 63 bits";
    bytes_over_2_64: one(&[1 << 62], 0, 0) => Shape, "tensor `w`";
    partial_block: one(&[33], 2, 0) => Shape, "whole Q4_0 blocks of 32", "rows of 33";
    partial_block_in_a_row: one(&[16, 2], 2, 0) => Shape, "rows of 16";
    partial_super_block: one(&[128], 12, 0) => Shape, "whole Q4_K blocks of 256";
    unknown_type: one(&[4], 77, 0) => Unsupported, "tensor `w`", "unknown type 77";
    removed_type: one(&[32], 4, 0) => Unsupported, "unknown type 4";
    type_that_is_not_read: one(&[256], 16, 0) => Unsupported, "IQ2_XXS (type 16)";
    type_2_32: one(&[4], u32::MAX, 0) => Unsupported, "4294967295";
    offset_misaligned: one(&[4], 0, 4) => Offset, "tensor `w`", "multiple of 32", "found 4";
    offset_2_64: one(&[4], 0, 0_u64.wrapping_sub(32)) => Offset, "tensor `w`", "18446744073709551584";
    offset_2_64_minus_8: one(&[4], 0, u64::MAX - 7) => Offset, "tensor `w`";
    offset_past_the_end: one(&[4], 0, 64) => Offset, "tensor `w`", "16 bytes inside";
    payload_past_the_end: one(&[32], 0, 0) => Offset, "tensor `w`", "128 bytes inside";
    overlapping: vec![tensor("a", &[12], 0, 0), tensor("b", &[4], 0, 32)] => Offset, "tensor `b`", "inside `a`";
    same_offset: vec![tensor("a", &[4], 0, 0), tensor("b", &[4], 0, 0)] => Offset, "apart";
    duplicate_tensor: vec![tensor("a", &[4], 0, 0), tensor("a", &[4], 0, 32)] => Duplicate, "tensor `a`";
    name_not_utf8: vec![[&string(&[0xff]), &tensor("", &[4], 0, 0)[8..]].concat()] => Encoding, "name of tensor 0 of 1";
    name_length_2_63: vec![[&(1_u64 << 63).to_le_bytes()[..], &[0; 40]].concat()] => Limit, "name of tensor 0";
}

#[test]
fn a_missing_tensor_is_named() {
    let file = smolder_formats::gguf::GgufFile::open(memory("m.gguf", Raw::good().bytes())).unwrap();
    let error = refused(file.require("c"), Kind::Missing, &["m.gguf", "tensor `c`", "2 tensors without it"]);
    assert_eq!(error.file, "m.gguf");
}

#[test]
fn a_read_past_a_tensor_is_refused() {
    let mut file = smolder_formats::gguf::GgufFile::open(memory("m.gguf", Raw::good().bytes())).unwrap();
    let tensor = file.require("b").unwrap().clone();
    let result = file.read_part(&tensor, 10, &mut [0; 9]);
    refused(result, Kind::Offset, &["tensor `b`", "inside its 18 bytes", "9 bytes from 10"]);
}

/// Part `number` of `count` with one tensor, as split by llama.cpp.
fn part(no: u16, count: u16, name: &str, architecture: &str) -> Vec<u8> {
    let raw = Raw {
        pairs: vec![
            pair("general.architecture", 8, &string(architecture.as_bytes())),
            pair("split.no", 2, &no.to_le_bytes()),
            pair("split.count", 2, &count.to_le_bytes()),
            pair("split.tensors.count", 5, &2_i32.to_le_bytes()),
        ],
        tensors: vec![tensor(name, &[4], 0, 0)],
        payload: vec![no as u8; 32],
    };
    raw.bytes()
}

fn split(first: Vec<u8>, second: Option<Vec<u8>>) -> Result<SplitGguf<std::io::Cursor<Vec<u8>>>> {
    let mut files = [Some(first), second];
    SplitGguf::open("m-00001-of-00002.gguf", |name| {
        let index = usize::from(split_name(name).unwrap().1) - 1;
        let missing = || Error::new(Kind::Missing, "", "a file of this name", "none").in_file(name);
        Ok(memory(name, files[index].take().ok_or_else(missing)?))
    })
}

#[test]
fn two_parts_read_as_one_model() {
    let mut model = split(part(0, 2, "a", "llama"), Some(part(1, 2, "b", "llama"))).unwrap();
    let b = model.require("b").unwrap().clone();
    assert_eq!((model.parts(), b.part), (2, 1));
    assert_eq!(model.read_tensor(&b).unwrap(), [1; 16]);
    assert_eq!(
        split_names("m-00002-of-00003.gguf"),
        ["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"]
    );
}

#[test]
fn numbers_that_no_part_can_have_are_part_of_a_name() {
    for name in ["m-00000-of-00000.gguf", "m-00000-of-00003.gguf", "m-00004-of-00003.gguf"] {
        assert_eq!((split_name(name), split_names(name)), (None, vec![name.to_owned()]));
    }
}

#[test]
fn a_missing_part_is_named() {
    let result = split(part(0, 2, "a", "llama"), None);
    refused(result, Kind::Missing, &["m-00002-of-00002.gguf"]);
}

#[test]
fn parts_in_the_wrong_order() {
    let result = split(part(1, 2, "a", "llama"), Some(part(0, 2, "b", "llama")));
    refused(result, Kind::Mismatch, &["m-00001-of-00002.gguf", "`split.no`", "expected 0, found 1"]);
}

#[test]
fn a_part_of_another_model() {
    let result = split(part(0, 2, "a", "llama"), Some(part(1, 2, "b", "qwen2")));
    refused(result, Kind::Mismatch, &["`general.architecture`", "m-00002-of-00002.gguf"]);
}

#[test]
fn a_part_of_a_model_of_another_size() {
    let result = split(part(0, 2, "a", "llama"), Some(part(1, 3, "b", "llama")));
    refused(result, Kind::Mismatch, &["`split.count`", "expected 2, found 3"]);
}

#[test]
fn a_whole_file_under_a_parts_name() {
    let result = split(Raw::good().bytes(), Some(part(1, 2, "b", "llama")));
    refused(result, Kind::Mismatch, &["`split.count`", "no such key"]);
}

#[test]
fn a_tensor_in_two_parts() {
    let result = split(part(0, 2, "a", "llama"), Some(part(1, 2, "a", "llama")));
    refused(result, Kind::Duplicate, &["tensor `a`", "one part"]);
}

#[test]
fn a_part_of_a_split_model_that_is_renamed() {
    let bytes = part(1, 2, "b", "llama");
    let result = SplitGguf::open("model.gguf", |name| Ok(memory(name, bytes.clone())));
    let name = "expected `model-00002-of-00002.gguf` beside the other parts, since this is part 2 of 2, found `model.gguf`";
    refused(result, Kind::Mismatch, &["model.gguf: name: ", name]);
}
