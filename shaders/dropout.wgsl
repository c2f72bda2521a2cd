// Dropout (Srivastava et al. 2014, JMLR 15) whose mask is a hash of index and seed: integers alone, the same everywhere.

const LANES: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> info: vec4<u32>; // numbers, seed, threshold, and by its bits 1/(1 − rate)

// Wellons' lowbias32: each bit of the result depends on each of the word.
fn hash(word: u32) -> u32 {
    var h = (word ^ (word >> 16u)) * 0x7feb352du;
    h = (h ^ (h >> 15u)) * 0x846ca68bu;
    return h ^ (h >> 16u);
}

@compute @workgroup_size(LANES)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = id.x; i < info.x; i += groups.x * LANES) {
        y[i] = select(0.0, x[i] * bitcast<f32>(info.w), hash(hash(i) + info.y) >= info.z);
    }
}
