// The products of `quant.wgsl` on software devices. There a load takes as long whether the lanes want one number or each
// its own, so the lanes of a subgroup load WIDTH numbers of a row together and pass them around. Follows `quant.wgsl`.

const WIDTH: u32 = 8u; // lanes of a subgroup, which is a workgroup
const ROWS: u32 = 8u; // of x or dy for an invocation

@group(0) @binding(0) var<storage, read> numbers: array<f32>; // x or dy

// An invocation: ROWS rows of x, 8 rows of W.
@compute @workgroup_size(WIDTH)
fn forward_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (info.y + WIDTH * 8u - 1u) / (WIDTH * 8u);
    let mine = lane % 4u + lane / 4u * HI;
    for (var tile = group.x; tile < tiles * ((info.x + ROWS - 1u) / ROWS); tile += groups.x) {
        let n = (tile % tiles) * WIDTH * 8u + lane * 8u;
        let m = (tile / tiles) * ROWS;
        var x_at = array<u32, ROWS>();
        var w_at = array<u32, 8>();
        var scale = array<vec2<f32>, 8>();
        var sum = array<f32, ROWS * 8u>();
        for (var r = 0u; r < ROWS; r++) { // unrolled
            x_at[r] = min(m + r, info.x - 1u) * info.w + mine;
        }
        for (var c = 0u; c < 8u; c++) { // unrolled
            w_at[c] = min(n + c, info.y - 1u) * (info.w / BLOCK * BLOCK_WORDS);
        }
        for (var block = 0u; block < info.w / BLOCK; block++) {
            let at = block * BLOCK_WORDS;
            for (var c = 0u; c < 8u; c++) { // unrolled
                scale[c] = scales(w_at[c] + at);
            }
            for (var u = 0u; u < BLOCK / 8u; u++) {
                let k = block * BLOCK + lo(u);
                var l = array<vec4<f32>, ROWS>();
                var h = array<vec4<f32>, ROWS>();
                for (var r = 0u; r < ROWS; r++) { // unrolled
                    let x = numbers[x_at[r] + k];
                    l[r] = vec4(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u));
                    h[r] = vec4(subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u), subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u));
                }
                for (var c = 0u; c < 8u; c++) { // unrolled
                    let q = unit(w_at[c] + at, scale[c], u);
                    for (var r = 0u; r < ROWS; r++) { // unrolled
                        sum[r * 8u + c] = dot8(q, l[r], h[r], sum[r * 8u + c]);
                    }
                }
            }
        }
        for (var r = 0u; r < ROWS; r++) { // unrolled
            for (var c = 0u; c < 8u; c++) { // unrolled
                if (m + r < info.x && n + c < info.y) {
                    y[(m + r) * info.y + n + c] = sum[r * 8u + c];
                }
            }
        }
    }
}

// An invocation: ROWS rows of dy, one unit of columns.
@compute @workgroup_size(WIDTH)
fn transposed_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (info.w / 8u + WIDTH - 1u) / WIDTH;
    for (var tile = group.x; tile < tiles * ((info.x + ROWS - 1u) / ROWS); tile += groups.x) {
        let i = min((tile % tiles) * WIDTH + lane, info.w / 8u - 1u);
        let block = i / (BLOCK / 8u);
        let u = i % (BLOCK / 8u);
        let m = (tile / tiles) * ROWS;
        var dy_at = array<u32, ROWS>();
        var l = array<vec4<f32>, ROWS>();
        var h = array<vec4<f32>, ROWS>();
        for (var r = 0u; r < ROWS; r++) { // unrolled
            dy_at[r] = min(m + r, info.x - 1u) * info.y;
        }
        for (var n = 0u; n < info.y; n += WIDTH) {
            var part = array<f32, ROWS>();
            for (var r = 0u; r < ROWS; r++) { // unrolled
                part[r] = select(0.0, numbers[dy_at[r] + min(n + lane, info.y - 1u)], n + lane < info.y);
            }
            for (var j = 0u; j < WIDTH; j++) { // unrolled
                let at = (min(n + j, info.y - 1u) * (info.w / BLOCK) + block) * BLOCK_WORDS;
                let q = unit(at, scales(at), u);
                for (var r = 0u; r < ROWS; r++) { // unrolled
                    let d = subgroupBroadcast(part[r], j);
                    l[r] += d * q.lo;
                    h[r] += d * q.hi;
                }
            }
        }
        let low = (block * BLOCK + lo(u)) / 4u;
        for (var r = 0u; r < ROWS; r++) { // unrolled
            if (m + r < info.x) {
                dx[(m + r) * (info.w / 4u) + low] = l[r];
                dx[(m + r) * (info.w / 4u) + low + HI / 4u] = h[r];
            }
        }
    }
}
