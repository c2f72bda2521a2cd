// Cross-entropy of rows of logits and, in the logits' place, its gradient. A workgroup takes a row and goes through it
// twice: maximum and sum are found together (Milakov & Gimelshein 2018, arXiv 1805.02867).

const SOFT_CAP: f32 = 0.0; // 0: none
const LANES: u32 = 256u;

const LOWEST: f32 = -3e38;
const NOT_FINITE: u32 = 0x7f800000u;

@group(0) @binding(0) var<storage, read> targets: array<u32>;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>; // becomes the gradient
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<uniform> info: vec4<u32>; // rows, vocabulary, and by their bits scale and NaN

var<workgroup> tops: array<f32, LANES>;
var<workgroup> totals: array<f32, LANES>; // Σ exp(l − top)
var<workgroup> sizes: array<u32, LANES>; // largest |x|, by its bits: compilers may take for granted that no NaN occurs

// l = SOFT_CAP·tanh(x / SOFT_CAP) and its slope. Beyond ±87 exp leaves f32's range.
fn capped(x: f32) -> vec2<f32> {
    if (SOFT_CAP == 0.0) {
        return vec2(x, 1.0);
    }
    let rest = 2.0 / (exp(clamp(2.0 * x / SOFT_CAP, -87.0, 87.0)) + 1.0);
    return vec2(SOFT_CAP * (1.0 - rest), rest * (2.0 - rest));
}

fn share(l: f32, top: f32) -> f32 {
    return exp(max(l - top, -87.0));
}

fn join(lane: u32, other: u32) {
    let top = max(tops[lane], tops[other]);
    totals[lane] = totals[lane] * share(tops[lane], top) + totals[other] * share(tops[other], top);
    tops[lane] = top;
    sizes[lane] = max(sizes[lane], sizes[other]);
}

@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var row = group.x; row < info.x; row += groups.x) {
        let start = row * info.y;
        let labelled = targets[row];
        let target_logit = capped(logits[start + min(labelled, info.y - 1u)]).x;
        var top = LOWEST;
        var total = 0.0;
        var size = 0u;
        for (var col = lane; col < info.y; col += LANES) {
            let x = logits[start + col];
            let l = capped(x).x;
            let smaller = share(-abs(l - top), 0.0);
            total = select(total + smaller, total * smaller + 1.0, l > top);
            top = max(top, l);
            size = max(size, bitcast<u32>(x) & 0x7fffffffu);
        }
        tops[lane] = top;
        totals[lane] = total;
        sizes[lane] = size;
        workgroupBarrier();
        for (var half = LANES / 2u; half > 0u; half /= 2u) {
            if (lane < half) {
                join(lane, lane + half);
            }
            workgroupBarrier();
        }
        top = tops[0];
        total = totals[0];
        let valid = labelled < info.y && sizes[0] < NOT_FINITE;
        workgroupBarrier();
        if (lane == 0u) {
            losses[row] = select(bitcast<f32>(info.w), log(total) + (top - target_logit), valid);
        }
        let scale = bitcast<f32>(select(info.w, info.z, valid));
        for (var col = lane; col < info.y; col += LANES) {
            let l = capped(logits[start + col]);
            let wrong = share(l.x, top) / total - select(0.0, 1.0, col == labelled);
            logits[start + col] = scale * wrong * l.y;
        }
    }
}
