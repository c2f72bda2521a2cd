//! Files of the `gguf` package read here, and files written here read back.

use std::io::Cursor;

use smolder_formats::gguf::{Array, Gguf, GgufFile, GgufWriter, Metadata, TensorPlan, Value};
use smolder_formats::{Dtype, Kind, Source, TensorSource};

use crate::gguf_bytes::Raw;
use crate::memory;

fn sample() -> Metadata {
    let mut metadata = Metadata::new();
    let values = [
        Value::U8(1),
        Value::I8(-1),
        Value::U16(2),
        Value::I16(-2),
        Value::U32(3),
        Value::I32(-3),
        Value::F32(0.5),
        Value::Bool(true),
        Value::String("naïve 你好".into()),
        Value::U64(u64::MAX),
        Value::I64(i64::MIN),
        Value::F64(1e300),
        Value::Array(Array::U8(vec![1, 2])),
        Value::Array(Array::I8(vec![-1])),
        Value::Array(Array::U16(vec![1])),
        Value::Array(Array::I16(vec![-1])),
        Value::Array(Array::U32(vec![7])),
        Value::Array(Array::I32(vec![-7])),
        Value::Array(Array::F32(vec![1.5])),
        Value::Array(Array::Bool(vec![true, false])),
        Value::Array(Array::String(["", "a", "日本"].into_iter().collect())),
        Value::Array(Array::U64(vec![1])),
        Value::Array(Array::I64(vec![-1])),
        Value::Array(Array::F64(vec![])),
    ];
    for (index, value) in values.into_iter().enumerate() {
        metadata.set(format!("key.{index}"), value);
    }
    metadata
}

fn plan(name: &str, shape: &[u64], dtype: Dtype) -> TensorPlan {
    TensorPlan { name: name.into(), shape: shape.into(), dtype }
}

#[test]
fn what_is_written_reads_back() {
    let plans =
        vec![plan("x", &[3, 32], Dtype::Q8_0), plan("y", &[5], Dtype::F32), plan("z", &[2, 32], Dtype::Q4_1)];
    let mut writer = GgufWriter::begin(Vec::new(), &sample(), plans).unwrap();
    let values: Vec<f32> = (0..96_u8).map(|i| f32::from(i) - 40.0).collect();
    writer.write_f32(&values[..32]).unwrap();
    writer.write_f32(&values[32..]).unwrap();
    writer.write_f32(&[1.0, -2.0, f32::MAX, 0.0, -0.0]).unwrap();
    writer.write_f32(&values[..64]).unwrap();
    let bytes = writer.finish().unwrap();

    let mut file = GgufFile::open(memory("w.gguf", bytes)).unwrap();
    assert_eq!(file.header.metadata, sample());
    assert_eq!(file.require("x").unwrap().shape, [3, 32]);
    let y = file.require("y").unwrap().clone();
    assert_eq!(file.read_f32(&y).unwrap(), [1.0, -2.0, f32::MAX, 0.0, -0.0]);
    let x = file.require("x").unwrap().clone();
    let error =
        file.read_f32(&x).unwrap().iter().zip(&values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(error < 0.5, "half a step of 55/127 and rounding: {error}");
}

#[test]
fn a_chunked_read_gives_the_same_bytes_whatever_the_size() {
    let mut file = GgufFile::open(memory("g.gguf", Raw::good().bytes())).unwrap();
    let a = file.require("a").unwrap().clone();
    let whole = file.read_tensor(&a).unwrap();
    for chunk in [1, 5, 8, 31, 32, 1000] {
        let mut got = Vec::new();
        file.read_chunks(&a, chunk, &mut |bytes| {
            got.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
        assert_eq!(got, whole, "{chunk}");
    }
}

#[test]
fn the_table_digest_ignores_weights_and_notices_shapes() {
    let digest = |raw: &Raw| Gguf::read(&mut memory("g.gguf", raw.bytes())).unwrap().table_sha256();
    let good = Raw::good();
    let mut other = good.clone();
    other.payload[0] ^= 1;
    assert_eq!(digest(&good), digest(&other));
    other.tensors[0] = crate::gguf_bytes::tensor("a", &[2, 4], 0, 0);
    assert_ne!(digest(&good), digest(&other));
}

#[test]
fn version_2_reads_like_version_3() {
    let raw = Raw::good();
    let old = Gguf::read(&mut memory("g.gguf", raw.with_header(*b"GGUF", 2, 2, 2))).unwrap();
    let new = Gguf::read(&mut memory("g.gguf", raw.bytes())).unwrap();
    assert_eq!((old.version, old.tensors), (2, new.tensors));
}

#[test]
fn the_file_hash_is_that_of_its_bytes() {
    let mut source = Source::new("abc", Cursor::new(b"abc".to_vec())).unwrap();
    let hash = source.sha256(&mut |_| {}).unwrap().to_string();
    assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn an_incomplete_or_overfull_payload_is_refused() {
    let begin = || GgufWriter::begin(Vec::new(), &sample(), vec![plan("x", &[32], Dtype::Q8_0)]).unwrap();
    let error = begin().finish().unwrap_err();
    assert!(
        error.to_string().contains("tensor `x`: expected a whole payload, found 34 bytes missing"),
        "{error}"
    );
    assert_eq!(begin().write_f32(&[0.0; 64]).unwrap_err().kind, Kind::Shape);
    let twice = vec![plan("x", &[1], Dtype::F32), plan("x", &[1], Dtype::F32)];
    assert_eq!(GgufWriter::begin(Vec::new(), &sample(), twice).unwrap_err().kind, Kind::Duplicate);
    let ragged = vec![plan("x", &[3, 31], Dtype::Q8_0)];
    assert_eq!(GgufWriter::begin(Vec::new(), &sample(), ragged).unwrap_err().kind, Kind::Shape);
}
