// Q5_1: f16 d, f16 m, 32 high bits, 16 bytes of nibbles; x = d·q + m.
const BLOCK: u32 = 32u;
const BLOCK_WORDS: u32 = 6u;
const HI: u32 = 16u; // distance of a unit's two halves, in elements

fn scales(block: u32) -> vec2<f32> {
    return unpack2x16float(w[block]);
}

fn lo(unit: u32) -> u32 {
    return unit * 4u;
}

fn unit(block: u32, scale: vec2<f32>, u: u32) -> Unit {
    let high = w[block + 1u] >> (u * 4u);
    let q = w[block + 2u + u];
    return Unit(scale.x * five(q, high) + scale.y, scale.x * five(q >> 4u, high >> 16u) + scale.y);
}

// Four nibbles at the bytes' low ends with the low four bits of `high` above them.
fn five(q: u32, high: u32) -> vec4<f32> {
    let low = (vec4(q) >> vec4(0u, 8u, 16u, 24u)) & vec4(15u);
    return vec4<f32>(low | (((vec4(high) >> vec4(0u, 1u, 2u, 3u)) & vec4(1u)) << vec4(4u)));
}
