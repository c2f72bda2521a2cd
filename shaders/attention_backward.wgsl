// Gradients of attention (Dao 2023, arXiv 2307.08691), with p = exp(s − lse) and D = Σ ∂y·y of a row:
// ∂v_j = Σ_i p_ij·∂y_i, ∂s_ij = p_ij·(∂y_i·v_j − D_i), ∂q_i = Σ_j ∂s_ij·k_j, ∂k_j = Σ_i ∂s_ij·q_i.
//
// As in the forward, a workgroup goes through tiles: `queries` takes rows of queries and tiles of keys, `keys` takes keys
// and tiles of rows (queries and the heads that share a key head). A lane computes the ∂s of 4·QUADS of the former and
// STEP of the latter, then two vec4s of their gradients.

const HEADS: u32 = 2u;
const KV_HEADS: u32 = 1u;
const WIDTH: u32 = 2u; // vec4s of a head, an even number
const QUADS: u32 = 1u;
const STEP: u32 = 4u;
const SCALE: f32 = 1.0;
const SOFT_CAP: f32 = 0.0; // 0: none
const LANES: u32 = 4u;

const GROUP: u32 = HEADS / KV_HEADS;
const COLS: u32 = WIDTH / 2u;
const TILE: u32 = COLS * STEP;
const ROW_QUADS: u32 = LANES / COLS * QUADS;
const ROWS: u32 = 4u * ROW_QUADS;

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> stats: array<vec2<f32>>; // lse and D
@group(0) @binding(5) var<storage, read> spans: array<vec2<u32>>;

// queries
@group(0) @binding(6) var<storage, read_write> grad_q: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> info: vec4<u32>; // queries, keys, keys that some query sees, 0

// keys
@group(0) @binding(6) var<storage, read_write> grad_k: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> grad_v: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> key_info: vec4<u32>;

// row_stats
@group(0) @binding(0) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> grad_y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> new_stats: array<vec2<f32>>;
@group(0) @binding(4) var<uniform> stats_info: vec4<u32>;

var<workgroup> slopes: array<vec4<f32>, TILE * ROW_QUADS>; // ∂s as [tile][four rows]
var<workgroup> weights: array<vec4<f32>, TILE * ROW_QUADS>; // p, likewise

// Four rows of a tensor, column by column.
struct Columns {
    x: vec4<f32>,
    y: vec4<f32>,
    z: vec4<f32>,
    w: vec4<f32>,
}

fn columns(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> Columns {
    return Columns(
        vec4(a.x, b.x, c.x, d.x),
        vec4(a.y, b.y, c.y, d.y),
        vec4(a.z, b.z, c.z, d.z),
        vec4(a.w, b.w, c.w, d.w),
    );
}

fn multiply(rows: Columns, b: vec4<f32>, sum: vec4<f32>) -> vec4<f32> {
    let xy = fma(rows.x, vec4(b.x), fma(rows.y, vec4(b.y), sum));
    return fma(rows.z, vec4(b.z), fma(rows.w, vec4(b.w), xy));
}

// (p, ∂s/p) of four scores q·k, with the cap's slope in the second.
struct Pair {
    p: vec4<f32>,
    ds: vec4<f32>,
}

fn pair(dot: vec4<f32>, dp: vec4<f32>, row_lse: vec4<f32>, row_d: vec4<f32>, visible: vec4<bool>) -> Pair {
    var s = SCALE * dot;
    var slope = vec4(1.0);
    if (SOFT_CAP > 0.0) {
        let t = tanh(clamp(s / SOFT_CAP, vec4(-10.0), vec4(10.0)));
        s = SOFT_CAP * t;
        slope = 1.0 - t * t;
    }
    let p = select(vec4(0.0), exp(s - row_lse), visible);
    return Pair(p, p * (dp - row_d) * slope);
}

fn head_of(row: vec4<u32>, kv: u32) -> vec4<u32> {
    return row / GROUP * HEADS + kv * GROUP + row % GROUP;
}

// What all of the spans from `first` to `last` hold.
fn hull(first: u32, last: u32) -> vec2<u32> {
    var start = 0xffffffffu;
    var end = 0u;
    for (var index = first; index <= last; index++) {
        let span = spans[index];
        if (span.x < span.y) {
            start = min(start, span.x);
            end = max(end, span.y);
        }
    }
    return select(vec2(start, end), vec2(0u), end == 0u);
}

@compute @workgroup_size(LANES)
fn row_stats(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var head = id.x; head < stats_info.x * HEADS; head += groups.x * LANES) {
        var sum = vec4(0.0);
        for (var i = 0u; i < WIDTH; i++) {
            sum = fma(y[head * WIDTH + i], grad_y[head * WIDTH + i], sum);
        }
        new_stats[head] = vec2(lse[head], sum.x + sum.y + (sum.z + sum.w));
    }
}

