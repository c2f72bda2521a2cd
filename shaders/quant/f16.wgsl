// F16: two elements a word.
const BLOCK: u32 = 8u; // elements; rows are padded to whole blocks
const BLOCK_WORDS: u32 = 4u;
const HI: u32 = 4u; // distance of a unit's two halves, in elements

fn scales(block: u32) -> vec2<f32> {
    return vec2<f32>();
}

fn lo(unit: u32) -> u32 {
    return 0u;
}

fn unit(block: u32, scale: vec2<f32>, u: u32) -> Unit {
    return Unit(
        vec4(unpack2x16float(w[block]), unpack2x16float(w[block + 1u])),
        vec4(unpack2x16float(w[block + 2u]), unpack2x16float(w[block + 3u])),
    );
}
