// Q4_K: f16 d, f16 dmin, eight 6-bit scales and mins in 12 bytes, 128 bytes of nibbles; x = d·scale·q − dmin·min.
const BLOCK: u32 = 256u;
const BLOCK_WORDS: u32 = 36u;
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
    let q = w[block + 4u + u];
    let low = sub_scales(block, scale, (u / 8u) * 2u);
    let high = sub_scales(block, scale, (u / 8u) * 2u + 1u);
    return Unit(low.x * nibbles(q) + low.y, high.x * nibbles(q >> 4u) + high.y);
}

fn nibbles(q: u32) -> vec4<f32> {
    return vec4<f32>((vec4(q) >> vec4(0u, 8u, 16u, 24u)) & vec4(15u));
}
