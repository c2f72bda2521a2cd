//! Tensor operations of Smolder: `shaders/x.wgsl` with `x.rs` holding formula, shapes, reference and backward.
//!
//! On a GPU an operation runs our WGSL through burn's backend extension; on the CPU device it runs the plain
//! burn operations that also serve as the shader's reference. Both go through the same hand-written backward.

pub mod gpu;
mod matrix;
mod parallel;
mod quant;
mod quant_cpu;
mod rms_norm;
pub mod wgsl;

pub use burn;
pub use matrix::{Matrix, MatrixBuilder};
pub use rms_norm::rms_norm;
