// F32: a word an element.
const BLOCK: u32 = 8u; // elements; rows are padded to whole blocks
const BLOCK_WORDS: u32 = 8u;
const HI: u32 = 4u; // distance of a unit's two halves, in elements

fn scales(block: u32) -> vec2<f32> {
    return vec2<f32>();
}

fn lo(unit: u32) -> u32 {
    return 0u;
}

fn unit(block: u32, scale: vec2<f32>, u: u32) -> Unit {
    return Unit(
        vec4(bitcast<f32>(w[block]), bitcast<f32>(w[block + 1u]), bitcast<f32>(w[block + 2u]), bitcast<f32>(w[block + 3u])),
        vec4(bitcast<f32>(w[block + 4u]), bitcast<f32>(w[block + 5u]), bitcast<f32>(w[block + 6u]), bitcast<f32>(w[block + 7u])),
    );
}
