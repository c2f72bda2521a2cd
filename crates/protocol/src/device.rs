//! What the machine can do, and what to tell a person when it cannot.

use serde::{Deserialize, Serialize};

/// The device report: what the page's Check screen and `smolder devices` show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The GPU that Smolder would use; `None` where there is none and the CPU does the work.
    pub adapter: Option<Adapter>,
    /// The kernels' own test on that GPU; `None` where it could not run.
    pub self_test: Option<SelfTest>,
    /// Room for models and checkpoints; `None` where the platform does not say.
    pub storage: Option<Storage>,
    /// Threads that the CPU device may use.
    pub cpu_threads: usize,
    /// Everything a person should know, the gravest first.
    pub problems: Vec<Problem>,
}

/// One GPU as `wgpu` describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adapter {
    /// Marketing name, or what the browser is willing to say; may be empty.
    pub name: String,
    /// Driver name and version; may be empty.
    pub driver: String,
    /// Graphics API in use: "Vulkan", "Metal", "DX12", "WebGPU" …
    pub backend: String,
    /// What sort of device it is.
    pub kind: AdapterKind,
    /// What a shader on it may use.
    pub limits: Limits,
    /// 16-bit floats in shaders (WGSL's `f16`).
    pub f16: bool,
    /// Subgroup operations and their sizes, where there are any.
    pub subgroups: Option<Subgroups>,
    /// Timestamps on the GPU, for measuring kernels.
    pub timestamps: bool,
}

/// The sort of device behind an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdapterKind {
    /// A graphics card of its own.
    Discrete,
    /// Graphics that share the processor's memory.
    Integrated,
    /// A GPU lent by a hypervisor.
    Virtual,
    /// A software rasteriser: correct and slow.
    Software,
    /// Hardware that the platform does not describe further (usual in browsers).
    Unknown,
}

/// The limits that decide how kernels split their work. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest buffer.
    pub buffer_bytes: u64,
    /// Largest part of a buffer that one shader binding can see.
    pub binding_bytes: u64,
    /// Storage buffers per shader.
    pub storage_buffers: u32,
    /// Invocations per workgroup.
    pub workgroup_invocations: u32,
    /// Memory shared within a workgroup.
    pub workgroup_bytes: u32,
    /// Workgroups per dispatch dimension.
    pub workgroups: u32,
}

/// Smallest and largest number of invocations that run in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subgroups {
    /// Smallest size.
    pub min: u32,
    /// Largest size.
    pub max: u32,
}

/// Room for models and checkpoints, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// What may still be written.
    pub free_bytes: u64,
    /// What Smolder has written; 0 where the platform does not say.
    pub used_bytes: u64,
}

/// Result of running a Smolder kernel on the GPU against the CPU's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// The kernel, in the field's standard term.
    pub kernel: String,
    /// Largest absolute difference, forward and backward.
    pub max_error: f32,
    /// Whether that is within what rounding explains.
    pub passed: bool,
    /// From the first dispatch to the last value read, shader compilation included. Milliseconds.
    pub duration_ms: f64,
}

/// Something a person should know about this machine. The texts live with the front ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Problem {
    /// The browser has no `navigator.gpu`.
    NoWebGpu,
    /// The page is not served over HTTPS or from localhost, so the browser hides WebGPU.
    InsecureContext,
    /// WebGPU or the graphics API is there but offers no adapter.
    NoAdapter,
    /// The adapter refused to give a device.
    DeviceRefused {
        /// The platform's own words.
        reason: String,
    },
    /// The device was lost while in use.
    DeviceLost {
        /// The platform's own words.
        reason: String,
    },
    /// A kernel's result differs from the CPU's, or the GPU rejected it.
    KernelsWrong {
        /// What differed, with numbers.
        reason: String,
    },
    /// A limit is below what Smolder's kernels need.
    LimitTooSmall {
        /// The limit's name in WebGPU's terms.
        limit: String,
        /// What the kernels need.
        needed: u64,
        /// What the adapter offers.
        found: u64,
    },
    /// The adapter is a software rasteriser.
    SoftwareAdapter,
    /// The adapter has no 16-bit floats, which no kernel needs.
    NoF16,
}

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// The GPU cannot be used; the CPU does the work.
    Blocking,
    /// It works, slowly.
    Slow,
    /// Good to know.
    Note,
}

impl Problem {
    /// How much this matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::SoftwareAdapter => Severity::Slow,
            Self::NoF16 => Severity::Note,
            _ => Severity::Blocking,
        }
    }
}

impl Check {
    /// Whether training can use the GPU.
    pub fn gpu_usable(&self) -> bool {
        self.adapter.is_some() && self.problems.iter().all(|p| p.severity() != Severity::Blocking)
    }
}
