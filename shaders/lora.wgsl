// The products of a low-rank change (LoRA), in each of which one side is narrow. `narrow`: y[i, j] = s·Σ_k x[i, k]·m[j, k]
// with few j, its invocations sharing k. `wide`: y[i, j] (+)= Σ_k x[i, k]·m[j, k] with few k. Strides say how x, m and y
// lie, so that each product of the backward is one of the two.

const LANES: u32 = 64u;
const ADD: u32 = 0u; // whether `wide` adds to what y holds

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> m: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// I, J, K, bits of s; strides of x along i and k, of m along j and k; of y along i and j, 0, 0
@group(0) @binding(3) var<uniform> info: array<vec4<u32>, 3>;

// Where rows i..i+4 of x start, the last one again behind the end.
fn rows_of_x(i: u32) -> vec4<u32> {
    return min(vec4(i) + vec4(0u, 1u, 2u, 3u), vec4(info[0].x - 1u)) * info[1].x;
}

fn store(i: u32, j: u32, sum: vec4<f32>) {
    let at = i * info[2].x + j * info[2].y;
    if (i + 0u < info[0].x) { y[at + 0u * info[2].x] = sum.x; }
    if (i + 1u < info[0].x) { y[at + 1u * info[2].x] = sum.y; }
    if (i + 2u < info[0].x) { y[at + 2u * info[2].x] = sum.z; }
    if (i + 3u < info[0].x) { y[at + 3u * info[2].x] = sum.w; }
}

var<workgroup> partial: array<vec4<f32>, LANES * 8u>;

// A workgroup: 4 of I, 8 of J.
@compute @workgroup_size(LANES)
fn narrow(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (info[0].y + 7u) / 8u;
    for (var tile = group.x; tile < tiles * ((info[0].x + 3u) / 4u); tile += groups.x) {
        let i = (tile / tiles) * 4u;
        let j = (tile % tiles) * 8u;
        let at = rows_of_x(i);
        let low = min(vec4(j) + vec4(0u, 1u, 2u, 3u), vec4(info[0].y - 1u)) * info[1].z;
        let high = min(vec4(j) + vec4(4u, 5u, 6u, 7u), vec4(info[0].y - 1u)) * info[1].z;
        var sum = array<vec4<f32>, 8>();
        for (var k = lane; k < info[0].z; k += LANES) {
            let p = at + k * info[1].y;
            let q = vec4(x[p.x], x[p.y], x[p.z], x[p.w]);
            let l = low + k * info[1].w;
            let h = high + k * info[1].w;
            sum[0] += q * m[l.x];
            sum[1] += q * m[l.y];
            sum[2] += q * m[l.z];
            sum[3] += q * m[l.w];
            sum[4] += q * m[h.x];
            sum[5] += q * m[h.y];
            sum[6] += q * m[h.z];
            sum[7] += q * m[h.w];
        }
        for (var c = 0u; c < 8u; c++) { // unrolled
            partial[lane * 8u + c] = sum[c];
        }
        workgroupBarrier();
        for (var c = lane; c < min(8u, info[0].y - j); c += LANES) {
            var total = vec4<f32>();
            for (var other = 0u; other < LANES; other++) {
                total += partial[other * 8u + c];
            }
            store(i, j + c, total * bitcast<f32>(info[0].w));
        }
        workgroupBarrier();
    }
}

// An invocation: 4 of I, 8 of J that lie LANES apart.
@compute @workgroup_size(LANES)
fn wide(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (info[0].y + LANES * 8u - 1u) / (LANES * 8u);
    for (var tile = group.x; tile < tiles * ((info[0].x + 3u) / 4u); tile += groups.x) {
        let i = (tile / tiles) * 4u;
        let j = (tile % tiles) * LANES * 8u + lane;
        let at = rows_of_x(i);
        let near = vec4(j) + LANES * vec4(0u, 1u, 2u, 3u);
        let low = min(near, vec4(info[0].y - 1u)) * info[1].z;
        let high = min(near + LANES * 4u, vec4(info[0].y - 1u)) * info[1].z;
        var sum = array<vec4<f32>, 8>();
        for (var k = 0u; k < info[0].z; k++) {
            let p = at + k * info[1].y;
            let q = vec4(x[p.x], x[p.y], x[p.z], x[p.w]);
            let l = low + k * info[1].w;
            let h = high + k * info[1].w;
            sum[0] += q * m[l.x];
            sum[1] += q * m[l.y];
            sum[2] += q * m[l.z];
            sum[3] += q * m[l.w];
            sum[4] += q * m[h.x];
            sum[5] += q * m[h.y];
            sum[6] += q * m[h.z];
            sum[7] += q * m[h.w];
        }
        for (var c = 0u; c < 8u; c++) { // unrolled
            let column = j + c * LANES;
            if (column < info[0].y) {
                store(i, column, sum[c] + held(i, column));
            }
        }
    }
}

// What y holds, where `wide` adds to it.
fn held(i: u32, j: u32) -> vec4<f32> {
    if (ADD == 0u) {
        return vec4<f32>();
    }
    let last = info[0].x - 1u;
    let at = min(vec4(i) + vec4(0u, 1u, 2u, 3u), vec4(last)) * info[2].x + j * info[2].y;
    return vec4(y[at.x], y[at.y], y[at.z], y[at.w]);
}
