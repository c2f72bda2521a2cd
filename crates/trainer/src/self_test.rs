//! A kernel run on the GPU against the CPU device's answer: drivers have bugs, and a person should know before training.

use crate::platform;
use smolder_kernels::burn::tensor::{Device, Tensor, TensorData};
use smolder_kernels::gpu::{Gpu, GpuError};
use smolder_kernels::rms_norm;
use smolder_protocol::{Problem, SelfTest};

const ROWS: usize = 7;
const COLS: usize = 577;
/// Rounding of f32 sums of this length stays two orders below.
const TOLERANCE: f32 = 1e-4;

/// Compares RMSNorm's output and both gradients on the GPU with the CPU's.
///
/// The error is what kept the GPU from finishing, with the platform's own sentence.
pub(crate) async fn run(gpu: &Gpu) -> Result<SelfTest, Problem> {
    let wrong = |reason| Problem::KernelsWrong { reason };
    let start_ms = platform::now_ms();
    let found = rms_norm_all(&gpu.device).await;
    let duration_ms = platform::now_ms() - start_ms;
    // What the platform says goes before what a read made of it.
    gpu.settle().await;
    gpu.check().map_err(problem)?;
    let (found, expected) = (found.map_err(wrong)?, rms_norm_all(&Device::flex()).await.map_err(wrong)?);
    let max_error = max_difference(&found, &expected);
    Ok(SelfTest { kernel: "RMSNorm".to_owned(), max_error, passed: max_error <= TOLERANCE, duration_ms })
}

fn problem(error: GpuError) -> Problem {
    match error {
        GpuError::Lost(reason) => Problem::DeviceLost { reason },
        GpuError::OutOfMemory => Problem::DeviceRefused { reason: error.to_string() },
        GpuError::Rejected(reason) => Problem::KernelsWrong { reason },
    }
}

/// The output, the input's gradient and the weight's gradient, one after another.
async fn rms_norm_all(device: &Device) -> Result<Vec<f32>, String> {
    let device = device.clone().autodiff();
    let data =
        |len: usize, step: usize| (0..len).map(|i| (i * step % 97) as f32 / 48.5 - 1.0).collect::<Vec<_>>();
    let x = TensorData::new(data(ROWS * COLS, 37), [ROWS, COLS]);
    let x = Tensor::<2>::from_data(x, &device).require_grad();
    let weight = Tensor::<1>::from_data(TensorData::new(data(COLS, 53), [COLS]), &device).require_grad();
    let y = rms_norm(x.clone(), weight.clone(), 1e-5);
    let grads = (y.clone() * y.clone()).sum().backward();
    let mut all = values(y).await?;
    all.extend(values(x.grad(&grads).ok_or("no gradient for the input")?).await?);
    all.extend(values(weight.grad(&grads).ok_or("no gradient for the weight")?).await?);
    Ok(all)
}

async fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
    let data = tensor.into_data_async().await.map_err(|error| error.to_string())?;
    data.try_into_vec::<f32>().map_err(|error| format!("{error:?}"))
}

/// Infinite where the lengths differ or a number is not finite.
fn max_difference(found: &[f32], expected: &[f32]) -> f32 {
    if found.len() != expected.len() || !found.iter().chain(expected).all(|value| value.is_finite()) {
        return f32::INFINITY;
    }
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_infinite_number_is_never_a_pass() {
        assert!((max_difference(&[1.0, 2.5], &[1.0, 2.0]) - 0.5).abs() < f32::EPSILON);
        assert!(max_difference(&[1.0], &[1.0, 2.0]).is_infinite());
        assert!(max_difference(&[f32::NAN], &[1.0]).is_infinite());
    }
}
