// A matrix W[N, K] in GGUF blocks: y[M, N] = x[M, K]·Wᵀ, dx[M, K] = dy[M, N]·W, and rows of W. Each block is dequantized
// in registers. Follows a file of `quant/`, which says how to read a block. Loops over arrays are unrolled: devices keep
// an array in registers only where each index is constant. Such arrays are set to zero by hand: in Chromium they kept the
// last round's numbers. On software devices a load costs as much as ten products, so an invocation of `forward` takes few
// rows of x and many of W, whose numbers come eight a word.

const LANES: u32 = 64u;

struct Unit { lo: vec4<f32>, hi: vec4<f32> } // elements lo(u)..lo(u)+4 of a block, and those HI further

@group(0) @binding(1) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<uniform> info: vec4<u32>; // K: columns of W, whole blocks

// forward and vector: info = M, N, 0, K
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// transposed: info = M, N, 0, K
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;

// rows: info = number of ids, first row of W here, rows of W here, K
@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> picked: array<vec4<f32>>;

fn dot8(unit: Unit, lo: vec4<f32>, hi: vec4<f32>, sum: f32) -> f32 {
    return sum + dot(unit.lo, lo) + dot(unit.hi, hi);
}

// An invocation: 4 rows of x, 8 rows of W.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (info.y + LANES * 8u - 1u) / (LANES * 8u);
    let last = info.x - 1u;
    for (var tile = group.x; tile < tiles * ((info.x + 3u) / 4u); tile += groups.x) {
        let n = (tile % tiles) * LANES * 8u + lane * 8u;
        let m = (tile / tiles) * 4u;
        var x_row: array<u32, 4>;
        var w_row: array<u32, 8>;
        var sums: array<f32, 32>;
        for (var r = 0u; r < 4u; r++) { // unrolled
            x_row[r] = min(m + r, last) * (info.w / 4u);
            for (var c = 0u; c < 8u; c++) { // unrolled
                sums[r * 8u + c] = 0.0;
            }
        }
        for (var c = 0u; c < 8u; c++) { // unrolled
            w_row[c] = row_of(n + c);
        }
        for (var block = 0u; block < info.w / BLOCK; block++) {
            var at: array<u32, 8>;
            var scale: array<vec2<f32>, 8>;
            for (var c = 0u; c < 8u; c++) { // unrolled
                at[c] = w_row[c] + block * BLOCK_WORDS;
                scale[c] = scales(at[c]);
            }
            for (var u = 0u; u < BLOCK / 8u; u++) {
                let lo = (block * BLOCK + lo(u)) / 4u;
                var x_lo: array<vec4<f32>, 4>;
                var x_hi: array<vec4<f32>, 4>;
                for (var r = 0u; r < 4u; r++) { // unrolled
                    x_lo[r] = x[x_row[r] + lo];
                    x_hi[r] = x[x_row[r] + lo + HI / 4u];
                }
                for (var c = 0u; c < 8u; c++) { // unrolled
                    let q = unit(at[c], scale[c], u);
                    for (var r = 0u; r < 4u; r++) { // unrolled
                        sums[r * 8u + c] = dot8(q, x_lo[r], x_hi[r], sums[r * 8u + c]);
                    }
                }
            }
        }
        for (var r = 0u; r < 4u; r++) { // unrolled
            for (var c = 0u; c < 8u; c++) { // unrolled
                if (m + r <= last && n + c < info.y) {
                    y[(m + r) * info.y + n + c] = sums[r * 8u + c];
                }
            }
        }
    }
}

// Where row `n` of W starts, in words.
fn row_of(n: u32) -> u32 {
    return min(n, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
}

var<workgroup> partial: array<f32, LANES * 8u>;

// x has one row. A workgroup: 8 rows of W; its invocations share the columns.
@compute @workgroup_size(LANES)
fn vector(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var tile = group.x; tile < (info.y + 7u) / 8u; tile += groups.x) {
        let n = tile * 8u;
        var w_row: array<u32, 8>;
        var sums: array<f32, 8>;
        for (var c = 0u; c < 8u; c++) { // unrolled
            w_row[c] = row_of(n + c);
            sums[c] = 0.0;
        }
        for (var i = lane; i < info.w / 8u; i += LANES) {
            let block = i / (BLOCK / 8u);
            let u = i % (BLOCK / 8u);
            let l = x[(block * BLOCK + lo(u)) / 4u];
            let h = x[(block * BLOCK + lo(u) + HI) / 4u];
            for (var c = 0u; c < 8u; c++) { // unrolled
                let at = w_row[c] + block * BLOCK_WORDS;
                sums[c] = dot8(unit(at, scales(at), u), l, h, sums[c]);
            }
        }
        for (var c = 0u; c < 8u; c++) { // unrolled
            partial[lane * 8u + c] = sums[c];
        }
        workgroupBarrier();
        for (var c = lane; c < min(8u, info.y - n); c += LANES) {
            var sum = 0.0;
            for (var i = 0u; i < LANES; i++) {
                sum += partial[i * 8u + c];
            }
            y[n + c] = sum;
        }
        workgroupBarrier();
    }
}

// An invocation: 8 rows of dy, one unit of columns.
@compute @workgroup_size(LANES)
fn transposed(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (info.w / 8u + LANES - 1u) / LANES;
    let last = info.x - 1u;
    for (var tile = group.x; tile < tiles * ((info.x + 7u) / 8u); tile += groups.x) {
        let i = min((tile % tiles) * LANES + lane, info.w / 8u - 1u);
        let block = i / (BLOCK / 8u);
        let u = i % (BLOCK / 8u);
        let m = (tile / tiles) * 8u;
        var row: array<u32, 8>;
        var sum_lo: array<vec4<f32>, 8>;
        var sum_hi: array<vec4<f32>, 8>;
        for (var r = 0u; r < 8u; r++) { // unrolled
            row[r] = min(m + r, last) * info.y;
            sum_lo[r] = vec4(0.0);
            sum_hi[r] = vec4(0.0);
        }
        for (var n = 0u; n < info.y; n++) {
            let at = (n * (info.w / BLOCK) + block) * BLOCK_WORDS;
            let q = unit(at, scales(at), u);
            for (var r = 0u; r < 8u; r++) { // unrolled
                let d = dy[row[r] + n];
                sum_lo[r] += d * q.lo;
                sum_hi[r] += d * q.hi;
            }
        }
        let lo = (block * BLOCK + lo(u)) / 4u;
        for (var r = 0u; r < 8u; r++) { // unrolled
            if (m + r <= last) {
                dx[(m + r) * (info.w / 4u) + lo] = sum_lo[r];
                dx[(m + r) * (info.w / 4u) + lo + HI / 4u] = sum_hi[r];
            }
        }
    }
}

// An invocation: one unit of one id's row; zeros where the row is not here.
@compute @workgroup_size(LANES)
fn rows(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = id.x; i < info.x * (info.w / 8u); i += groups.x * LANES) {
        let token = i / (info.w / 8u);
        let block = (i % (info.w / 8u)) / (BLOCK / 8u);
        let u = i % (BLOCK / 8u);
        var q = Unit(vec4<f32>(), vec4<f32>());
        let row = ids[token] - info.y;
        if (row < info.z) {
            let at = (row * (info.w / BLOCK) + block) * BLOCK_WORDS;
            q = unit(at, scales(at), u);
        }
        let lo = (token * info.w + block * BLOCK + lo(u)) / 4u;
        picked[lo] = q.lo;
        picked[lo + HI / 4u] = q.hi;
    }
}
