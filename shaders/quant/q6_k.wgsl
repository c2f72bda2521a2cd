// Q6_K: 128 bytes of nibbles, 64 of high bits, 16 signed scales, f16 d (a word of its own here); x = d·scale·(q − 32).
const BLOCK: u32 = 256u;
const BLOCK_WORDS: u32 = 53u;
const HI: u32 = 64u; // distance of a unit's two halves, in elements

fn scales(block: u32) -> vec2<f32> {
    return unpack2x16float(w[block + 52u]);
}

fn lo(unit: u32) -> u32 {
    return (unit / 16u) * 128u + (unit % 16u) * 4u;
}

// d·scale of sub-block `s` of 16.
fn sub_scale(block: u32, d: f32, s: u32) -> f32 {
    let word = i32(w[block + 48u + s / 4u]);
    return d * f32((word << (24u - (s % 4u) * 8u)) >> 24u);
}

fn unit(block: u32, scale: vec2<f32>, u: u32) -> Unit {
    let part = u / 16u;
    let at = u % 16u;
    let q = w[block + part * 16u + at];
    let high = w[block + 32u + part * 8u + at % 8u] >> ((at / 8u) * 2u);
    let s = part * 8u + at / 4u;
    return Unit(
        sub_scale(block, scale.x, s) * six(q, high),
        sub_scale(block, scale.x, s + 4u) * six(q >> 4u, high >> 4u),
    );
}

// Four nibbles at the bytes' low ends with those bytes' two lowest bits of `high` above them, less 32.
fn six(q: u32, high: u32) -> vec4<f32> {
    let bytes = vec4(0u, 8u, 16u, 24u);
    return vec4<f32>(((vec4(q) >> bytes) & vec4(15u)) | (((vec4(high) >> bytes) & vec4(3u)) << vec4(4u))) - 32.0;
}
