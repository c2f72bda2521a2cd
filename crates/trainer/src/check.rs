//! [`Command::Check`](smolder_protocol::Command::Check): what this machine can do.

use crate::{platform, self_test};
use smolder_kernels::gpu::{Gpu, LimitsWanted, OpenError};
use smolder_protocol::{Adapter, AdapterKind, Check, Event, Limits, Problem, Stage, Subgroups};

/// Looks at the machine, opening its GPU into `gpu` where that is not open already.
pub(crate) async fn run(gpu: &mut Option<Gpu>, emit: &mut impl FnMut(Event)) -> Check {
    let mut check = Check { cpu_threads: platform::cpu_threads(), ..Check::default() };
    emit(Event::Progress(Stage::Adapter));
    match opened(gpu).await {
        Ok(open) => check_gpu(open, &mut check, emit).await,
        Err(problem) => check.problems.push(problem),
    }
    emit(Event::Progress(Stage::Storage));
    check.storage = platform::storage().await;
    check.problems.sort_by_key(Problem::severity);
    check
}

/// The session's GPU, opened where it is not, or no longer works.
pub(crate) async fn opened(gpu: &mut Option<Gpu>) -> Result<&Gpu, Problem> {
    if gpu.as_ref().is_some_and(|open| open.check().is_err()) {
        *gpu = None;
    }
    if gpu.is_none() {
        *gpu = Some(open().await?);
    }
    gpu.as_ref().ok_or(Problem::NoAdapter)
}

async fn open() -> Result<Gpu, Problem> {
    if let Some(problem) = platform::gpu_hidden() {
        return Err(problem);
    }
    Gpu::open(LimitsWanted::Adapter).await.map_err(|error| match error {
        OpenError::NoAdapter(_) => Problem::NoAdapter,
        OpenError::DeviceRefused(reason) => Problem::DeviceRefused { reason },
    })
}

async fn check_gpu(gpu: &Gpu, check: &mut Check, emit: &mut impl FnMut(Event)) {
    let mut adapter = describe(gpu);
    platform::complete(&mut adapter).await;
    check.problems.extend(limits_too_small(&adapter.limits));
    if adapter.kind == AdapterKind::Software {
        check.problems.push(Problem::SoftwareAdapter);
    }
    if !adapter.f16 {
        check.problems.push(Problem::NoF16);
    }
    check.adapter = Some(adapter);
    emit(Event::Progress(Stage::SelfTest));
    match self_test::run(gpu).await {
        Ok(result) if result.passed => check.self_test = Some(result),
        Ok(result) => {
            let reason = format!("{}: off by {:e}", result.kernel, result.max_error);
            check.problems.push(Problem::KernelsWrong { reason });
            check.self_test = Some(result);
        }
        Err(problem) => check.problems.push(problem),
    }
}

fn describe(gpu: &Gpu) -> Adapter {
    let (info, limits) = (&gpu.info, &gpu.limits);
    let subgroups = Subgroups { min: info.subgroup_min_size, max: info.subgroup_max_size };
    Adapter {
        name: info.name.clone(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        backend: backend(info.backend).to_owned(),
        kind: kind(info),
        limits: Limits {
            buffer_bytes: limits.max_buffer_size,
            binding_bytes: limits.max_storage_buffer_binding_size,
            storage_buffers: limits.max_storage_buffers_per_shader_stage,
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            workgroups: limits.max_compute_workgroups_per_dimension,
        },
        f16: gpu.features.contains(wgpu::Features::SHADER_F16),
        subgroups: gpu.features.contains(wgpu::Features::SUBGROUP).then_some(subgroups),
        timestamps: gpu.features.contains(wgpu::Features::TIMESTAMP_QUERY),
    }
}

fn backend(backend: wgpu::Backend) -> &'static str {
    match backend {
        wgpu::Backend::Vulkan => "Vulkan",
        wgpu::Backend::Metal => "Metal",
        wgpu::Backend::Dx12 => "DX12",
        wgpu::Backend::Gl => "OpenGL",
        wgpu::Backend::BrowserWebGpu => "WebGPU",
        wgpu::Backend::Noop => "none",
    }
}

fn kind(info: &wgpu::AdapterInfo) -> AdapterKind {
    match info.device_type {
        wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
        wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
        wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
        wgpu::DeviceType::Cpu => AdapterKind::Software,
        wgpu::DeviceType::Other => AdapterKind::Unknown,
    }
}

/// The kernels are written for WebGPU's default limits.
fn limits_too_small(found: &Limits) -> Vec<Problem> {
    let needed = wgpu::Limits::default();
    [
        ("maxStorageBufferBindingSize", needed.max_storage_buffer_binding_size, found.binding_bytes),
        ("maxBufferSize", needed.max_buffer_size, found.buffer_bytes),
        (
            "maxStorageBuffersPerShaderStage",
            needed.max_storage_buffers_per_shader_stage.into(),
            found.storage_buffers.into(),
        ),
        (
            "maxComputeInvocationsPerWorkgroup",
            needed.max_compute_invocations_per_workgroup.into(),
            found.workgroup_invocations.into(),
        ),
        (
            "maxComputeWorkgroupStorageSize",
            needed.max_compute_workgroup_storage_size.into(),
            found.workgroup_bytes.into(),
        ),
        (
            "maxComputeWorkgroupsPerDimension",
            needed.max_compute_workgroups_per_dimension.into(),
            found.workgroups.into(),
        ),
    ]
    .into_iter()
    .filter(|(_, needed, found)| found < needed)
    .map(|(limit, needed, found)| Problem::LimitTooSmall { limit: limit.to_owned(), needed, found })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Limits = Limits {
        buffer_bytes: 256 << 20,
        binding_bytes: 128 << 20,
        storage_buffers: 8,
        workgroup_invocations: 256,
        workgroup_bytes: 16_384,
        workgroups: 65_535,
    };

    #[test]
    fn webgpu_defaults_are_enough() {
        assert_eq!(limits_too_small(&DEFAULT), []);
    }

    #[test]
    fn a_smaller_limit_is_named_with_both_numbers() {
        let found = Limits { storage_buffers: 4, ..DEFAULT };
        let limit = "maxStorageBuffersPerShaderStage".to_owned();
        assert_eq!(limits_too_small(&found), [Problem::LimitTooSmall { limit, needed: 8, found: 4 }]);
    }
}
