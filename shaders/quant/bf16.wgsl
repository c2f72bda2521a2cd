// BF16: two elements a word, each the upper half of an f32.
const BLOCK: u32 = 8u; // elements; rows are padded to whole blocks
const BLOCK_WORDS: u32 = 4u;
const HI: u32 = 4u; // distance of a unit's two halves, in elements

fn scales(block: u32) -> vec2<f32> {
    return vec2<f32>();
}

fn lo(unit: u32) -> u32 {
    return 0u;
}

fn pair(word: u32) -> vec2<f32> {
    return vec2(bitcast<f32>(word << 16u), bitcast<f32>(word & 0xffff0000u));
}

fn unit(block: u32, scale: vec2<f32>, u: u32) -> Unit {
    return Unit(vec4(pair(w[block]), pair(w[block + 1u])), vec4(pair(w[block + 2u]), pair(w[block + 3u])));
}
