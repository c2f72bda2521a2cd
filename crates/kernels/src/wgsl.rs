//! What every kernel shares: specialising a shader, launching it, counting launches.
//!
//! A shader file declares its parameters as `const NAME: type = default;`, so that it validates alone; a launch
//! replaces the defaults. What changes from call to call travels in a small uniform instead, so that a new number
//! of rows never compiles a new pipeline.

use burn::tensor::{DType, Shape};
use burn_wgpu::{CubeTensor, KernelSource, SourceKernel, SourceTemplate, into_contiguous};
use cubecl::ir::attributes::BufferIOAttr;
use cubecl::prelude::KernelId;
use cubecl::server::{KernelArguments, MetadataBindingInfo};
use cubecl::{CubeCount, CubeDim};
use std::cell::Cell;
use std::hash::{Hash, Hasher};

/// WebGPU's default `maxComputeWorkgroupsPerDimension`: larger grids loop inside the shader.
pub const MAX_WORKGROUPS: u32 = 65_535;

/// Every shader of the crate, for validation.
pub fn shaders() -> impl Iterator<Item = &'static Shader> {
    let quant = crate::quant::SHADERS.iter().map(|(_, shader)| shader);
    let others = [
        &crate::adamw::SHADER,
        &crate::attention::SHADER,
        &crate::attention::BACKWARD_SHADER,
        &crate::ceiling::SHADER,
        &crate::cross_entropy::SHADER,
        &crate::dropout::SHADER,
        &crate::gated_unit::SHADER,
        &crate::gradient_norm::SHADER,
        &crate::lora::SHADER,
        &crate::lora::SHARED_SHADER,
        &crate::rms_norm::SHADER,
        &crate::rope::SHADER,
    ];
    others.into_iter().chain(quant).chain(crate::quant::SHARED_SHADERS)
}

thread_local! {
    static LAUNCHES: Cell<u64> = const { Cell::new(0) };
    static PORTABLE: Cell<bool> = const { Cell::new(false) };
}

/// For as long as it lives, this thread launches the kernels that every device runs, also where others are faster: to
/// test and to measure the one beside the other.
#[derive(Debug)]
pub struct Portable(());

impl Portable {
    /// From now on.
    pub fn new() -> Self {
        PORTABLE.set(true);
        Self(())
    }
}

impl Default for Portable {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Portable {
    fn drop(&mut self) {
        PORTABLE.set(false);
    }
}

/// Launches of our shaders by this thread since it started. Benchmarks take differences.
pub fn launches() -> u64 {
    LAUNCHES.get()
}

/// One WGSL file.
#[derive(Debug)]
pub struct Shader {
    /// File name below `shaders/`, without `.wgsl`.
    pub name: &'static str,
    /// The file's text.
    pub source: &'static str,
}

impl Shader {
    /// What is compiled where no constant has another value than the file gives it.
    pub fn text(&self) -> String {
        crate::unroll::unroll(self.source)
    }
}

impl PartialEq for Shader {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Shader {}

/// By name, which is a file's and so unique: each launch hashes its kernel, and the text is long.
impl Hash for Shader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// Value of a shader's `const`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Const {
    /// `u32`
    U32(u32),
    /// `f32`, by its bits: a kernel's identity must be exact.
    F32(u32),
}

impl From<u32> for Const {
    fn from(value: u32) -> Self {
        Self::U32(value)
    }
}

impl From<f32> for Const {
    fn from(value: f32) -> Self {
        Self::F32(value.to_bits())
    }
}

impl Const {
    fn wgsl(self) -> String {
        match self {
            Self::U32(value) => format!("{value}u"),
            Self::F32(bits) => format!("{:e}f", f32::from_bits(bits)),
        }
    }
}

/// One entry point of a shader with its constants: all that decides the compiled text, and so also its identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    shader: &'static Shader,
    entry: &'static str,
    lanes: u32,
    consts: Vec<(&'static str, Const)>,
}

impl Kernel {
    /// The entry point `entry` of `shader`, with workgroups of `lanes` invocations (the shader's `LANES`).
    pub fn new(shader: &'static Shader, entry: &'static str, lanes: u32) -> Self {
        let consts = vec![("LANES", Const::U32(lanes))];
        Self { shader, entry, lanes, consts }
    }

    /// Sets the shader's `const` of this name.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Const>) -> Self {
        self.consts.push((name, value.into()));
        self
    }

    /// The WGSL that the device compiles.
    ///
    /// A constant that the shader does not declare leaves a line that no compiler accepts: a misspelt name fails
    /// the first launch instead of silently keeping the default.
    pub fn text(&self) -> String {
        let mut text = self.shader.source.replace(&format!("fn {}(", self.entry), "fn main(");
        for (name, value) in &self.consts {
            text = set_const(&text, name, *value)
                .unwrap_or_else(|| format!("{}.wgsl declares no const {name}", self.shader.name));
        }
        let text = crate::unroll::unroll(&text);
        if cfg!(target_family = "wasm") { text } else { share_pages(&text) }
    }

