//! Frozen matrices in GGUF blocks: product, product with the transposed matrix, rows.
//!
//! On a GPU each block is dequantized in registers (`shaders/quant.wgsl` with a file of `shaders/quant/` for the
//! layout, on software devices `shaders/quant_shared.wgsl` too); the CPU device dequantizes a panel at a time. Nothing
//! holds a dequantized matrix.

use crate::wgsl::{Kernel, Shader, empty_like, lanes, shared_width};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, AutodiffBackend, Backend, TensorMetadata, backend_extension};
use burn::tensor::Shape;
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};
use smolder_formats::Dtype;

macro_rules! shaders {
    ($($dtype:ident $file:literal),+ $(,)?) => {
        /// The kernels for each layout that they read.
        pub(crate) const SHADERS: &[(Dtype, Shader)] = &[$((Dtype::$dtype, Shader {
            name: concat!("quant.", $file),
            source: concat!(
                include_str!(concat!("../../../shaders/quant/", $file, ".wgsl")),
                include_str!("../../../shaders/quant.wgsl"),
            ),
        })),+];

        /// In the same order, those for devices that [`shared_width`] is of.
        pub(crate) const SHARED_SHADERS: &[Shader] = &[$(Shader {
            name: concat!("quant_shared.", $file),
            source: concat!(
                include_str!(concat!("../../../shaders/quant/", $file, ".wgsl")),
                include_str!("../../../shaders/quant.wgsl"),
                include_str!("../../../shaders/quant_shared.wgsl"),
            ),
        }),+];
    };
}

shaders!(
    F32 "f32", F16 "f16", BF16 "bf16", Q4_0 "q4_0", Q4_1 "q4_1", Q5_0 "q5_0", Q5_1 "q5_1", Q8_0 "q8_0", Q4_K "q4_k",
    Q5_K "q5_k", Q6_K "q6_k",
);

/// What a part of a matrix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The layout of its blocks.
    pub dtype: Dtype,
    /// Rows.
    pub rows: usize,
    /// Columns, whole blocks.
    pub cols: usize,
    /// Whether a row is the file's own bytes, padded to words.
    pub raw: bool,
}

/// The operations that burn's `Dispatch` routes to a device.
#[backend_extension(Autodiff, Cube, Flex)]
pub(crate) trait QuantOps: Backend {
    /// `x·Wᵀ`, or `x·W` where `transposed`.
    fn quant_matmul(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        part: Part,
        transposed: bool,
    ) -> FloatTensor<Self>;

    /// Rows `ids − first` of W; zeros for ids outside.
    fn quant_rows(
        ids: IntTensor<Self>,
        words: IntTensor<Self>,
        part: Part,
        first: usize,
    ) -> FloatTensor<Self>;
}

impl QuantOps for CubeBackend {
    fn quant_matmul(x: CubeTensor, words: CubeTensor, part: Part, transposed: bool) -> CubeTensor {
        let x = into_contiguous(x);
        let (rows, out) = (x.shape()[0], if transposed { part.cols } else { part.rows });
        let y = empty_like(&x, Shape::new([rows, out]));
        let info = [rows as u32, part.rows as u32, 0, part.cols as u32];
        let (kernel, groups) = product(part, rows, out, transposed, &x);
        kernel.launch(&[&x, &words], &[&y], info, groups as u32);
        y
    }

    fn quant_rows(ids: CubeTensor, words: CubeTensor, part: Part, first: usize) -> CubeTensor {
        let ids = into_contiguous(ids);
        let picked = empty_like(&ids, Shape::new([ids.shape()[0], part.cols]));
        let info = [ids.shape()[0] as u32, first as u32, part.rows as u32, part.cols as u32];
        let groups = (ids.shape()[0] * part.cols).div_ceil(8 * 64);
        kernel("rows", 64, part).launch(&[&ids, &words], &[&picked], info, groups as u32);
        picked
    }
}

/// What computes a product with so many rows and columns on x's device, and on how many workgroups.
fn product(part: Part, rows: usize, out: usize, transposed: bool, x: &CubeTensor) -> (Kernel, usize) {
    let tiles = |height: usize, width: usize| rows.div_ceil(height) * out.div_ceil(width);
    if let Some(width) = shared_width(x) {
        let (entry, height) = match (transposed, rows) {
            (true, ..=16) => ("transposed_shared", 8),
            (true, _) => ("transposed_shared", 16),
            (false, 1) => ("forward_shared", 1),
            (false, _) => ("forward_shared", 8),
        };
        let shader = &SHARED_SHADERS[index(part)];
        let kernel = Kernel::new(shader, entry, width).with("ROWS", height as u32);
        return (kernel, tiles(height, 8 * width as usize));
    }
    let lanes = lanes(x);
    let (entry, groups) = match (transposed, rows) {
        (true, _) => ("transposed", tiles(8, 8 * lanes as usize)),
        (false, 1) => ("vector", out.div_ceil(8)),
        (false, _) => ("forward", tiles(4, 8 * lanes as usize)),
    };
    (kernel(entry, lanes, part), groups)
}

fn kernel(entry: &'static str, lanes: u32, part: Part) -> Kernel {
    Kernel::new(&SHADERS[index(part)].1, entry, lanes)
}

fn index(part: Part) -> usize {
    SHADERS.iter().position(|(dtype, _)| *dtype == part.dtype).unwrap_or_default()
}

impl<B: QuantOps, C: CheckpointStrategy> QuantOps for Autodiff<B, C> {
    fn quant_matmul(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        part: Part,
        transposed: bool,
    ) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let y = B::quant_matmul(x, words.clone(), part, transposed);
        match MatmulBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((words, part, transposed), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn quant_rows(
        ids: IntTensor<Self>,
        words: IntTensor<Self>,
        part: Part,
        first: usize,
    ) -> FloatTensor<Self> {
        Self::from_inner(B::quant_rows(ids, words, part, first))
    }
}

/// `∂x = ∂y·W`: the frozen matrix is all that the backward needs.
#[derive(Debug)]
struct MatmulBackward;

impl<B: QuantOps> Backward<B, 1> for MatmulBackward {
    /// W's words, what they are, which product it was.
    type State = (IntTensor<B>, Part, bool);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (words, part, transposed) = ops.state;
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::quant_matmul(grad, words, part, !transposed));
        }
    }
}
