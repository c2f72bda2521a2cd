//! GGUF headers and metadata.

use smolder_formats::gguf::Gguf;
use smolder_formats::{Kind, Result};

use super::cases;
use crate::gguf_bytes::{Raw, array, pair, string};
use crate::memory;

fn open(bytes: Vec<u8>) -> Result<Gguf> {
    Gguf::read(&mut memory("bad.gguf", bytes))
}

fn with(extra: Vec<u8>) -> Vec<u8> {
    Raw::good().and_pair(extra).bytes()
}

fn header(magic: [u8; 4], version: u32, tensors: u64, pairs: u64) -> Vec<u8> {
    Raw::good().with_header(magic, version, tensors, pairs)
}

/// A key of one letter whose string claims `len` bytes.
fn long_string(len: u64) -> Vec<u8> {
    [&string(b"k")[..], &8_u32.to_le_bytes(), &len.to_le_bytes(), b"abc"].concat()
}

fn alignment(kind: u32, value: &[u8]) -> Vec<u8> {
    with(pair("general.alignment", kind, value))
}

const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";

cases! { open;
    empty_file: Vec::new() => Truncated, "bad.gguf", "magic", "4 bytes at offset 0";
    one_byte: vec![b'G'] => Truncated, "magic";
    three_bytes: b"GGU".to_vec() => Truncated, "magic";
    magic_alone: b"GGUF".to_vec() => Truncated, "version";
    twenty_three_bytes: header(*b"GGUF", 3, 0, 0)[..23].to_vec() => Truncated, "key-value count";
    bad_magic: header(*b"GGML", 3, 2, 2) => Magic, "the letters GGUF", "47, 47, 4d, 4c";
    reversed_magic: header(*b"FUGG", 3, 2, 2) => Magic, "big-endian GGUF";
    a_zip_archive: header(*b"PK\x03\x04", 3, 2, 2) => Magic, "ZIP archive";
    a_safetensors_file: [&80_u64.to_le_bytes()[..], b"{\"__metadata__\":{}}"].concat() => Magic, "found a safetensors file", "opened by its folder";
    a_dataset: b"{\"text\":\"a\"}".to_vec() => Magic, "found JSON text";
    a_web_page: b"<!DOCTYPE html><html>".to_vec() => Magic, "an HTML page";
    a_web_page_in_small_letters: b"<!doctype html><html>".to_vec() => Magic, "found an HTML page";
    a_web_page_without_a_type: b"\n<HTML><head></head>".to_vec() => Magic, "found an HTML page";
    a_git_lfs_pointer: LFS.to_vec() => Magic, "found a Git LFS pointer: `git lfs pull` fetches the file";
    big_endian: header(*b"GGUF", 3_u32.swap_bytes(), 2, 2) => Version, "little-endian", "big-endian version 3";
    version_0: header(*b"GGUF", 0, 2, 2) => Version, "version 2 or 3, found 0";
    version_1: header(*b"GGUF", 1, 2, 2) => Version, "found 1";
    version_4: header(*b"GGUF", 4, 2, 2) => Version, "found 4";
    tensors_2_30: header(*b"GGUF", 3, 1 << 30, 2) => Limit, "tensor count", "at most 65536", "1073741824";
    tensors_2_64: header(*b"GGUF", 3, u64::MAX, 2) => Limit, "tensor count", "18446744073709551615";
    tensors_more_than_fit: header(*b"GGUF", 3, 60_000, 2) => Truncated, "tensor count";
    pairs_2_30: header(*b"GGUF", 3, 2, 1 << 30) => Limit, "key-value count", "at most 10000";
    pairs_2_64: header(*b"GGUF", 3, 2, u64::MAX) => Limit, "key-value count";
    pairs_more_than_fit: header(*b"GGUF", 3, 2, 9_999) => Truncated, "key-value count";
    key_length_2_48: with([&(1_u64 << 48).to_le_bytes()[..], b"k"].concat()) => Limit, "key 2 of 3", "281474976710656 bytes";
    key_past_the_end: with([&60_000_u64.to_le_bytes()[..], b"k"].concat()) => Truncated, "key 2 of 3";
    key_not_utf8: with([&string(&[b'a', 0xff]), &4_u32.to_le_bytes()[..], &[0; 4]].concat()) => Encoding, "key 2 of 3", "byte 1 of 2";
    duplicate_key: with(pair("list", 4, &[0; 4])) => Duplicate, "`list`", "a second time";
    string_past_the_end: with(long_string(1 << 20)) => Truncated, "`k`", "1048576 bytes";
    string_over_the_cap: with(long_string((16 << 20) + 1)) => Limit, "`k`", "at most 16777216 bytes";
    string_length_2_64: with(long_string(u64::MAX)) => Limit, "`k`";
    string_not_utf8: with(pair("k", 8, &string(&[0xc3, 0x28]))) => Encoding, "`k`", "UTF-8";
    value_type_13: with(pair("k", 13, &[0; 8])) => Type, "`k`", "0 to 12, found 13";
    value_type_2_32: with(pair("k", u32::MAX, &[0; 8])) => Type, "`k`", "4294967295";
    bool_2: with(pair("k", 7, &[2])) => Value, "`k`", "0 or 1, found 2";
    bool_in_array_3: with(pair("k", 9, &array(7, 2, &[1, 3]))) => Value, "`k`", "found 3";
    array_length_2_64: with(pair("k", 9, &array(4, u64::MAX, &[]))) => Limit, "`k`", "at most 1000000 elements";
    array_over_the_cap: with(pair("k", 9, &array(0, 1_000_001, &[0; 64]))) => Limit, "`k`", "1000001";
    array_past_the_end: with(pair("k", 9, &array(10, 999_999, &[0; 64]))) => Truncated, "`k`", "7999992 bytes";
    array_of_arrays: with(pair("k", 9, &array(9, 1, &array(4, 1, &[0; 4])))) => Unsupported, "`k`", "array of arrays";
    array_type_13: with(pair("k", 9, &array(13, 1, &[0; 8]))) => Type, "`k`", "element type";
    array_string_not_utf8: with(pair("k", 9, &array(8, 1, &string(&[0xff])))) => Encoding, "`k`";
    alignment_0: alignment(4, &0_u32.to_le_bytes()) => Value, "general.alignment", "power of two", "found 0";
    alignment_3: alignment(4, &3_u32.to_le_bytes()) => Value, "general.alignment", "found 3";
    alignment_4: alignment(4, &4_u32.to_le_bytes()) => Value, "from 8 to 65536", "found 4";
    alignment_2_31: alignment(4, &(1_u32 << 31).to_le_bytes()) => Value, "2147483648";
    alignment_as_string: alignment(8, &string(b"32")) => Type, "general.alignment", "a string";
    alignment_as_u64: alignment(10, &32_u64.to_le_bytes()) => Type, "32-bit unsigned";
}

#[test]
fn truncation_at_every_byte_of_header_and_table() {
    let whole = Raw::good().bytes();
    open(whole.clone()).unwrap();
    let payload = whole.len() - 64;
    for len in 0..payload {
        let error = open(whole[..len].to_vec()).unwrap_err();
        let tail = matches!(error.kind, Kind::Truncated | Kind::Offset);
        assert!(tail, "cut at {len}: {error}");
        assert!(error.to_string().starts_with("bad.gguf: "), "{error}");
    }
}

#[test]
fn flipping_any_byte_never_panics() {
    let whole = Raw::good().bytes();
    let mut refusals = 0;
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            refusals += usize::from(open(bytes).is_err());
        }
    }
    assert!(refusals > whole.len(), "only {refusals} refusals");
}
