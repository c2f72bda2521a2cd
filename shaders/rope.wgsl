// Rotary position embedding over [tokens, HEADS, HEAD_DIM]. Su et al. 2021, arXiv 2104.09864.
// One invocation takes a pair of every head of a token, or an element behind the pairs, which it copies.

const HEADS: u32 = 1u;
const HEAD_DIM: u32 = 8u;
const PAIRS: u32 = 4u;
const INTERLEAVED: u32 = 0u;
const SCALE: f32 = 1.0;
const LANES: u32 = 64u;

const SLOTS: u32 = HEAD_DIM - PAIRS;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read> frequencies: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> info: vec4<u32>; // tokens, 1 to rotate back, 0, 0

// (cos, sin) to about 1e-7 for angles up to 2^17, where WGSL promises its own no accuracy at all.
//
// π/2 is split into two short numbers, whose products with the number of quarter turns are exact, and a rest; what
// remains is within ±π/4, where the polynomials are those of Moshier's Cephes (sinf.c).
fn cos_sin(angle: f32) -> vec2<f32> {
    let quarters = round(angle * 0.63661977);
    let r = fma(-quarters, -4.454455e-6, fma(-quarters, 0.00830078125, fma(-quarters, 1.5625, angle)));
    let z = r * r;
    let s = fma(r * z, fma(z, fma(z, -1.9515296e-4, 8.332161e-3), -0.16666655), r);
    let c = fma(z * z, fma(z, fma(z, 2.4433157e-5, -1.3887316e-3), 4.1666646e-2), fma(z, -0.5, 1.0));
    let quadrant = u32(quarters) % 4u;
    let swapped = select(vec2(c, s), vec2(-s, c), quadrant % 2u == 1u);
    return select(swapped, -swapped, quadrant > 1u);
}

fn rotate(head: u32, pair: u32, turn: vec2<f32>) {
    let first = head + select(pair, 2u * pair, INTERLEAVED == 1u);
    let second = first + select(PAIRS, 1u, INTERLEAVED == 1u);
    let a = x[first];
    let b = x[second];
    y[first] = a * turn.x - b * turn.y;
    y[second] = b * turn.x + a * turn.y;
}

@compute @workgroup_size(LANES)
fn forward(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var item = id.x; item < info.x * SLOTS; item += groups.x * LANES) {
        let token = item / SLOTS;
        let slot = item % SLOTS;
        let first = token * HEADS * HEAD_DIM;
        if (slot < PAIRS) {
            var turn = SCALE * cos_sin(f32(positions[token]) * frequencies[slot]);
            turn.y = select(turn.y, -turn.y, info.y == 1u);
            for (var head = 0u; head < HEADS; head++) {
                rotate(first + head * HEAD_DIM, slot, turn);
            }
        } else {
            for (var head = 0u; head < HEADS; head++) {
                let rest = first + head * HEAD_DIM + PAIRS + slot;
                y[rest] = x[rest];
            }
        }
    }
}
