//! Every shader validates alone, with its default constants, by naga.

use naga::valid::Capabilities;
use smolder_kernels::wgsl::shaders;
use std::collections::BTreeSet;
use std::path::Path;

fn validate(source: &str, more: Capabilities) -> Result<naga::Module, String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let mut validator = naga::valid::Validator::new(
        naga::valid::ValidationFlags::all(),
        // What every WebGPU device has: no f16 and no subgroups, but `unpack2x16float`.
        Capabilities::SHADER_FLOAT16_IN_FLOAT32 | more,
    );
    if more.contains(Capabilities::SUBGROUP) {
        validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE);
        validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
    }
    validator.validate(&module).map_err(|error| error.emit_to_string(source))?;
    Ok(module)
}

#[test]
fn every_shader_validates_alone() {
    for shader in shaders() {
        let shared = shader.name.contains("_shared");
        let more = if shared { Capabilities::SUBGROUP } else { Capabilities::empty() };
        let module =
            validate(&shader.text(), more).unwrap_or_else(|error| panic!("{}.wgsl: {error}", shader.name));
        assert!(!module.entry_points.is_empty(), "{}.wgsl has no entry point", shader.name);
    }
}

#[allow(clippy::unwrap_used, reason = "what is missing fails the test")]
fn wgsl_files(folder: &str) -> BTreeSet<String> {
    std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

/// A shader for several layouts is registered once a layout, as `shader.layout`.
#[test]
fn every_file_is_registered() {
    let first = |name: &str| name.split('.').next().unwrap().to_owned();
    assert_eq!(wgsl_files("."), shaders().map(|shader| first(shader.name)).collect());
    let layout = |name: &'static str| name.strip_prefix("quant.").map(str::to_owned);
    assert_eq!(wgsl_files("quant"), shaders().filter_map(|shader| layout(shader.name)).collect());
}

#[test]
fn a_broken_shader_is_refused() {
    let refused = |source| validate(source, Capabilities::empty()).is_err();
    assert!(refused("@compute @workgroup_size(1) fn main() { let a: u32 = 1.5; }"));
    assert!(refused("@compute @workgroup_size(1) fn main() { let a = subgroupBroadcast(1.5, 0u); }"));
}
