// What a device can do at most, for benchmarks: multiply-adds without memory, and memory without arithmetic.

const LANES: u32 = 64u;
const CHAINS: u32 = 2u; // vec4s of an invocation, whose sums do not wait for each other

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> info: vec4<u32>; // vec4s, rounds, 0, 0

@compute @workgroup_size(LANES)
fn multiply_add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = id.x; i < info.x / CHAINS; i += groups.x * LANES) {
        var sums: array<vec4<f32>, CHAINS>;
        for (var c = 0u; c < CHAINS; c++) { // unrolled
            sums[c] = x[i * CHAINS + c];
        }
        for (var round = 0u; round < info.y; round++) {
            for (var c = 0u; c < CHAINS; c++) { // unrolled
                sums[c] = fma(sums[c], vec4(-0.5), vec4(1.0));
            }
        }
        for (var c = 0u; c < CHAINS; c++) { // unrolled
            y[i * CHAINS + c] = sums[c];
        }
    }
}

@compute @workgroup_size(LANES)
fn copy(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = id.x; i < info.x; i += groups.x * LANES) {
        y[i] = x[i];
    }
}
