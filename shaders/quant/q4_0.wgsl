// Q4_0: f16 d (a word of its own here), 16 bytes of nibbles, low ones first; x = d·(q − 8).
const BLOCK: u32 = 32u;
const BLOCK_WORDS: u32 = 5u;
const HI: u32 = 16u; // distance of a unit's two halves, in elements

fn scales(block: u32) -> vec2<f32> {
    let d = unpack2x16float(w[block]).x;
    return vec2(d, -8.0 * d);
}

fn lo(unit: u32) -> u32 {
    return unit * 4u;
}

fn unit(block: u32, scale: vec2<f32>, u: u32) -> Unit {
    let q = w[block + 1u + u];
    return Unit(scale.x * nibbles(q) + scale.y, scale.x * nibbles(q >> 4u) + scale.y);
}

fn nibbles(q: u32) -> vec4<f32> {
    return vec4<f32>((vec4(q) >> vec4(0u, 8u, 16u, 24u)) & vec4(15u));
}
