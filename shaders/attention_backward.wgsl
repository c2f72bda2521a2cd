const LANES: u32 = 32u;
@compute @workgroup_size(LANES)
fn dummy() {}
