// RMSNorm over rows of COLS numbers: r = 1/√(mean(x²) + EPS), y = x·r·w. Zhang & Sennrich 2019, arXiv 1910.07467.
// One workgroup takes a row (`forward`, `add_forward`, `backward_input`) or a column (`backward_weight`).

const COLS: u32 = 8u;
const EPS: f32 = 1e-5;
const LANES: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;

// forward
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<uniform> info: vec4<u32>; // rows, 0, 0, 0

// add_forward
@group(0) @binding(1) var<storage, read> residual: array<f32>;
@group(0) @binding(2) var<storage, read> add_weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> sum: array<f32>;
@group(0) @binding(4) var<storage, read_write> add_y: array<f32>;
@group(0) @binding(5) var<storage, read_write> add_rstd: array<f32>;
@group(0) @binding(6) var<uniform> add_info: vec4<u32>;

// backward_input, which reads the weight too
@group(0) @binding(2) var<storage, read> saved_rstd: array<f32>;
@group(0) @binding(3) var<storage, read> grad: array<f32>;
@group(0) @binding(4) var<storage, read_write> grad_x: array<f32>;
@group(0) @binding(5) var<uniform> input_info: vec4<u32>;

// backward_weight, which shares forward's info
@group(0) @binding(1) var<storage, read> weight_rstd: array<f32>;
@group(0) @binding(2) var<storage, read> weight_grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad_w: array<f32>;

var<workgroup> partial: array<f32, LANES>;

// Sum of `value` over the workgroup, the same number in every lane.
fn workgroup_sum(lane: u32, value: f32) -> f32 {
    partial[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            partial[lane] += partial[lane + half];
        }
        workgroupBarrier();
    }
    let total = partial[0];
    workgroupBarrier();
    return total;
}

@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var row = group.x; row < info.x; row += groups.x) {
        let start = row * COLS;
        var squares = 0.0;
        for (var col = lane; col < COLS; col += LANES) {
            squares += x[start + col] * x[start + col];
        }
        let r = inverseSqrt(workgroup_sum(lane, squares) / f32(COLS) + EPS);
        for (var col = lane; col < COLS; col += LANES) {
            y[start + col] = x[start + col] * r * weight[col];
        }
        if (lane == 0u) {
            rstd[row] = r;
        }
    }
}

// The norm of x + residual. Each lane reads back only what it wrote.
@compute @workgroup_size(LANES)
fn add_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var row = group.x; row < add_info.x; row += groups.x) {
        let start = row * COLS;
        var squares = 0.0;
        for (var col = lane; col < COLS; col += LANES) {
            let value = x[start + col] + residual[start + col];
            sum[start + col] = value;
            squares += value * value;
        }
        let r = inverseSqrt(workgroup_sum(lane, squares) / f32(COLS) + EPS);
        for (var col = lane; col < COLS; col += LANES) {
            add_y[start + col] = sum[start + col] * r * add_weight[col];
        }
        if (lane == 0u) {
            add_rstd[row] = r;
        }
    }
}

// ∂x = r·(g·w) − x·r³·mean(g·w·x)
@compute @workgroup_size(LANES)
fn backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var row = group.x; row < input_info.x; row += groups.x) {
        let start = row * COLS;
        var dot = 0.0;
        for (var col = lane; col < COLS; col += LANES) {
            dot += grad[start + col] * weight[col] * x[start + col];
        }
        let r = saved_rstd[row];
        let along = workgroup_sum(lane, dot) / f32(COLS) * r * r;
        for (var col = lane; col < COLS; col += LANES) {
            grad_x[start + col] = r * (grad[start + col] * weight[col] - x[start + col] * along);
        }
    }
}

// ∂w = Σ_rows g·x·r
@compute @workgroup_size(LANES)
fn backward_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var col = group.x; col < COLS; col += groups.x) {
        var sum = 0.0;
        for (var row = lane; row < info.x; row += LANES) {
            sum += weight_grad[row * COLS + col] * x[row * COLS + col] * weight_rstd[row];
        }
        let total = workgroup_sum(lane, sum);
        if (lane == 0u) {
            grad_w[col] = total;
        }
    }
}