@compute @workgroup_size(LANES)
fn queries(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let col = lane % COLS;
    let quad = lane / COLS * QUADS;
    let rows = info.x * GROUP;
    for (var task = group.x; task < (rows + ROWS - 1u) / ROWS * KV_HEADS; task += groups.x) {
        let kv = task % KV_HEADS;
        let first_row = task / KV_HEADS * ROWS;
        let last_row = min(first_row + ROWS, rows) - 1u;
        let keys = hull(first_row / GROUP, last_row / GROUP);
        var heads: array<vec4<u32>, QUADS>;
        var start: array<vec4<u32>, QUADS>;
        var end: array<vec4<u32>, QUADS>;
        var row_lse: array<vec4<f32>, QUADS>;
        var row_d: array<vec4<f32>, QUADS>;
        var out: array<vec4<f32>, 8u * QUADS>;
        for (var r = 0u; r < QUADS; r++) { // unrolled
            let row = min(first_row + 4u * (quad + r) + vec4(0u, 1u, 2u, 3u), vec4(last_row));
            heads[r] = head_of(row, kv);
            for (var c = 0u; c < 4u; c++) { // unrolled
                let seen = spans[row[c] / GROUP];
                start[r][c] = seen.x;
                end[r][c] = seen.y;
                row_lse[r][c] = stats[heads[r][c]].x;
                row_d[r][c] = stats[heads[r][c]].y;
            }
        }
        for (var first = keys.x; first < keys.y; first += TILE) {
            var s: array<vec4<f32>, STEP * QUADS>;
            var dp: array<vec4<f32>, STEP * QUADS>;
            var at: array<u32, STEP>;
            for (var j = 0u; j < STEP; j++) { // unrolled
                at[j] = (min(first + j * COLS + col, keys.y - 1u) * KV_HEADS + kv) * WIDTH;
            }
            for (var i = 0u; i < WIDTH; i++) {
                var four_q: array<Columns, QUADS>;
                var four_grads: array<Columns, QUADS>;
                for (var r = 0u; r < QUADS; r++) { // unrolled
                    let h = heads[r] * WIDTH + i;
                    four_q[r] = columns(q[h.x], q[h.y], q[h.z], q[h.w]);
                    four_grads[r] = columns(grad[h.x], grad[h.y], grad[h.z], grad[h.w]);
                }
                for (var j = 0u; j < STEP; j++) { // unrolled
                    let one_k = k[at[j] + i];
                    let one_v = v[at[j] + i];
                    for (var r = 0u; r < QUADS; r++) { // unrolled
                        s[j * QUADS + r] = multiply(four_q[r], one_k, s[j * QUADS + r]);
                        dp[j * QUADS + r] = multiply(four_grads[r], one_v, dp[j * QUADS + r]);
                    }
                }
            }
            for (var j = 0u; j < STEP; j++) { // unrolled
                for (var r = 0u; r < QUADS; r++) { // unrolled
                    let key = vec4(first + j * COLS + col);
                    let visible = (key >= start[r]) & (key < end[r]);
                    let at_pair = pair(s[j * QUADS + r], dp[j * QUADS + r], row_lse[r], row_d[r], visible);
                    slopes[(j * COLS + col) * ROW_QUADS + quad + r] = at_pair.ds;
                }
            }
            workgroupBarrier();
            for (var key = first; key < min(first + TILE, keys.y); key++) {
                let a = k[(key * KV_HEADS + kv) * WIDTH + col];
                let b = k[(key * KV_HEADS + kv) * WIDTH + COLS + col];
                for (var r = 0u; r < QUADS; r++) { // unrolled
                    let ds = slopes[(key - first) * ROW_QUADS + quad + r];
                    for (var c = 0u; c < 4u; c++) { // unrolled
                        out[8u * r + 2u * c] = fma(vec4(ds[c]), a, out[8u * r + 2u * c]);
                        out[8u * r + 2u * c + 1u] = fma(vec4(ds[c]), b, out[8u * r + 2u * c + 1u]);
                    }
                }
            }
            workgroupBarrier();
        }
        for (var r = 0u; r < QUADS; r++) { // unrolled
            for (var c = 0u; c < 4u; c++) { // unrolled
                if (first_row + 4u * (quad + r) + c <= last_row) {
                    grad_q[heads[r][c] * WIDTH + col] = SCALE * out[8u * r + 2u * c];
                    grad_q[heads[r][c] * WIDTH + COLS + col] = SCALE * out[8u * r + 2u * c + 1u];
                }
            }
        }
    }
}

