// A step of AdamW in place. Loshchilov & Hutter 2019, arXiv 1711.05101, in the order of torch.optim.AdamW.

const MEAN_SHARE: f32 = 0.1; // 1 − β1
const BETA2: f32 = 0.999;
const VARIANCE_SHARE: f32 = 0.001; // 1 − β2
const EPSILON: f32 = 1e-8;
const LANES: u32 = 64u;

const NOT_FINITE: u32 = 0x7f800000u;

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(3) var<storage, read_write> mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> variance: array<f32>;
@group(0) @binding(5) var<uniform> info: vec4<u32>; // numbers, and by their bits 1 − rate·decay, rate/(1 − β1ᵗ), √(1 − β2ᵗ)

@compute @workgroup_size(LANES)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    if ((bitcast<u32>(factor[0]) & NOT_FINITE) == NOT_FINITE) {
        return;
    }
    for (var i = id.x; i < info.x; i += groups.x * LANES) {
        let g = gradient[i] * factor[0];
        let m = mean[i] + MEAN_SHARE * (g - mean[i]);
        let v = variance[i] * BETA2 + VARIANCE_SHARE * g * g;
        let root = sqrt(v) / bitcast<f32>(info.w) + EPSILON;
        mean[i] = m;
        variance[i] = v;
        parameter[i] = parameter[i] * bitcast<f32>(info.y) - bitcast<f32>(info.z) * m / root;
    }
}
