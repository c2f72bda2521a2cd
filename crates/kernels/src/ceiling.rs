//! What a device can do at most: the floor that benchmarks measure kernels against.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loop that it is for")]

use crate::parallel::{self, for_each_chunk, wide};
use crate::wgsl::{Kernel, Shader, empty_like, lanes};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Tensor, TensorData};
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader =
    Shader { name: "ceiling", source: include_str!("../../../shaders/ceiling.wgsl") };

/// Numbers that stay in a processor core's registers at once.
const BLOCK: usize = 64;
/// Numbers that a core takes at a time: one of several turns, so that the cores end together.
const CHUNK: usize = 16 * BLOCK;
/// Numbers that an invocation of the shader takes.
const WIDTH: usize = 8;

/// `y ← 1 − y / 2`, `rounds` times: two floating-point operations for each number and round, and hardly any memory.
///
/// # Shapes
/// - `x`, result: `[len]`, f32, `len` a multiple of 64
///
/// # Panics
/// When `x` has another length.
pub fn multiply_add(x: Tensor<1>, rounds: usize) -> Tensor<1> {
    assert!(x.dims()[0].is_multiple_of(BLOCK), "multiply_add: the length must be a multiple of {BLOCK}");
    Tensor::from_dispatch(Dispatch::multiply_add(x.inner().into_dispatch(), rounds))
}

/// `y = x`: four bytes read and four written for each number.
///
/// # Shapes
/// - `x`, result: `[len]`, f32, `len` a multiple of 4
///
/// # Panics
/// When `x` has another length.
pub fn copy(x: Tensor<1>) -> Tensor<1> {
    assert!(x.dims()[0].is_multiple_of(4), "copy: the length must be a multiple of 4");
    Tensor::from_dispatch(Dispatch::copy(x.inner().into_dispatch()))
}

/// The operations that [`Dispatch`] routes to a device.
#[backend_extension(Cube, Flex)]
pub(crate) trait CeilingOps: Backend {
    fn multiply_add(x: FloatTensor<Self>, rounds: usize) -> FloatTensor<Self>;
    fn copy(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl CeilingOps for CubeBackend {
    fn multiply_add(x: CubeTensor, rounds: usize) -> CubeTensor {
        launch(x, "multiply_add", WIDTH, rounds)
    }

    fn copy(x: CubeTensor) -> CubeTensor {
        launch(x, "copy", 4, 0)
    }
}

fn launch(x: CubeTensor, entry: &'static str, width: usize, rounds: usize) -> CubeTensor {
    let x = into_contiguous(x);
    let (y, len, lanes) = (empty_like(&x, x.shape()), x.shape()[0], lanes(&x));
    let info = [(len / 4) as u32, rounds as u32, 0, 0];
    let groups = len.div_ceil(width * lanes as usize);
    Kernel::new(&SHADER, entry, lanes).launch(&[&x], &[&y], info, groups as u32);
    y
}

impl CeilingOps for Flex {
    fn multiply_add(x: FloatTensor<Self>, rounds: usize) -> FloatTensor<Self> {
        let mut y = parallel::owned(x);
        for_each_chunk(y.storage_mut::<f32>(), CHUNK, |_, numbers| {
            wide(
                #[inline(always)]
                || {
                    for block in numbers.as_chunks_mut::<BLOCK>().0 {
                        let mut sums = *block;
                        for _ in 0..rounds {
                            for sum in &mut sums {
                                *sum = next(*sum);
                            }
                        }
                        *block = sums;
                    }
                },
            );
        });
        y
    }

    fn copy(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        let (from, mut to) = (parallel::numbers(&x), vec![0.0; x.shape()[0]]);
        for_each_chunk(&mut to, 16 * CHUNK, |chunk, to| {
            to.copy_from_slice(&from[chunk * 16 * CHUNK..][..to.len()]);
        });
        FloatTensor::<Self>::from_data(TensorData::new(to, x.shape()))
    }
}

/// One instruction where the processor has it; WebAssembly has it not.
#[inline(always)]
fn next(y: f32) -> f32 {
    if cfg!(target_family = "wasm") { y * -0.5 + 1.0 } else { y.mul_add(-0.5, 1.0) }
}
