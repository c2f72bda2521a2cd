//! Decoder-only transformers on frozen quantized weights.

mod exp;
pub mod sampling;
pub mod stop_strings;
