//! Decoder-only transformers on frozen quantized weights.