    /// Runs the kernel on `workgroups` workgroups (at most [`MAX_WORKGROUPS`]; the shader loops over the rest).
    ///
    /// Bindings in order: `inputs`, `outputs`, then `info` as a uniform of one `vec4<u32>` or an array of them. Tensors
    /// must be contiguous.
    pub fn launch<const N: usize>(
        self,
        inputs: &[&CubeTensor],
        outputs: &[&CubeTensor],
        info: [u32; N],
        workgroups: u32,
    ) {
        let Some(first) = outputs.first() else { return };
        let words = info.chunks(2).map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32).collect();
        // A launch that fails leaves only what it was to write as unusable: weights outlive it.
        let inputs = inputs.iter().map(|tensor| (tensor, BufferIOAttr::ReadOnly));
        let outputs = outputs.iter().map(|tensor| (tensor, BufferIOAttr::ReadWrite));
        let arguments = inputs.chain(outputs).fold(KernelArguments::new(), |arguments, (tensor, io)| {
            arguments.with_buffer_io(tensor.handle.clone().binding(), io)
        });
        let arguments = arguments.with_info(MetadataBindingInfo::custom(words));
        let dim = CubeDim::new_1d(self.lanes);
        let grid = CubeCount::Static(workgroups.clamp(1, MAX_WORKGROUPS), 1, 1);
        first.client.launch(Box::new(SourceKernel::new(self, dim)), grid, arguments);
        LAUNCHES.set(LAUNCHES.get() + 1);
    }
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.text())
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(self.clone())
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Replaces the default in the line `const NAME: type = default;`; `None` where there is no such line.
fn set_const(text: &str, name: &str, value: Const) -> Option<String> {
    let declaration = format!("const {name}:");
    let start = text.find(&declaration)?;
    let end = start + text[start..].find(';')?;
    let equals = start + text[start..end].find('=')?;
    Some(format!("{}= {}{}", &text[..equals], value.wgsl(), &text[end..]))
}

/// Natively one buffer holds many tensors, and `wgpu` forbids one buffer to be bound for reading and for writing
/// in the same dispatch, so inputs are declared writable too. In browsers each tensor has its own buffer.
fn share_pages(text: &str) -> String {
    text.replace("var<storage, read>", "var<storage, read_write>")
}

/// Invocations of a workgroup for kernels without workgroup memory: more than a software device's lanes only makes it
/// compute what is thrown away.
pub fn lanes(on: &CubeTensor) -> u32 {
    if on.client.properties().hardware.plane_size_max <= 8 { 8 } else { 64 }
}

/// Lanes of a subgroup, where kernels do better to load a number in one lane and pass it to the others: on a software
/// device with subgroups of eight, as Mesa's is, which loads lane by lane.
pub fn shared_width(on: &CubeTensor) -> Option<u32> {
    let hardware = &on.client.properties().hardware;
    let eight = (hardware.plane_size_min, hardware.plane_size_max) == (8, 8);
    (eight && crate::gpu::has_software_subgroups() && !PORTABLE.get()).then_some(8)
}

/// A new contiguous f32 tensor beside `like`, its contents undefined until a kernel writes them.
pub fn empty_like(like: &CubeTensor, shape: Shape) -> CubeTensor {
    let buffer = like.client.empty(shape.num_elements() * DType::F32.size());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, buffer, DType::F32)
}

/// The tensor, contiguous and in memory that nobody else reads, for a kernel that overwrites it.
pub fn owned(tensor: CubeTensor) -> CubeTensor {
    let tensor = into_contiguous(tensor);
    if tensor.can_mut() { tensor } else { tensor.copy() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHADER: Shader =
        Shader { name: "toy", source: "const COLS: u32 = 8u;\nconst LANES: u32 = 1u;\nfn go() {}" };

    #[test]
    fn constants_and_entry_point_reach_the_text() {
        let text = Kernel::new(&SHADER, "go", 64).with("COLS", 576).text();
        assert_eq!(text, "const COLS: u32 = 576u;\nconst LANES: u32 = 64u;\nfn main() {}");
    }

    #[test]
    fn an_undeclared_constant_cannot_compile() {
        let text = Kernel::new(&SHADER, "go", 64).with("ROWS", 1).text();
        assert_eq!(text, "toy.wgsl declares no const ROWS");
    }

    #[test]
    fn floats_keep_every_bit() {
        for value in [1e-5_f32, 1e-6, 0.1, 3.0, f32::MIN_POSITIVE] {
            let text = Const::from(value).wgsl();
            assert_eq!(text.trim_end_matches('f').parse::<f32>(), Ok(value));
        }
    }

    #[test]
    fn identity_covers_every_constant() {
        let kernel = |cols| Kernel::new(&SHADER, "go", 64).with("COLS", cols).id();
        assert_eq!(kernel(7_u32), kernel(7_u32));
        assert_ne!(kernel(7_u32), kernel(8_u32));
        assert_ne!(kernel(7_u32), Kernel::new(&SHADER, "go", 32).with("COLS", 7_u32).id());
    }
}
