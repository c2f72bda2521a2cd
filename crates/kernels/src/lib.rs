//! Tensor operations of Smolder: `shaders/x.wgsl` with `x.rs` holding formula, shapes and backward.
//!
//! On a GPU an operation runs our WGSL through burn's backend extension; on the CPU device it runs loops of ours
//! (`x_cpu.rs`) where time is spent, and plain burn operations elsewhere. Both go through the same hand-written backward.

mod adamw;
mod add_rms_norm;
mod attention;
mod ceiling;
mod cross_entropy;
mod cross_entropy_cpu;
mod dot_cpu;
mod dropout;
mod exp_cpu;
mod gated_unit;
mod gated_unit_cpu;
pub mod gpu;
mod gradient_norm;
mod key_ranges;
mod lora;
mod lora_cpu;
mod matrix;
mod parallel;
mod product_cpu;
mod quant;
mod quant_cpu;
mod rms_norm;
mod rms_norm_cpu;
mod rope;
mod rope_cpu;
mod rope_frequencies;
mod turn;
mod unroll;
pub mod wgsl;

pub use adamw::{AdamW, adamw};
pub use add_rms_norm::add_rms_norm;
pub use attention::{MAX_HEAD_DIM, attention};
pub use burn;
pub use ceiling::{copy, multiply_add};
pub use cross_entropy::cross_entropy;
pub use dropout::dropout;
pub use gated_unit::{Gate, gated_unit};
pub use gradient_norm::{clip_factor, sum_of_squares};
pub use key_ranges::KeyRanges;
pub use lora::lora;
pub use matrix::{Matrix, MatrixBuilder};
#[cfg(not(target_family = "wasm"))]
pub use parallel::compute_on_this_thread;
pub use rms_norm::rms_norm;
pub use rope::{Pairing, rope};
pub use rope_frequencies::{Scaling, rope_frequencies};
pub use turn::turn;
