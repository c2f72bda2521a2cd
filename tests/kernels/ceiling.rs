//! The loops that benchmarks measure devices with do what they are counted for.

use smolder_kernels::{copy, multiply_add};
use smolder_tests::{TestDevice, assert_close, numbers, on_every_device, tensor, values, wide};

on_every_device!(every_number_goes_all_rounds, every_number_is_copied);

async fn every_number_goes_all_rounds(device: &TestDevice) {
    for (len, rounds) in [(64, 0), (64, 1), (1344, 7), (20_032, 5)] {
        let x = numbers(len, 1);
        let y = values(multiply_add(tensor(&x, [len], &device.device), rounds)).await;
        let expected: Vec<f64> =
            wide(&x).into_iter().map(|x| (0..rounds).fold(x, |y, _| 1.0 - y / 2.0)).collect();
        assert_close(&y, &expected, 0.0, 1e-6);
    }
}

async fn every_number_is_copied(device: &TestDevice) {
    for len in [4, 1348, 70_004] {
        let x = numbers(len, 2);
        assert_eq!(values(copy(tensor(&x, [len], &device.device))).await, x);
    }
}
