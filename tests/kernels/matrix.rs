//! Frozen matrices of every layout against the file's numbers in f64, forward, backward and row by row.

use smolder_formats::Dtype;
use smolder_formats::quants::dequantize_into;
use smolder_kernels::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use smolder_kernels::wgsl::{Portable, launches};
use smolder_kernels::{Matrix, MatrixBuilder};
use smolder_tests::{TestDevice, assert_close, assert_trained, numbers, on_every_device, tensor, values};

const WITH_SHADER: [Dtype; 11] = [
    Dtype::F32,
    Dtype::F16,
    Dtype::BF16,
    Dtype::Q4_0,
    Dtype::Q4_1,
    Dtype::Q5_0,
    Dtype::Q5_1,
    Dtype::Q8_0,
    Dtype::Q4_K,
    Dtype::Q5_K,
    Dtype::Q6_K,
];

on_every_device!(
    every_layout_multiplies_as_its_numbers_do,
    other_layouts_are_held_by_one_of_these,
    awkward_sizes,
    large_products,
    rows_are_the_file_s,
    parts_are_one_matrix,
    one_launch_a_product,
    the_frozen_matrix_takes_no_gradient,
);

/// A matrix as a file holds it, and its numbers.
struct Sample {
    dtype: Dtype,
    rows: usize,
    cols: usize,
    bytes: Vec<u8>,
    numbers: Vec<f32>,
    /// Bytes of a part, where it is not as it usually is.
    part_bytes: Option<usize>,
}

impl Sample {
    /// Random blocks, with scales that keep the numbers near one.
    fn new(dtype: Dtype, rows: usize, cols: usize) -> Self {
        let len = rows * cols / dtype.block_len() * dtype.block_bytes();
        let mut bytes: Vec<u8> = numbers(len, 7).iter().map(|v| ((v + 1.0) * 127.9) as u8).collect();
        let scales: &[usize] = match dtype {
            Dtype::F32 | Dtype::F16 | Dtype::BF16 => &[],
            Dtype::Q4_1 | Dtype::Q5_1 | Dtype::Q4_K | Dtype::Q5_K => &[0, 2],
            Dtype::Q2_K => &[80, 82],
            Dtype::Q3_K => &[108],
            Dtype::Q6_K => &[208],
            _ => &[0],
        };
        for (block, at) in bytes
            .chunks_mut(dtype.block_bytes())
            .flat_map(|b| b.chunks_mut(2).enumerate())
            .filter_map(|(i, b)| scales.contains(&(2 * i)).then_some((b, i)))
        {
            block[1] = 0x1c + (at as u8 % 2) * 0x80 + (block[0] & 3);
        }
        if scales.is_empty() {
            let wide = numbers(rows * cols, 9);
            bytes.clear();
            smolder_formats::quants::quantize_into(dtype, &wide, &mut bytes).unwrap();
        }
        let mut numbers = Vec::new();
        dequantize_into(dtype, &bytes, &mut numbers).unwrap();
        assert!(numbers.iter().all(|v| v.is_finite()));
        Self { dtype, rows, cols, bytes, numbers, part_bytes: None }
    }

    fn upload(&self, device: &Device) -> Matrix {
        let builder = MatrixBuilder::new(self.dtype, self.cols, device);
        let mut builder = match self.part_bytes {
            Some(bytes) => builder.in_parts_of(bytes),
            None => builder,
        };
        let row_bytes = self.bytes.len() / self.rows;
        // In unequal pieces, as a reader may deliver them.
        let (first, rest) = self.bytes.split_at(row_bytes * (self.rows / 3));
        builder.push(first).unwrap();
        builder.push(rest).unwrap();
        builder.finish()
    }

    fn at(&self, row: usize, col: usize) -> f64 {
        f64::from(self.numbers[row * self.cols + col])
    }

    /// `x·Wᵀ`
    fn product(&self, x: &[f32]) -> Vec<f64> {
        let row =
            |x: &[f32], n: usize| x.iter().enumerate().map(|(k, x)| f64::from(*x) * self.at(n, k)).sum();
        x.chunks(self.cols).flat_map(|x| (0..self.rows).map(|n| row(x, n)).collect::<Vec<f64>>()).collect()
    }

    /// `g·W`
    fn back(&self, g: &[f32]) -> Vec<f64> {
        let col =
            |g: &[f32], k: usize| g.iter().enumerate().map(|(n, g)| f64::from(*g) * self.at(n, k)).sum();
        g.chunks(self.rows).flat_map(|g| (0..self.cols).map(|k| col(g, k)).collect::<Vec<f64>>()).collect()
    }

    /// The largest |number|, which scales rounding errors.
    fn scale(&self) -> f64 {
        self.numbers.iter().fold(0.0, |most: f32, v| most.max(v.abs())).into()
    }

    /// Forward and backward for `tokens` rows of x against f64, by the kernels of this device and by those of all.
    async fn check(&self, device: &TestDevice, tokens: usize) {
        self.check_kernels(device, tokens).await;
        if device.has_own_kernels() {
            let _portable = Portable::new();
            self.check_kernels(device, tokens).await;
        }
    }

