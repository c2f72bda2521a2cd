// Gated unit: y = act(gate)·up with act(g) = g·σ(h(g)). Shazeer 2020, arXiv 2002.05202.
// SiLU has h = g; GELU's tanh form is the same with h = √(8/π)·(g + 0.044715·g³), since 1 + tanh(z) = 2σ(2z).

const GELU: u32 = 0u;
const LANES: u32 = 64u;

@group(0) @binding(0) var<storage, read> gate: array<f32>;
@group(0) @binding(1) var<storage, read> up: array<f32>;

// forward
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> info: vec4<u32>; // numbers, 0, 0, 0

// backward
@group(0) @binding(2) var<storage, read> grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad_gate: array<f32>;
@group(0) @binding(4) var<storage, read_write> grad_up: array<f32>;
@group(0) @binding(5) var<uniform> backward_info: vec4<u32>;

// (σ(h), h') at g. Beyond ±87 exp leaves f32's range, and what WGSL then returns is up to the device.
fn sigmoid(g: f32) -> vec2<f32> {
    var h = g;
    var slope = 1.0;
    if (GELU == 1u) {
        h = 1.5957691 * fma(0.044715 * g * g, g, g);
        slope = 1.5957691 * fma(0.134145 * g, g, 1.0);
    }
    return vec2(1.0 / (1.0 + exp(clamp(-h, -87.0, 87.0))), slope);
}

@compute @workgroup_size(LANES)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = id.x; i < info.x; i += groups.x * LANES) {
        y[i] = gate[i] * sigmoid(gate[i]).x * up[i];
    }
}

// act' = σ + g·σ·(1 − σ)·h'
@compute @workgroup_size(LANES)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var i = id.x; i < backward_info.x; i += groups.x * LANES) {
        let g = gate[i];
        let s = sigmoid(g);
        grad_up[i] = grad[i] * g * s.x;
        grad_gate[i] = grad[i] * up[i] * fma(g * s.x * (1.0 - s.x), s.y, s.x);
    }
}
