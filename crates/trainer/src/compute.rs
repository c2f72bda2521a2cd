//! Where a session computes: the CPU, or a GPU that may fail.

use crate::check;
use smolder_kernels::burn::tensor::{Device, Tensor};
use smolder_kernels::gpu::{Gpu, GpuError};
use smolder_protocol::Problem;
use smolder_protocol::model::Computes;
use smolder_protocol::train::DeviceChoice;

/// A device, and who to ask whether it accepted everything.
#[derive(Clone, Debug)]
pub struct Compute {
    device: Device,
    gpu: Option<Gpu>,
}

/// Why a device gave no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DeviceError {
    /// It needs less to do at once.
    #[error("not enough memory")]
    OutOfMemory,
    /// Anything else.
    #[error("{0:?}")]
    Failed(Problem),
}

impl Compute {
    /// The CPU.
    pub fn cpu() -> Self {
        Self { device: Device::flex(), gpu: None }
    }

    /// A GPU.
    pub fn gpu(gpu: Gpu) -> Self {
        Self { device: gpu.device.clone(), gpu: Some(gpu) }
    }

    /// What a person chose, where `auto` takes a GPU that is no software renderer; `open` is the session's GPU, opened
    /// where it is needed.
    ///
    /// # Errors
    /// Why there is no GPU, where one must be.
    pub(crate) async fn choose(wanted: DeviceChoice, open: &mut Option<Gpu>) -> Result<Self, Problem> {
        if wanted == DeviceChoice::Cpu {
            return Ok(Self::cpu());
        }
        match (check::opened(open).await, wanted) {
            (Ok(gpu), DeviceChoice::Gpu) => Ok(Self::gpu(gpu.clone())),
            (Ok(gpu), _) if gpu.info.device_type != wgpu::DeviceType::Cpu => Ok(Self::gpu(gpu.clone())),
            (Err(problem), DeviceChoice::Gpu) => Err(problem),
            _ => Ok(Self::cpu()),
        }
    }

    /// Where tensors live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether this is a GPU.
    pub fn is_gpu(&self) -> bool {
        self.gpu.is_some()
    }

    /// What a GPU is called.
    pub fn name(&self) -> Option<&str> {
        self.gpu.as_ref().map(|gpu| gpu.info.name.as_str())
    }

    /// Bytes of a GPU's memory that are taken, those kept for reuse included.
    pub fn memory_bytes(&self) -> Option<u64> {
        Some(self.device.memory_pool_usage()?.bytes_reserved).filter(|_| self.is_gpu())
    }

    /// Waits for all that was asked of the device.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn settle(&self) -> Result<(), DeviceError> {
        self.read(Tensor::<1>::zeros([1], &self.device)).await.map(drop)
    }

    /// A tensor's numbers, without blocking: a browser's worker cannot.
    ///
    /// # Errors
    /// [`DeviceError`]; what went wrong on a GPU goes before what it led to.
    pub async fn read<const D: usize>(&self, tensor: Tensor<D>) -> Result<Vec<f32>, DeviceError> {
        let values = match tensor.into_data_async().await {
            Ok(data) => data.try_into_vec::<f32>().map_err(|error| format!("{error:?}")),
            Err(error) => Err(error.to_string()),
        };
        self.check()?;
        values.map_err(DeviceError::because)
    }

    /// Gives back what no tensor uses any more. Where memory ran out that is more than room: a GPU goes on using buffers
    /// that it could not make, and refuses what is done with them.
    pub(crate) fn reclaim(&self) {
        self.device.memory_cleanup();
    }

    /// What went wrong since the last time; nothing on a CPU.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn check(&self) -> Result<(), DeviceError> {
        match self.gpu.as_ref().map(Gpu::check) {
            Some(Err(GpuError::OutOfMemory)) => Err(DeviceError::OutOfMemory),
            Some(Err(GpuError::Lost(reason))) => Err(DeviceError::Failed(Problem::DeviceLost { reason })),
            Some(Err(GpuError::Rejected(reason))) => {
                Err(DeviceError::Failed(Problem::KernelsWrong { reason }))
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// What to call it.
    pub(crate) fn describe(&self) -> Computes {
        self.gpu.as_ref().map_or(Computes::Cpu, |gpu| Computes::Gpu {
            name: gpu.info.name.clone(),
            software: gpu.info.device_type == wgpu::DeviceType::Cpu,
        })
    }
}

impl DeviceError {
    /// What burn says of a tensor that no buffer can hold, and of one that there is no room for now.
    pub(crate) fn because(reason: String) -> Self {
        let memory = ["can't allocate", "Can't allocate", "out of device memory"];
        if memory.iter().any(|words| reason.contains(words)) {
            return Self::OutOfMemory;
        }
        Self::Failed(Problem::DeviceLost { reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_that_there_is_no_memory_is_known() {
        let reasons = [
            "can't allocate buffer of size: 5000000000",
            "out of device memory allocating 1024 bytes",
            "Can't allocate 512 bytes: every page size the memory tracks still holds live allocations",
        ];
        assert!(
            reasons.iter().all(|one| DeviceError::because((*one).to_owned()) == DeviceError::OutOfMemory)
        );
        let lost = DeviceError::because("the driver was reset".to_owned());
        assert!(matches!(lost, DeviceError::Failed(Problem::DeviceLost { .. })), "{lost:?}");
    }
}
