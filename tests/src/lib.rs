//! What the integration tests share: the same cases on the CPU device, on the GPU and in a browser's worker.

#![allow(clippy::missing_panics_doc, reason = "what finds a difference fails its test")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fixture that cannot be read fails its test")]

pub mod fixtures;
#[cfg(not(target_family = "wasm"))]
pub mod smollm2;

use smolder_kernels::burn::tensor::{Device, Gradients, Tensor, TensorData};
use smolder_kernels::gpu::{Gpu, LimitsWanted};
use smolder_trainer::compute::Compute;
use std::sync::OnceLock;

static SHARED: OnceLock<Gpu> = OnceLock::new();

/// A device under test, and how to ask whether it accepted everything.
pub struct TestDevice {
    /// Where tensors live.
    pub device: Device,
    gpu: Option<Gpu>,
}

impl TestDevice {
    /// The CPU device.
    pub fn cpu() -> Self {
        Self { device: Device::flex(), gpu: None }
    }

    /// The machine's GPU at WebGPU's default limits; fails the test where there is none.
    ///
    /// All tests of a program share it, as whoever uses it would, and with it what is compiled; what WebGPU complains of
    /// fails one of those that ran then. A test that breaks its device opens one for itself: [`open_gpu`].
    pub async fn gpu() -> Self {
        let gpu = if let Some(open) = SHARED.get() {
            open
        } else {
            let opened = open_gpu().await;
            SHARED.get_or_init(|| opened)
        };
        Self { device: gpu.device.clone(), gpu: Some(gpu.clone()) }
    }

    /// The same for the trainer.
    pub fn compute(&self) -> Compute {
        self.gpu.clone().map_or_else(Compute::cpu, Compute::gpu)
    }

    /// Whether kernels run as WGSL here.
    pub fn is_gpu(&self) -> bool {
        self.gpu.is_some()
    }

    /// Whether kernels of its own may run here, so that those of all devices need a turn too.
    pub fn has_own_kernels(&self) -> bool {
        self.is_gpu() && cfg!(not(target_family = "wasm"))
    }

    /// The same device, recording operations for a backward pass.
    pub fn autodiff(&self) -> Device {
        self.device.clone().autodiff()
    }

    /// Fails the test when WebGPU complained of anything since it was last asked; natively perhaps of a test that ran
    /// beside this one, and what nobody read back may not have been complained of: see [`assert_trained`].
    pub async fn assert_healthy(&self) {
        if let Some(gpu) = &self.gpu {
            gpu.settle().await;
            assert_eq!(gpu.check(), Ok(()), "the GPU reported an error");
        }
    }
}

/// The machine's GPU at WebGPU's default limits, opened anew; fails the test where there is none.
pub async fn open_gpu() -> Gpu {
    Gpu::open(LimitsWanted::WebGpuDefault).await.expect("a GPU for the tests")
}

/// The tensor's numbers, read back without blocking.
pub async fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data_async().await.expect("a readable tensor");
    data.try_into_vec::<f32>().expect("a tensor of f32")
}

/// A tensor of these numbers.
pub fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// `len` reproducible numbers in [-1, 1) (Numerical Recipes' linear congruential generator).
pub fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Fails unless each number is within `relative · |expected| + absolute` of the expected one.
pub fn assert_close(found: &[f32], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(found.len(), expected.len(), "number of values");
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        let allowed = relative * expected.abs() + absolute;
        assert!(error <= allowed, "at {index}: found {found}, expected {expected}, off by {error:e}");
    }
}

/// Fails unless the tensor has a gradient of finite numbers, not all of them zero.
///
/// Natively a launch that the device refuses is known only to those who read what it was to write.
pub async fn assert_trained<const D: usize>(tensor: &Tensor<D>, grads: &Gradients) {
    let gradient = values(tensor.grad(grads).expect("a gradient")).await;
    assert!(gradient.iter().all(|v| v.is_finite()), "{gradient:?}");
    assert!(gradient.iter().any(|v| *v != 0.0), "all zero");
}

/// First, last and one between: enough to catch a wrong stride.
pub fn probes(len: usize) -> [usize; 3] {
    [0, len * 5 / 11, len - 1]
}

/// Central difference of `f` along one coordinate.
pub fn slope(at: &[f32], index: usize, f: impl Fn(&[f32]) -> f64) -> f64 {
    let shifted = |by: f32| {
        let mut point = at.to_vec();
        point[index] += by;
        (f64::from(point[index]), f(&point))
    };
    let ((left, low), (right, high)) = (shifted(-1e-3), shifted(1e-3));
    (high - low) / (right - left)
}

/// Σ y·c: a scalar whose gradient has no symmetry to hide behind.
pub fn weighted(y: &[f64], c: &[f32]) -> f64 {
    y.iter().zip(c).map(|(y, c)| y * f64::from(*c)).sum()
}

/// The numbers in f64, to be expected of others.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// Declares each `async fn(&TestDevice)` of the surrounding module as a test on the CPU device, on the GPU
/// (`gpu::…`) and, in a browser, in a dedicated worker.
#[macro_export]
macro_rules! on_every_device {
    ($($case:ident),+ $(,)?) => {
        mod cpu { $( $crate::test_case!($case, $crate::TestDevice::cpu()); )+ }
        mod gpu { $( $crate::test_case!($case, $crate::TestDevice::gpu().await); )+ }
    };
}

/// One test of [`on_every_device`].
#[macro_export]
macro_rules! test_case {
    ($case:ident, $device:expr) => {
        #[cfg(not(target_family = "wasm"))]
        #[test]
        fn $case() {
            pollster::block_on(async {
                let device = $device;
                super::$case(&device).await;
                device.assert_healthy().await;
            });
        }

        #[cfg(target_family = "wasm")]
        #[wasm_bindgen_test::wasm_bindgen_test]
        async fn $case() {
            let device = $device;
            super::$case(&device).await;
            device.assert_healthy().await;
        }
    };
}
