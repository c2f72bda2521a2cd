// Attention over ranges of keys by an online softmax (Dao 2023, arXiv 2307.08691).
//
// A workgroup takes ROWS rows (queries and the heads that share a key head) and goes through their keys in tiles. A
// lane computes the scores of 4·QUADS rows and STEP keys, then, with everybody's probabilities in workgroup memory, two
// vec4s of those rows' outputs. Few queries leave a device idle: their keys are split, and `merge` joins the parts.

const HEADS: u32 = 2u;
const KV_HEADS: u32 = 1u;
const WIDTH: u32 = 2u; // vec4s of a head, an even number
const QUADS: u32 = 2u; // fours of rows in a lane
const STEP: u32 = 4u; // keys of a tile in a lane
const SCALE: f32 = 1.0;
const SOFT_CAP: f32 = 0.0; // 0: none
const LANES: u32 = 4u;

const GROUP: u32 = HEADS / KV_HEADS;
const COLS: u32 = WIDTH / 2u;
const TILE: u32 = COLS * STEP;
const ROW_QUADS: u32 = LANES / COLS * QUADS;
const ROWS: u32 = 4u * ROW_QUADS;
const LOWEST: f32 = -1e30;

// forward
@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> spans: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;
@group(0) @binding(6) var<uniform> info: vec4<u32>; // queries, splits, 0, 0

// merge
@group(0) @binding(0) var<storage, read> split_y: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> split_lse: array<f32>;
@group(0) @binding(2) var<storage, read_write> merged_y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> merged_lse: array<f32>;
@group(0) @binding(4) var<uniform> merge_info: vec4<u32>; // queries, splits, 0, 0

var<workgroup> tile: array<vec4<f32>, TILE * ROW_QUADS>; // [key][four rows]
var<workgroup> shares: array<vec4<f32>, COLS * ROW_QUADS>; // what each lane has of a row's maximum or sum

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

// The keys that any of the queries sees, of which this split takes its share.
fn keys_of(first: u32, last: u32, split: u32, splits: u32) -> vec2<u32> {
    var start = 0xffffffffu;
    var end = 0u;
    for (var query = first; query <= last; query++) {
        let seen = spans[query];
        if (seen.x < seen.y) {
            start = min(start, seen.x);
            end = max(end, seen.y);
        }
    }
    if (end == 0u) {
        return vec2(0u);
    }
    let share = (end - start + splits - 1u) / splits;
    return vec2(start + split * share, min(end, start + (split + 1u) * share));
}

