//! Numbers back from a device.

use smolder_kernels::burn::tensor::Tensor;

/// The tensor's numbers, without blocking: a browser's worker cannot. The error is the device's, in a line.
pub(crate) async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
    let data = tensor.into_data_async().await.map_err(|error| root(&error.to_string()).to_owned())?;
    data.try_into_vec().map_err(|error| root(&error.to_string()).to_owned())
}

/// Where a chain of causes starts: the rest is what followed from it.
fn root(error: &str) -> &str {
    let cause = error.rsplit("Caused by:").next().unwrap_or(error);
    cause.trim().lines().next().unwrap_or(error)
}