    async fn check_kernels(&self, device: &TestDevice, tokens: usize) {
        let autodiff = device.autodiff();
        let (x, g) = (numbers(tokens * self.cols, 1), numbers(tokens * self.rows, 3));
        let input = tensor(&x, [tokens, self.cols], &autodiff).require_grad();
        let y = self.upload(&autodiff).matmul(input.clone());
        assert_eq!(y.dims(), [tokens, self.rows]);
        let grads = (y.clone() * tensor(&g, [tokens, self.rows], &autodiff)).sum().backward();
        let rounding = |terms: usize| 1.5e-6 * self.scale() * (terms as f64).sqrt();
        assert_close(&values(y).await, &self.product(&x), 1e-6, rounding(self.cols));
        let grad = values(input.grad(&grads).expect("a gradient for x")).await;
        assert_close(&grad, &self.back(&g), 1e-6, rounding(self.rows));
    }
}

async fn every_layout_multiplies_as_its_numbers_do(device: &TestDevice) {
    for dtype in WITH_SHADER {
        for tokens in [1, 5, 17] {
            Sample::new(dtype, 33, 256).check(device, tokens).await;
        }
    }
}

async fn other_layouts_are_held_by_one_of_these(device: &TestDevice) {
    Sample::new(Dtype::IQ4_NL, 9, 64).check(device, 3).await;
    for dtype in [Dtype::Q2_K, Dtype::Q3_K] {
        let sample = Sample::new(dtype, 9, 256);
        let x = numbers(3 * 256, 1);
        let y = sample.upload(&device.device).matmul(tensor(&x, [3, 256], &device.device));
        // Rounded to F16: half a unit in the eleventh bit of each number.
        let rounding = sample.scale() * 2e-4 * 16.0;
        assert_close(&values(y).await, &sample.product(&x), 1e-6, rounding);
    }
}

async fn awkward_sizes(device: &TestDevice) {
    for (dtype, rows, cols) in
        [(Dtype::F32, 1, 1), (Dtype::F32, 57, 41), (Dtype::F16, 7, 33), (Dtype::BF16, 130, 12)]
    {
        for tokens in [1, 2, 7, 9] {
            Sample::new(dtype, rows, cols).check(device, tokens).await;
        }
    }
    for (rows, cols) in [(1, 32), (7, 96), (513, 32), (576, 576)] {
        for tokens in [1, 4, 13] {
            Sample::new(Dtype::Q4_1, rows, cols).check(device, tokens).await;
        }
    }
}

async fn large_products(device: &TestDevice) {
    Sample::new(Dtype::Q8_0, 192, 1536).check(device, 70).await;
    Sample::new(Dtype::Q4_K, 70, 1024).check(device, 65).await;
}

/// Eleven rows in parts of three or four, as a matrix over a device's limits is split.
async fn parts_are_one_matrix(device: &TestDevice) {
    for dtype in WITH_SHADER {
        let mut sample = Sample::new(dtype, 11, 256);
        sample.part_bytes = Some(3 * sample.bytes.len() / 11 + 1);
        let before = launches();
        drop(sample.upload(&device.device).matmul(tensor(&numbers(256, 1), [1, 256], &device.device)));
        // Shaders read padded blocks, of which fewer make a part.
        assert!(!device.is_gpu() || (3..=4).contains(&(launches() - before)), "a launch for each part");
        for tokens in [1, 5] {
            sample.check(device, tokens).await;
        }
        check_rows(device, &sample).await;
    }
}

async fn rows_are_the_file_s(device: &TestDevice) {
    for dtype in WITH_SHADER {
        check_rows(device, &Sample::new(dtype, 11, 256)).await;
    }
}

async fn check_rows(device: &TestDevice, sample: &Sample) {
    let ids = [3_i32, 0, 10, 3, 7];
    let data = TensorData::new(ids.to_vec(), [ids.len()]);
    let ids_tensor = Tensor::<1, Int>::from_data(data, (&device.device, DType::I32));
    let picked = values(sample.upload(&device.device).rows_of(&ids_tensor)).await;
    let rows = ids.iter().flat_map(|id| &sample.numbers[*id as usize * 256..][..256]);
    let expected: Vec<f64> = rows.map(|v| f64::from(*v)).collect();
    assert_close(&picked, &expected, 3e-7, 1e-7);
}

async fn one_launch_a_product(device: &TestDevice) {
    let matrix = Sample::new(Dtype::Q4_0, 16, 64).upload(&device.autodiff());
    let x = tensor(&numbers(128, 1), [2, 64], &device.autodiff()).require_grad();
    let before = launches();
    let loss = matrix.matmul(x.clone()).sum();
    assert_eq!(launches() - before, u64::from(device.is_gpu()));
    let grads = loss.backward();
    assert_eq!(launches() - before, 2 * u64::from(device.is_gpu()));
    assert_trained(&x, &grads).await;
}

async fn the_frozen_matrix_takes_no_gradient(device: &TestDevice) {
    let sample = Sample::new(Dtype::Q4_0, 16, 64);
    let matrix = sample.upload(&device.autodiff());
    // A block has 18 bytes; the shaders read whole words.
    assert_eq!(matrix.bytes(), 16 * 2 * if device.is_gpu() { 20 } else { 18 });
    let frozen = tensor(&numbers(128, 1), [2, 64], &device.autodiff());
    let y = matrix.matmul(frozen.clone());
    let grads = (y * tensor(&numbers(32, 2), [2, 16], &device.autodiff()).require_grad()).sum().backward();
    assert!(frozen.grad(&grads).is_none());
}
