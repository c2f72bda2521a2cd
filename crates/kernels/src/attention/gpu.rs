//! The launches of `shaders/attention.wgsl` and `shaders/attention_backward.wgsl`.

use super::{Attention, Saved, Sizes, View};
use crate::wgsl::{Kernel, Shader, empty_like};
use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::backend::wgpu::{CubeBackend, CubeTensor, into_contiguous};
use burn::tensor::{FloatDType, Shape, Slice};

pub(crate) const SHADER: Shader =
    Shader { name: "attention", source: include_str!("../../../../shaders/attention.wgsl") };
pub(crate) const BACKWARD_SHADER: Shader = Shader {
    name: "attention_backward",
    source: include_str!("../../../../shaders/attention_backward.wgsl"),
};

/// Rows of a workgroup at most.
const ROWS: usize = 32;
/// Keys of a tile, about.
const TILE: usize = 64;
/// Fewer workgroups than this leave a device idle.
const BUSY: usize = 256;
/// Invocations of a workgroup of `merge`.
const MERGE_LANES: u32 = 64;

/// How a call lies in vec4s and lanes.
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

    /// Numbers of a head with the zeros that fill its vec4s.
    fn width(self) -> usize {
        8 * self.cols
    }

    /// Rows of queries and the heads that share a key head.
    fn rows(self) -> usize {
        self.sizes.queries * self.sizes.heads / self.sizes.kv_heads
    }

    /// Keys of a tile in a lane.
    fn keys(self) -> usize {
        (TILE / self.cols).clamp(1, env("KEYS", 8))
    }

    fn kernel(self, shader: &'static Shader, entry: &'static str, lanes: u32, view: &View) -> Kernel {
        Kernel::new(shader, entry, lanes)
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
        let inputs = [&q, &k, &v].map(|tensor| layout.pad(tensor.clone()));
        let (y, lse) = forward(layout, &inputs, &spans, &view);
        Saved { q, k, v, y: layout.trim(y), lse: Some(lse), spans, view }
    }
}

fn forward(
    layout: Layout,
    [q, k, v]: &[CubeTensor; 3],
    spans: &CubeTensor,
    view: &View,
) -> (CubeTensor, CubeTensor) {
    let Sizes { queries, heads, kv_heads, .. } = layout.sizes;
    // 4 · quads rows in each lane, and no more lanes than rows need.
    let quads = if layout.rows() <= 4 { 1 } else { env("QUADS", 2) };
    let lane_rows = layout.rows().min(env("ROWS", ROWS)).div_ceil(4 * quads);
    let tasks = layout.rows().div_ceil(4 * quads * lane_rows) * kv_heads;
    let splits = splits(tasks, layout.keys() * layout.cols, view);
    let y = layout.empty(q, splits * queries, heads);
    let lse = empty_like(q, Shape::new([splits * queries, heads]));
    let info = [queries as u32, splits as u32, 0, 0];
    let kernel = layout.kernel(&SHADER, "forward", (lane_rows * layout.cols) as u32, view);
    let kernel = kernel.with("QUADS", quads as u32).with("KEYS", layout.keys() as u32);
    kernel.launch(&[q, k, v, spans], &[&y, &lse], info, (tasks * splits) as u32);
    if splits == 1 {
        return (y, lse);
    }
    let merged_y = layout.empty(q, queries, heads);
    let merged_lse = empty_like(q, Shape::new([queries, heads]));
    let workgroups = (queries * heads * layout.width() / 4).div_ceil(MERGE_LANES as usize) as u32;
    let kernel = layout.kernel(&SHADER, "merge", MERGE_LANES, view);
    kernel.launch(&[&y, &lse], &[&merged_y, &merged_lse], info, workgroups);
    (merged_y, merged_lse)
}
fn env(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// Among how many workgroups each query's keys are split, at least a tile for each.
fn splits(tasks: usize, tile: usize, view: &View) -> usize {
    let longest = view.ranges.iter().map(|range| range[1] - range[0]).max().unwrap_or(0) as usize;
    (env("BUSY", BUSY) / tasks.max(1)).min(longest / tile).max(1)
}
