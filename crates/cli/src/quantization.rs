//! How a file's matrices are stored.

use smolder_formats::Dtype;

/// The types that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[allow(non_camel_case_types, reason = "the names are the format's own")]
pub enum Quantization {
    F32,
    F16,
    BF16,
    #[value(name = "q8_0")]
    Q8_0,
    #[value(name = "q4_0")]
    Q4_0,
    #[value(name = "q4_1")]
    Q4_1,
}

impl From<Quantization> for Dtype {
    fn from(quantization: Quantization) -> Self {
        match quantization {
            Quantization::F32 => Self::F32,
            Quantization::F16 => Self::F16,
            Quantization::BF16 => Self::BF16,
            Quantization::Q8_0 => Self::Q8_0,
            Quantization::Q4_0 => Self::Q4_0,
            Quantization::Q4_1 => Self::Q4_1,
        }
    }
}