@compute @workgroup_size(LANES)
fn keys(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let col = lane % COLS;
    let quad = lane / COLS * QUADS;
    for (var task = group.x; task < (key_info.y + ROWS - 1u) / ROWS * KV_HEADS; task += groups.x) {
        let kv = task % KV_HEADS;
        let first_key = task / KV_HEADS * ROWS;
        let last_key = min(first_key + ROWS, key_info.y) - 1u;
        var rows = vec2(0u);
        if (first_key < key_info.z) {
            rows = GROUP * hull(key_info.x + first_key, key_info.x + min(last_key, key_info.z - 1u));
        }
        var out_k: array<vec4<f32>, 8u * QUADS>;
        var out_v: array<vec4<f32>, 8u * QUADS>;
        for (var first = rows.x; first < rows.y; first += TILE) {
            var s: array<vec4<f32>, STEP * QUADS>;
            var dp: array<vec4<f32>, STEP * QUADS>;
            var at: array<u32, STEP>;
            for (var j = 0u; j < STEP; j++) { // unrolled
                at[j] = head_of(vec4(min(first + j * COLS + col, rows.y - 1u)), kv).x;
            }
            for (var i = 0u; i < WIDTH; i++) {
                var four_k: array<Columns, QUADS>;
                var four_v: array<Columns, QUADS>;
                for (var r = 0u; r < QUADS; r++) { // unrolled
                    let key = min(first_key + 4u * (quad + r) + vec4(0u, 1u, 2u, 3u), vec4(last_key));
                    let h = (key * KV_HEADS + kv) * WIDTH + i;
                    four_k[r] = columns(k[h.x], k[h.y], k[h.z], k[h.w]);
                    four_v[r] = columns(v[h.x], v[h.y], v[h.z], v[h.w]);
                }
                for (var j = 0u; j < STEP; j++) { // unrolled
                    let one_q = q[at[j] * WIDTH + i];
                    let one_grad = grad[at[j] * WIDTH + i];
                    for (var r = 0u; r < QUADS; r++) { // unrolled
                        s[j * QUADS + r] = multiply(four_k[r], one_q, s[j * QUADS + r]);
                        dp[j * QUADS + r] = multiply(four_v[r], one_grad, dp[j * QUADS + r]);
                    }
                }
            }
            for (var j = 0u; j < STEP; j++) { // unrolled
                let row = first + j * COLS + col;
                let seen = spans[min(row, rows.y - 1u) / GROUP];
                let stat = stats[at[j]];
                for (var r = 0u; r < QUADS; r++) { // unrolled
                    let key = first_key + 4u * (quad + r) + vec4(0u, 1u, 2u, 3u);
                    let visible = (key >= vec4(seen.x)) & (key < vec4(seen.y)) & vec4(row < rows.y);
                    let slot = (j * COLS + col) * ROW_QUADS + quad + r;
                    let at_pair = pair(s[j * QUADS + r], dp[j * QUADS + r], vec4(stat.x), vec4(stat.y), visible);
                    weights[slot] = at_pair.p;
                    slopes[slot] = at_pair.ds;
                }
            }
            workgroupBarrier();
            for (var row = first; row < min(first + TILE, rows.y); row++) {
                let head = head_of(vec4(row), kv).x * WIDTH + col;
                let qa = q[head];
                let qb = q[head + COLS];
                let ga = grad[head];
                let gb = grad[head + COLS];
                for (var r = 0u; r < QUADS; r++) { // unrolled
                    let p = weights[(row - first) * ROW_QUADS + quad + r];
                    let ds = slopes[(row - first) * ROW_QUADS + quad + r];
                    for (var c = 0u; c < 4u; c++) { // unrolled
                        out_k[8u * r + 2u * c] = fma(vec4(ds[c]), qa, out_k[8u * r + 2u * c]);
                        out_k[8u * r + 2u * c + 1u] = fma(vec4(ds[c]), qb, out_k[8u * r + 2u * c + 1u]);
                        out_v[8u * r + 2u * c] = fma(vec4(p[c]), ga, out_v[8u * r + 2u * c]);
                        out_v[8u * r + 2u * c + 1u] = fma(vec4(p[c]), gb, out_v[8u * r + 2u * c + 1u]);
                    }
                }
            }
            workgroupBarrier();
        }
        for (var r = 0u; r < QUADS; r++) { // unrolled
            for (var c = 0u; c < 4u; c++) { // unrolled
                let key = first_key + 4u * (quad + r) + c;
                if (key <= last_key) {
                    let at = (key * KV_HEADS + kv) * WIDTH + col;
                    grad_k[at] = SCALE * out_k[8u * r + 2u * c];
                    grad_k[at + COLS] = SCALE * out_k[8u * r + 2u * c + 1u];
                    grad_v[at] = out_v[8u * r + 2u * c];
                    grad_v[at + COLS] = out_v[8u * r + 2u * c + 1u];
                }
            }
        }
    }
}
