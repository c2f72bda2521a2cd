//! The launches of `shaders/attention.wgsl` and `shaders/attention_backward.wgsl`.

use super::{Attention, Saved, Sizes, View};
use crate::wgsl::{Kernel, Shader, empty_like};
use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{FloatDType, Shape, Slice};
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader =
    Shader { name: "attention", source: include_str!("../../../../shaders/attention.wgsl") };
pub(crate) const BACKWARD_SHADER: Shader = Shader {
    name: "attention_backward",
    source: include_str!("../../../../shaders/attention_backward.wgsl"),
};

/// Lanes of a workgroup, unless one row of them is longer.
const LANES: usize = 32;
/// Lanes of a workgroup that needs no tiles.
const FLAT_LANES: usize = 64;
/// Keys of a tile in a lane: the shaders' `STEP`.
const STEP: usize = 4;
/// Fewer workgroups than this leave a device idle.
const BUSY: usize = 256;

/// How a call lies in vec4s, lanes and workgroups.
#[derive(Clone, Copy)]
struct Layout {
    sizes: Sizes,
    /// Lanes side by side, each with two vec4s of a head.
    cols: usize,
}

impl Layout {
    fn new(sizes: Sizes) -> Self {
        Self { sizes, cols: sizes.head_dim.div_ceil(8) }
    }

    /// Numbers of a head with the zeros that fill its lanes.
    fn width(self) -> usize {
        8 * self.cols
    }

    /// Queries and the heads that share a key head.
    fn rows(self) -> usize {
        self.sizes.queries * self.sizes.heads / self.sizes.kv_heads
    }

    /// A kernel whose lanes hold `4 · quads` of `rows` each, and how many workgroups that makes. Few rows get few lanes.
    fn tiled(
        self,
        (shader, entry): (&'static Shader, &'static str),
        rows: usize,
        quads: usize,
        view: &View,
    ) -> (Kernel, usize) {
        let lane_rows = if rows <= 4 * quads { 1 } else { (LANES / self.cols).max(1) };
        let workgroups = rows.div_ceil(4 * quads * lane_rows) * self.sizes.kv_heads;
        let kernel = self.kernel(shader, entry, lane_rows * self.cols, view);
        (kernel.with("QUADS", quads as u32), workgroups)
    }

    fn kernel(self, shader: &'static Shader, entry: &'static str, lanes: usize, view: &View) -> Kernel {
        Kernel::new(shader, entry, lanes as u32)
            .with("HEADS", self.sizes.heads as u32)
            .with("KV_HEADS", self.sizes.kv_heads as u32)
            .with("WIDTH", 2 * self.cols as u32)
            .with("SCALE", view.scale)
            .with("SOFT_CAP", view.soft_cap.unwrap_or(0.0))
    }

    /// The tensor with its heads filled up to `width`.
    fn pad(self, tensor: CubeTensor) -> CubeTensor {
        let missing = self.width() - self.sizes.head_dim;
        if missing == 0 {
            return into_contiguous(tensor);
        }
        let shape = Shape::new([tensor.shape()[0], tensor.shape()[1], missing]);
        let zeros = CubeBackend::float_zeros(shape, &tensor.device, FloatDType::F32);
        into_contiguous(CubeBackend::float_cat(vec![tensor, zeros], 2))
    }

    /// Undoes `pad`.
    fn trim(self, tensor: CubeTensor) -> CubeTensor {
        if self.width() == self.sizes.head_dim {
            return tensor;
        }
        CubeBackend::float_slice(tensor, &[Slice::full(), Slice::full(), Slice::from(0..self.sizes.head_dim)])
    }

    fn empty(self, like: &CubeTensor, rows: usize, heads: usize) -> CubeTensor {
        empty_like(like, Shape::new([rows, heads, self.width()]))
    }
}

impl Attention for CubeBackend {
    fn forward(q: CubeTensor, k: CubeTensor, v: CubeTensor, spans: CubeTensor, view: View) -> Saved<Self> {
        let layout = Layout::new(Sizes::new(&q.shape(), &k.shape()));
        let padded = [&q, &k, &v].map(|tensor| layout.pad(tensor.clone()));
        let (y, lse) = forward(layout, padded.each_ref(), &spans, &view);
        Saved { q, k, v, y: layout.trim(y), lse: Some(lse), spans, view }
    }

