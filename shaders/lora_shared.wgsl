// The products of `lora.wgsl` on software devices, where the lanes of a subgroup load WIDTH numbers of a row together and
// pass them around, as in `quant_shared.wgsl`. Follows `lora.wgsl`.

const WIDTH: u32 = 8u; // lanes of a subgroup, which is a workgroup
const ROWS: u32 = 8u; // of I for an invocation

// An invocation: ROWS of I, one of J.
@compute @workgroup_size(WIDTH)
fn narrow_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (info[0].y + WIDTH - 1u) / WIDTH;
    for (var tile = group.x; tile < tiles * ((info[0].x + ROWS - 1u) / ROWS); tile += groups.x) {
        let i = (tile / tiles) * ROWS;
        let j = (tile % tiles) * WIDTH + lane;
        let m_at = min(j, info[0].y - 1u) * info[1].z;
        var sum = array<f32, ROWS>();
        for (var k = 0u; k < info[0].z; k += WIDTH) {
            let k_at = min(k + lane, info[0].z - 1u) * info[1].y;
            var part = array<f32, ROWS>();
            var eight = array<f32, ROWS>();
            for (var r = 0u; r < ROWS; r++) { // unrolled
                part[r] = x[min(i + r, info[0].x - 1u) * info[1].x + k_at];
            }
            for (var q = 0u; q < WIDTH; q++) { // unrolled
                if (k + q < info[0].z) {
                    let factor = m[m_at + (k + q) * info[1].w];
                    for (var r = 0u; r < ROWS; r++) { // unrolled
                        eight[r] += subgroupBroadcast(part[r], q) * factor;
                    }
                }
            }
            for (var r = 0u; r < ROWS; r++) { // unrolled
                sum[r] += eight[r];
            }
        }
        for (var r = 0u; r < ROWS; r++) { // unrolled
            if (i + r < info[0].x && j < info[0].y) {
                y[(i + r) * info[2].x + j * info[2].y] = sum[r] * bitcast<f32>(info[0].w);
            }
        }
    }
}

// An invocation: ROWS of I, 8 of J that lie WIDTH apart.
@compute @workgroup_size(WIDTH)
fn wide_shared(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (info[0].y + WIDTH * 8u - 1u) / (WIDTH * 8u);
    for (var tile = group.x; tile < tiles * ((info[0].x + ROWS - 1u) / ROWS); tile += groups.x) {
        let i = (tile / tiles) * ROWS;
        let j = (tile % tiles) * WIDTH * 8u + lane;
        var m_at = array<u32, 8>();
        var sum = array<f32, ROWS * 8u>();
        for (var c = 0u; c < 8u; c++) { // unrolled
            m_at[c] = min(j + c * WIDTH, info[0].y - 1u) * info[1].z;
        }
        for (var k = 0u; k < info[0].z; k += WIDTH) {
            let k_at = min(k + lane, info[0].z - 1u) * info[1].y;
            var part = array<f32, ROWS>();
            for (var r = 0u; r < ROWS; r++) { // unrolled
                part[r] = x[min(i + r, info[0].x - 1u) * info[1].x + k_at];
            }
            for (var q = 0u; q < WIDTH; q++) { // unrolled
                if (k + q < info[0].z) {
                    var factor = array<f32, 8>();
                    for (var c = 0u; c < 8u; c++) { // unrolled
                        factor[c] = m[m_at[c] + (k + q) * info[1].w];
                    }
                    for (var r = 0u; r < ROWS; r++) { // unrolled
                        let number = subgroupBroadcast(part[r], q);
                        for (var c = 0u; c < 8u; c++) { // unrolled
                            sum[r * 8u + c] += number * factor[c];
                        }
                    }
                }
            }
        }
        for (var r = 0u; r < ROWS; r++) { // unrolled
            for (var c = 0u; c < 8u; c++) { // unrolled
                let column = j + c * WIDTH;
                if (i + r < info[0].x && column < info[0].y) {
                    let at = (i + r) * info[2].x + column * info[2].y;
                    y[at] = sum[r * 8u + c] + select(0.0, y[at], ADD == 1u);
                }
            }
        }
    }
}
