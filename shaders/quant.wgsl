// A matrix W[N, K] in GGUF blocks: y[M, N] = x[M, K]·Wᵀ, dx[M, K] = dy[M, N]·W, and rows of W. Each block is dequantized
// in registers. Follows a file of `quant/`, which says how to read a block. Sums stay in named registers: naga puts
// arrays into slow memory. On software devices a load costs as much as ten products, so an invocation of `forward`
// takes few rows of x and many of W, whose numbers come eight a word.

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
        let x0 = min(m + 0u, last) * (info.w / 4u);
        let x1 = min(m + 1u, last) * (info.w / 4u);
        let x2 = min(m + 2u, last) * (info.w / 4u);
        let x3 = min(m + 3u, last) * (info.w / 4u);
        let w0 = min(n + 0u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w1 = min(n + 1u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w2 = min(n + 2u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w3 = min(n + 3u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w4 = min(n + 4u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w5 = min(n + 5u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w6 = min(n + 6u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w7 = min(n + 7u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        var a0 = vec4<f32>();
        var b0 = vec4<f32>();
        var a1 = vec4<f32>();
        var b1 = vec4<f32>();
        var a2 = vec4<f32>();
        var b2 = vec4<f32>();
        var a3 = vec4<f32>();
        var b3 = vec4<f32>();
        for (var block = 0u; block < info.w / BLOCK; block++) {
            let at = block * BLOCK_WORDS;
            let s0 = scales(w0 + at);
            let s1 = scales(w1 + at);
            let s2 = scales(w2 + at);
            let s3 = scales(w3 + at);
            let s4 = scales(w4 + at);
            let s5 = scales(w5 + at);
            let s6 = scales(w6 + at);
            let s7 = scales(w7 + at);
            for (var u = 0u; u < BLOCK / 8u; u++) {
                let lo = (block * BLOCK + lo(u)) / 4u;
                let hi = lo + HI / 4u;
                let l0 = x[x0 + lo];
                let h0 = x[x0 + hi];
                let l1 = x[x1 + lo];
                let h1 = x[x1 + hi];
                let l2 = x[x2 + lo];
                let h2 = x[x2 + hi];
                let l3 = x[x3 + lo];
                let h3 = x[x3 + hi];
                var q = unit(w0 + at, s0, u);
                a0.x = dot8(q, l0, h0, a0.x);
                a1.x = dot8(q, l1, h1, a1.x);
                a2.x = dot8(q, l2, h2, a2.x);
                a3.x = dot8(q, l3, h3, a3.x);
                q = unit(w1 + at, s1, u);
                a0.y = dot8(q, l0, h0, a0.y);
                a1.y = dot8(q, l1, h1, a1.y);
                a2.y = dot8(q, l2, h2, a2.y);
                a3.y = dot8(q, l3, h3, a3.y);
                q = unit(w2 + at, s2, u);
                a0.z = dot8(q, l0, h0, a0.z);
                a1.z = dot8(q, l1, h1, a1.z);
                a2.z = dot8(q, l2, h2, a2.z);
                a3.z = dot8(q, l3, h3, a3.z);
                q = unit(w3 + at, s3, u);
                a0.w = dot8(q, l0, h0, a0.w);
                a1.w = dot8(q, l1, h1, a1.w);
                a2.w = dot8(q, l2, h2, a2.w);
                a3.w = dot8(q, l3, h3, a3.w);
                q = unit(w4 + at, s4, u);
                b0.x = dot8(q, l0, h0, b0.x);
                b1.x = dot8(q, l1, h1, b1.x);
                b2.x = dot8(q, l2, h2, b2.x);
                b3.x = dot8(q, l3, h3, b3.x);
                q = unit(w5 + at, s5, u);
                b0.y = dot8(q, l0, h0, b0.y);
                b1.y = dot8(q, l1, h1, b1.y);
                b2.y = dot8(q, l2, h2, b2.y);
                b3.y = dot8(q, l3, h3, b3.y);
                q = unit(w6 + at, s6, u);
                b0.z = dot8(q, l0, h0, b0.z);
                b1.z = dot8(q, l1, h1, b1.z);
                b2.z = dot8(q, l2, h2, b2.z);
                b3.z = dot8(q, l3, h3, b3.z);
                q = unit(w7 + at, s7, u);
                b0.w = dot8(q, l0, h0, b0.w);
                b1.w = dot8(q, l1, h1, b1.w);
                b2.w = dot8(q, l2, h2, b2.w);
                b3.w = dot8(q, l3, h3, b3.w);
            }
        }
        let out = m * info.y + n;
        if (m + 0u <= last) {
            store(out + 0u * info.y, info.y - min(n, info.y), a0, b0);
        }
        if (m + 1u <= last) {
            store(out + 1u * info.y, info.y - min(n, info.y), a1, b1);
        }
        if (m + 2u <= last) {
            store(out + 2u * info.y, info.y - min(n, info.y), a2, b2);
        }
        if (m + 3u <= last) {
            store(out + 3u * info.y, info.y - min(n, info.y), a3, b3);
        }
    }
}

// Writes the first `count` of eight sums.
fn store(at: u32, count: u32, a: vec4<f32>, b: vec4<f32>) {
    if (count > 0u) { y[at + 0u] = a.x; }
    if (count > 1u) { y[at + 1u] = a.y; }
    if (count > 2u) { y[at + 2u] = a.z; }
    if (count > 3u) { y[at + 3u] = a.w; }
    if (count > 4u) { y[at + 4u] = b.x; }
    if (count > 5u) { y[at + 5u] = b.y; }
    if (count > 6u) { y[at + 6u] = b.z; }
    if (count > 7u) { y[at + 7u] = b.w; }
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
        let w0 = min(n + 0u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w1 = min(n + 1u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w2 = min(n + 2u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w3 = min(n + 3u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w4 = min(n + 4u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w5 = min(n + 5u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w6 = min(n + 6u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        let w7 = min(n + 7u, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        var a = vec4<f32>();
        var b = vec4<f32>();
        for (var i = lane; i < info.w / 8u; i += LANES) {
            let block = i / (BLOCK / 8u);
            let u = i % (BLOCK / 8u);
            let at = block * BLOCK_WORDS;
            let l = x[(block * BLOCK + lo(u)) / 4u];
            let h = x[(block * BLOCK + lo(u) + HI) / 4u];
            a.x = dot8(unit(w0 + at, scales(w0 + at), u), l, h, a.x);
            a.y = dot8(unit(w1 + at, scales(w1 + at), u), l, h, a.y);
            a.z = dot8(unit(w2 + at, scales(w2 + at), u), l, h, a.z);
            a.w = dot8(unit(w3 + at, scales(w3 + at), u), l, h, a.w);
            b.x = dot8(unit(w4 + at, scales(w4 + at), u), l, h, b.x);
            b.y = dot8(unit(w5 + at, scales(w5 + at), u), l, h, b.y);
            b.z = dot8(unit(w6 + at, scales(w6 + at), u), l, h, b.z);
            b.w = dot8(unit(w7 + at, scales(w7 + at), u), l, h, b.w);
        }
        partial[lane * 8u + 0u] = a.x;
        partial[lane * 8u + 1u] = a.y;
        partial[lane * 8u + 2u] = a.z;
        partial[lane * 8u + 3u] = a.w;
        partial[lane * 8u + 4u] = b.x;
        partial[lane * 8u + 5u] = b.y;
        partial[lane * 8u + 6u] = b.z;
        partial[lane * 8u + 7u] = b.w;
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
        let g0 = min(m + 0u, last) * info.y;
        let g1 = min(m + 1u, last) * info.y;
        let g2 = min(m + 2u, last) * info.y;
        let g3 = min(m + 3u, last) * info.y;
        let g4 = min(m + 4u, last) * info.y;
        let g5 = min(m + 5u, last) * info.y;
        let g6 = min(m + 6u, last) * info.y;
        let g7 = min(m + 7u, last) * info.y;
        var l0 = vec4<f32>();
        var h0 = vec4<f32>();
        var l1 = vec4<f32>();
        var h1 = vec4<f32>();
        var l2 = vec4<f32>();
        var h2 = vec4<f32>();
        var l3 = vec4<f32>();
        var h3 = vec4<f32>();
        var l4 = vec4<f32>();
        var h4 = vec4<f32>();
        var l5 = vec4<f32>();
        var h5 = vec4<f32>();
        var l6 = vec4<f32>();
        var h6 = vec4<f32>();
        var l7 = vec4<f32>();
        var h7 = vec4<f32>();
        for (var n = 0u; n < info.y; n++) {
            let at = (n * (info.w / BLOCK) + block) * BLOCK_WORDS;
            let q = unit(at, scales(at), u);
            let d0 = dy[g0 + n];
            l0 += d0 * q.lo;
            h0 += d0 * q.hi;
            let d1 = dy[g1 + n];
            l1 += d1 * q.lo;
            h1 += d1 * q.hi;
            let d2 = dy[g2 + n];
            l2 += d2 * q.lo;
            h2 += d2 * q.hi;
            let d3 = dy[g3 + n];
            l3 += d3 * q.lo;
            h3 += d3 * q.hi;
            let d4 = dy[g4 + n];
            l4 += d4 * q.lo;
            h4 += d4 * q.hi;
            let d5 = dy[g5 + n];
            l5 += d5 * q.lo;
            h5 += d5 * q.hi;
            let d6 = dy[g6 + n];
            l6 += d6 * q.lo;
            h6 += d6 * q.hi;
            let d7 = dy[g7 + n];
            l7 += d7 * q.lo;
            h7 += d7 * q.hi;
        }
        let lo = (block * BLOCK + lo(u)) / 4u;
        let hi = lo + HI / 4u;
        if (m + 0u <= last) {
            dx[(m + 0u) * (info.w / 4u) + lo] = l0;
            dx[(m + 0u) * (info.w / 4u) + hi] = h0;
        }
        if (m + 1u <= last) {
            dx[(m + 1u) * (info.w / 4u) + lo] = l1;
            dx[(m + 1u) * (info.w / 4u) + hi] = h1;
        }
        if (m + 2u <= last) {
            dx[(m + 2u) * (info.w / 4u) + lo] = l2;
            dx[(m + 2u) * (info.w / 4u) + hi] = h2;
        }
        if (m + 3u <= last) {
            dx[(m + 3u) * (info.w / 4u) + lo] = l3;
            dx[(m + 3u) * (info.w / 4u) + hi] = h3;
        }
        if (m + 4u <= last) {
            dx[(m + 4u) * (info.w / 4u) + lo] = l4;
            dx[(m + 4u) * (info.w / 4u) + hi] = h4;
        }
        if (m + 5u <= last) {
            dx[(m + 5u) * (info.w / 4u) + lo] = l5;
            dx[(m + 5u) * (info.w / 4u) + hi] = h5;
        }
        if (m + 6u <= last) {
            dx[(m + 6u) * (info.w / 4u) + lo] = l6;
            dx[(m + 6u) * (info.w / 4u) + hi] = h6;
        }
        if (m + 7u <= last) {
            dx[(m + 7u) * (info.w / 4u) + lo] = l7;
            dx[(m + 7u) * (info.w / 4u) + hi] = h7;
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