@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let col = lane % COLS;
    let quad = lane / COLS * QUADS;
    let rows = info.x * GROUP;
    let splits = info.y;
    let tasks = (rows + ROWS - 1u) / ROWS * splits * KV_HEADS;
    for (var task = group.x; task < tasks; task += groups.x) {
        let kv = task % KV_HEADS;
        let split = task / KV_HEADS % splits;
        let first_row = task / KV_HEADS / splits * ROWS;
        let last_row = min(first_row + ROWS, rows) - 1u;
        let keys = keys_of(first_row / GROUP, last_row / GROUP, split, splits);
        var heads: array<vec4<u32>, QUADS>;
        var start: array<vec4<u32>, QUADS>;
        var end: array<vec4<u32>, QUADS>;
        var top: array<vec4<f32>, QUADS>;
        var total: array<vec4<f32>, QUADS>;
        var out: array<vec4<f32>, 8u * QUADS>;
        for (var r = 0u; r < QUADS; r++) { // unrolled
            let row = min(first_row + 4u * (quad + r) + vec4(0u, 1u, 2u, 3u), vec4(last_row));
            heads[r] = row / GROUP * HEADS + kv * GROUP + row % GROUP;
            for (var c = 0u; c < 4u; c++) { // unrolled
                let seen = spans[row[c] / GROUP];
                start[r][c] = seen.x;
                end[r][c] = min(seen.y, keys.y);
            }
            top[r] = vec4(LOWEST);
            total[r] = vec4(0.0);
        }
        for (var first = keys.x; first < keys.y; first += TILE) {
            var s: array<vec4<f32>, STEP * QUADS>;
            var at: array<u32, STEP>;
            for (var j = 0u; j < STEP; j++) { // unrolled
                at[j] = (min(first + j * COLS + col, keys.y - 1u) * KV_HEADS + kv) * WIDTH;
            }
            for (var i = 0u; i < WIDTH; i++) {
                var four_q: array<Columns, QUADS>;
                for (var r = 0u; r < QUADS; r++) { // unrolled
                    let h = heads[r] * WIDTH + i;
                    four_q[r] = columns(q[h.x], q[h.y], q[h.z], q[h.w]);
                }
                for (var j = 0u; j < STEP; j++) { // unrolled
                    let one_k = k[at[j] + i];
                    for (var r = 0u; r < QUADS; r++) { // unrolled
                        s[j * QUADS + r] = multiply(four_q[r], one_k, s[j * QUADS + r]);
                    }
                }
            }
            for (var r = 0u; r < QUADS; r++) { // unrolled
                var highest = top[r];
                for (var j = 0u; j < STEP; j++) { // unrolled
                    let key = vec4(first + j * COLS + col);
                    var score = SCALE * s[j * QUADS + r];
                    if (SOFT_CAP > 0.0) {
                        score = SOFT_CAP * tanh(clamp(score / SOFT_CAP, vec4(-10.0), vec4(10.0)));
                    }
                    s[j * QUADS + r] = select(vec4(LOWEST), score, (key >= start[r]) & (key < end[r]));
                    highest = max(highest, s[j * QUADS + r]);
                }
                shares[col * ROW_QUADS + quad + r] = highest;
            }
            workgroupBarrier();
            for (var r = 0u; r < QUADS; r++) { // unrolled
                var highest = top[r];
                for (var other = 0u; other < COLS; other++) {
                    highest = max(highest, shares[other * ROW_QUADS + quad + r]);
                }
                let shrink = exp(top[r] - highest);
                top[r] = highest;
                total[r] *= shrink;
                for (var c = 0u; c < 4u; c++) { // unrolled
                    out[8u * r + 2u * c] *= shrink[c];
                    out[8u * r + 2u * c + 1u] *= shrink[c];
                }
                for (var j = 0u; j < STEP; j++) { // unrolled
                    let score = s[j * QUADS + r];
                    let p = select(vec4(0.0), exp(score - highest), score != vec4(LOWEST));
                    total[r] += p;
                    tile[(j * COLS + col) * ROW_QUADS + quad + r] = p;
                }
            }
            workgroupBarrier();
            for (var key = first; key < min(first + TILE, keys.y); key++) {
                let values = (key * KV_HEADS + kv) * WIDTH + col;
                let a = v[values];
                let b = v[values + COLS];
                for (var r = 0u; r < QUADS; r++) { // unrolled
                    let p = tile[(key - first) * ROW_QUADS + quad + r];
                    for (var c = 0u; c < 4u; c++) { // unrolled
                        out[8u * r + 2u * c] = fma(vec4(p[c]), a, out[8u * r + 2u * c]);
                        out[8u * r + 2u * c + 1u] = fma(vec4(p[c]), b, out[8u * r + 2u * c + 1u]);
                    }
                }
            }
        }
        workgroupBarrier();
        for (var r = 0u; r < QUADS; r++) { // unrolled
            shares[col * ROW_QUADS + quad + r] = total[r];
        }
        workgroupBarrier();
        for (var r = 0u; r < QUADS; r++) { // unrolled
            var sum = vec4(0.0);
            for (var other = 0u; other < COLS; other++) {
                sum += shares[other * ROW_QUADS + quad + r];
            }
            let weight = select(vec4(0.0), 1.0 / sum, sum > vec4(0.0));
            let logs = select(vec4(LOWEST), top[r] + log(sum), sum > vec4(0.0));
            for (var c = 0u; c < 4u; c++) { // unrolled
                if (first_row + 4u * (quad + r) + c <= last_row) {
                    let head = split * info.x * HEADS + heads[r][c];
                    y[head * WIDTH + col] = weight[c] * out[8u * r + 2u * c];
                    y[head * WIDTH + COLS + col] = weight[c] * out[8u * r + 2u * c + 1u];
                    if (col == 0u) {
                        lse[head] = logs[c];
                    }
                }
            }
        }
        workgroupBarrier();
    }
}

// y = Σ y_s·exp(lse_s) / Σ exp(lse_s), one invocation a vec4.
@compute @workgroup_size(LANES)
fn merge(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let heads = merge_info.x * HEADS;
    for (var item = id.x; item < heads * WIDTH; item += groups.x * LANES) {
        let head = item / WIDTH;
        var top = LOWEST;
        for (var split = 0u; split < merge_info.y; split++) {
            top = max(top, split_lse[split * heads + head]);
        }
        var total = 0.0;
        var sum = vec4(0.0);
        for (var split = 0u; split < merge_info.y; split++) {
            let weight = exp(split_lse[split * heads + head] - top);
            total += weight;
            sum = fma(vec4(weight), split_y[split * heads * WIDTH + item], sum);
        }
        merged_y[item] = sum / total;
        if (item % WIDTH == 0u) {
            merged_lse[head] = top + log(total);
        }
    }
}
