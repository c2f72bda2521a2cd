// Sums of squares, and the factor that clips a gradient (Pascanu et al. 2013, arXiv 1211.5063). Each invocation adds up
// the same numbers in the same order every time, so results repeat to the bit.

const MAX_NORM: f32 = 1.0;
const LANES: u32 = 64u;

const NOT_FINITE: u32 = 0x7f800000u;

// squares: a workgroup adds its share of seven tensors to its sum
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read> d: array<f32>;
@group(0) @binding(4) var<storage, read> e: array<f32>;
@group(0) @binding(5) var<storage, read> f: array<f32>;
@group(0) @binding(6) var<storage, read> g: array<f32>;
@group(0) @binding(7) var<storage, read_write> sums: array<f32>;
@group(0) @binding(8) var<uniform> lengths: array<vec4<u32>, 2>; // seven, 0

// factor: one workgroup
@group(0) @binding(0) var<storage, read> all_sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(2) var<storage, read_write> clip: array<f32>;
@group(0) @binding(3) var<uniform> info: vec4<u32>; // number of sums, NaN by its bits, 0, 0

var<workgroup> partial: array<f32, LANES>;

// Sum of `value` over the workgroup, in its first lane.
fn workgroup_sum(lane: u32, value: f32) -> f32 {
    partial[lane] = value;
    workgroupBarrier();
    var total = 0.0;
    if (lane == 0u) {
        for (var i = 0u; i < LANES; i++) {
            total += partial[i];
        }
    }
    return total;
}

@compute @workgroup_size(LANES)
fn squares(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = group.x * LANES + lane;
    let step = groups.x * LANES;
    var sum = 0.0;
    for (var i = first; i < lengths[0].x; i += step) { sum += a[i] * a[i]; }
    for (var i = first; i < lengths[0].y; i += step) { sum += b[i] * b[i]; }
    for (var i = first; i < lengths[0].z; i += step) { sum += c[i] * c[i]; }
    for (var i = first; i < lengths[0].w; i += step) { sum += d[i] * d[i]; }
    for (var i = first; i < lengths[1].x; i += step) { sum += e[i] * e[i]; }
    for (var i = first; i < lengths[1].y; i += step) { sum += f[i] * f[i]; }
    for (var i = first; i < lengths[1].z; i += step) { sum += g[i] * g[i]; }
    let total = workgroup_sum(lane, sum);
    if (lane == 0u) {
        sums[group.x] += total;
    }
}

@compute @workgroup_size(LANES)
fn factor(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < info.x; i += LANES) {
        sum += all_sums[i];
    }
    let total = workgroup_sum(lane, sum);
    if (lane == 0u) {
        let length = sqrt(total);
        let clipped = select(1.0, MAX_NORM / (length + 1e-6), length + 1e-6 > MAX_NORM);
        let finite = (bitcast<u32>(total) & NOT_FINITE) != NOT_FINITE;
        norm[0] = length;
        clip[0] = select(bitcast<f32>(info.y), clipped, finite);
    }
}
