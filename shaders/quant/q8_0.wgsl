// Q8_0: f16 d (a word of its own here), 32 signed bytes; x = d·q.
const BLOCK: u32 = 32u;
const BLOCK_WORDS: u32 = 9u;
const HI: u32 = 4u; // distance of a unit's two halves, in elements

fn scales(block: u32) -> vec2<f32> {
    return unpack2x16float(w[block]);
}

fn lo(unit: u32) -> u32 {
    return unit * 8u;
}

fn unit(block: u32, scale: vec2<f32>, u: u32) -> Unit {
    let at = block + 1u + u * 2u;
    return Unit(scale.x * vec4<f32>(signed(w[at])), scale.x * vec4<f32>(signed(w[at + 1u])));
}

fn signed(word: u32) -> vec4<i32> {
    let s = i32(word);
    return vec4(s << 24u, s << 16u, s << 8u, s) >> vec4(24u);
}