    fn backward(saved: Saved<Self>, grad: CubeTensor) -> [CubeTensor; 3] {
        let Saved { q, k, v, y, lse, spans, view } = saved;
        let sizes = Sizes::new(&q.shape(), &k.shape());
        let layout = Layout::new(sizes);
        let [q, k, v, y, grad] = [q, k, v, y, grad].map(|tensor| layout.pad(tensor));
        let lse = lse.unwrap_or_else(|| forward(layout, [&q, &k, &v], &spans, &view).1);
        let stats = row_stats(layout, [&y, &grad, &lse], &view);
        let inputs = [&q, &k, &v, &grad, &stats, &spans];
        let info = [sizes.queries as u32, sizes.keys as u32, view.keys as u32, 0];

        let grad_q = layout.empty(&q, sizes.queries, sizes.heads);
        let (kernel, workgroups) = layout.tiled((&BACKWARD_SHADER, "queries"), layout.rows(), 2, &view);
        kernel.launch(&inputs, &[&grad_q], info, workgroups as u32);

        let [grad_k, grad_v] = [(); 2].map(|()| layout.empty(&k, sizes.keys, sizes.kv_heads));
        let (kernel, workgroups) = layout.tiled((&BACKWARD_SHADER, "keys"), sizes.keys, 1, &view);
        kernel.launch(&inputs, &[&grad_k, &grad_v], info, workgroups as u32);
        [grad_q, grad_k, grad_v].map(|tensor| layout.trim(tensor))
    }
}

fn forward(
    layout: Layout,
    [q, k, v]: [&CubeTensor; 3],
    spans: &CubeTensor,
    view: &View,
) -> (CubeTensor, CubeTensor) {
    let Sizes { queries, heads, .. } = layout.sizes;
    let quads = if layout.rows() <= 4 { 1 } else { 2 };
    let (kernel, workgroups) = layout.tiled((&SHADER, "forward"), layout.rows(), quads, view);
    let splits = splits(workgroups, layout.cols * STEP, view);
    let y = layout.empty(q, splits * queries, heads);
    let lse = empty_like(q, Shape::new([splits * queries, heads]));
    let info = [queries as u32, splits as u32, 0, 0];
    kernel.launch(&[q, k, v, spans], &[&y, &lse], info, (workgroups * splits) as u32);
    if splits == 1 {
        return (y, lse);
    }
    let merged_y = layout.empty(q, queries, heads);
    let merged_lse = empty_like(q, Shape::new([queries, heads]));
    let workgroups = (queries * heads * layout.width() / 4).div_ceil(FLAT_LANES);
    let kernel = layout.kernel(&SHADER, "merge", FLAT_LANES, view);
    kernel.launch(&[&y, &lse], &[&merged_y, &merged_lse], info, workgroups as u32);
    (merged_y, merged_lse)
}

/// Among how many workgroups a query's keys are split, each with two tiles at least.
fn splits(workgroups: usize, tile: usize, view: &View) -> usize {
    let longest = view.ranges.iter().map(|range| range[1] - range[0]).max().unwrap_or(0) as usize;
    (BUSY / workgroups.max(1)).min(longest / (2 * tile)).max(1)
}

/// Each row's log-sum-exp and `Σ ∂y·y`.
fn row_stats(layout: Layout, [y, grad, lse]: [&CubeTensor; 3], view: &View) -> CubeTensor {
    let Sizes { queries, heads, .. } = layout.sizes;
    let stats = empty_like(y, Shape::new([queries, heads, 2]));
    let kernel = layout.kernel(&BACKWARD_SHADER, "row_stats", FLAT_LANES, view);
    let workgroups = (queries * heads).div_ceil(FLAT_LANES) as u32;
    kernel.launch(&[y, grad, lse], &[&stats], [queries as u32, 0, 0, 0], workgroups);
    stats
}
