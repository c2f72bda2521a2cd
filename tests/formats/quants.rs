//! Dequantization and quantization, bit by bit, against the `gguf` package (fixtures: `quants.py`).

use smolder_formats::quants::{dequantize_into, first_non_finite, quantize_into};
use smolder_formats::{Dtype, Kind};

use crate::read;

fn floats(name: &str) -> Vec<f32> {
    read(name).as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn dequantizes(dtype: Dtype) {
    let mut got = Vec::new();
    dequantize_into(dtype, &read(&format!("quants/{dtype}.blocks.bin")), &mut got).unwrap();
    let want = floats(&format!("quants/{dtype}.f32.bin"));
    assert!(want.len() >= 64);
    assert_eq!(bits(&got), bits(&want), "{dtype}");
}

macro_rules! bit_exact {
    ($($test:ident: $dtype:ident)*) => {$(
        #[test]
        fn $test() {
            dequantizes(Dtype::$dtype);
        }
    )*};
}

bit_exact! {
    f32_is_bit_exact: F32
    f16_is_bit_exact: F16
    bf16_is_bit_exact: BF16
    q4_0_is_bit_exact: Q4_0
    q4_1_is_bit_exact: Q4_1
    q5_0_is_bit_exact: Q5_0
    q5_1_is_bit_exact: Q5_1
    q8_0_is_bit_exact: Q8_0
    q2_k_is_bit_exact: Q2_K
    q3_k_is_bit_exact: Q3_K
    q4_k_is_bit_exact: Q4_K
    q5_k_is_bit_exact: Q5_K
    q6_k_is_bit_exact: Q6_K
    iq4_nl_is_bit_exact: IQ4_NL
}

#[test]
fn quantizing_gives_the_reference_bytes() {
    let values = floats("quants/values.f32.bin");
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::Q8_0, Dtype::Q4_0, Dtype::Q4_1] {
        let mut got = Vec::new();
        quantize_into(dtype, &values, &mut got).unwrap();
        assert_eq!(got, read(&format!("quants/{dtype}.quantized.bin")), "{dtype}");
    }
}

#[test]
fn every_dtype_is_found_by_its_number_and_name() {
    for dtype in Dtype::all() {
        assert_eq!(Dtype::from_ggml(dtype.ggml_id()), Some(dtype));
        assert_eq!(Dtype::from_name(dtype.name()), Some(dtype));
    }
    assert_eq!(Dtype::all().count(), 14);
}

#[test]
fn a_partial_block_is_refused() {
    let error = dequantize_into(Dtype::Q4_1, &[0; 21], &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind, Kind::Shape);
    assert!(error.to_string().contains("whole Q4_1 blocks of 20 bytes, found 21 bytes"), "{error}");
}

#[test]
fn what_cannot_be_quantized_is_refused() {
    let error = quantize_into(Dtype::Q4_K, &[0.0; 256], &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported);
    let error = quantize_into(Dtype::Q8_0, &[f32::NAN; 32], &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind, Kind::Value);
    let error = quantize_into(Dtype::Q8_0, &[0.0; 33], &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind, Kind::Shape);
}

#[test]
fn scales_that_are_not_finite_are_found_in_every_dtype() {
    for dtype in Dtype::all() {
        let mut bytes = read(&format!("quants/{dtype}.quantized.bin").replace("quantized", "blocks"));
        bytes.truncate(dtype.block_bytes() * 3);
        if !matches!(dtype, Dtype::F16 | Dtype::F32 | Dtype::BF16) {
            assert_eq!(first_non_finite(dtype, &bytes), None, "{dtype}");
        }
        let at = match dtype {
            Dtype::Q2_K => 82,
            Dtype::Q3_K => 108,
            Dtype::Q6_K => 208,
            Dtype::F32 => 2,
            _ => 0,
        };
        let infinite = if matches!(dtype, Dtype::F32 | Dtype::BF16) { [0x80, 0x7f] } else { [0x00, 0x7c] };
        let block = dtype.block_bytes();
        bytes[block + at..block + at + 2].copy_from_slice(&infinite);
        assert_eq!(first_non_finite(dtype, &bytes), Some(1), "{dtype}");
    }
}
