// Q5_K: Q4_K with a fifth bit: f16 d, f16 dmin, 12 bytes of scales and mins, 32 bytes of high bits, 128 of nibbles.
const BLOCK: u32 = 256u;
const BLOCK_WORDS: u32 = 44u;
const HI: u32 = 32u; // distance of a unit's two halves, in elements

fn scales(block: u32) -> vec2<f32> {
    return unpack2x16float(w[block]);
}

fn lo(unit: u32) -> u32 {
    return (unit / 8u) * 64u + (unit % 8u) * 4u;
}

// d·scale and −dmin·min of sub-block `s` of 8.
fn sub_scales(block: u32, scale: vec2<f32>, s: u32) -> vec2<f32> {
    let shift = (s % 4u) * 8u;
    let first = w[block + 1u] >> shift;
    let second = w[block + 2u] >> shift;
    var q = vec2(first & 63u, second & 63u);
    if (s >= 4u) {
        let third = w[block + 3u] >> shift;
        q = vec2((third & 15u) | (((first >> 6u) & 3u) << 4u), ((third >> 4u) & 15u) | (((second >> 6u) & 3u) << 4u));
    }
    return scale * vec2<f32>(q) * vec2(1.0, -1.0);
}

fn unit(block: u32, scale: vec2<f32>, u: u32) -> Unit {
    let q = w[block + 12u + u];
    let pair = (u / 8u) * 2u;
    let high = w[block + 4u + u % 8u] >> pair;
    let first = sub_scales(block, scale, pair);
    let second = sub_scales(block, scale, pair + 1u);
    return Unit(first.x * five(q, high) + first.y, second.x * five(q >> 4u, high >> 1u) + second.y);
}

// Four nibbles at the bytes' low ends with those bytes' lowest bit of `high` above them.
fn five(q: u32, high: u32) -> vec4<f32> {
    let bytes = vec4(0u, 8u, 16u, 24u);
    return vec4<f32>(((vec4(q) >> bytes) & vec4(15u)) | (((vec4(high) >> bytes) & vec4(1u)) << vec4(4u)));
}
