//! What the GPU refuses reaches the caller as an error: never a panic, never a wrong number taken for a right one.

mod gpu {
    use smolder_kernels::burn::tensor::Tensor;
    use smolder_kernels::gpu::{Gpu, GpuError, LimitsWanted};
    use smolder_kernels::rms_norm;
    use smolder_tests::{numbers, tensor};

    async fn open() -> Gpu {
        Gpu::open(LimitsWanted::WebGpuDefault).await.expect("a GPU for the tests")
    }

    async fn a_lost_gpu_is_reported_and_does_not_panic() {
        let gpu = open().await;
        let x: Tensor<2> = tensor(&numbers(14, 1), [2, 7], &gpu.device);
        let weight = tensor(&numbers(7, 2), [7], &gpu.device);
        assert_eq!(gpu.check(), Ok(()));
        gpu.destroy();
        if cfg!(target_family = "wasm") {
            assert!(gpu.lost().await.starts_with("Destroyed"));
        }
        let checked = gpu.check();
        assert!(matches!(&checked, Err(GpuError::Lost(_))), "{checked:?}");
        let read = match rms_norm(x, weight, 1e-5).into_data_async().await {
            Ok(data) => data.try_into_vec::<f32>().map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        assert!(read.is_err(), "read {read:?} from a lost GPU");
    }

    async fn default_limits_are_asked_for() {
        let limits = open().await.limits;
        assert_eq!(limits.max_storage_buffer_binding_size, 128 << 20);
        assert_eq!(limits.max_storage_buffers_per_shader_stage, 8);
    }

    #[cfg(not(target_family = "wasm"))]
    mod native {
        #[test]
        fn a_lost_gpu_is_reported_and_does_not_panic() {
            pollster::block_on(super::a_lost_gpu_is_reported_and_does_not_panic());
        }

        #[test]
        fn default_limits_are_asked_for() {
            pollster::block_on(super::default_limits_are_asked_for());
        }
    }

    #[cfg(target_family = "wasm")]
    mod worker {
        use wasm_bindgen_test::wasm_bindgen_test;

        #[wasm_bindgen_test]
        async fn a_lost_gpu_is_reported_and_does_not_panic() {
            super::a_lost_gpu_is_reported_and_does_not_panic().await;
        }

        #[wasm_bindgen_test]
        async fn default_limits_are_asked_for() {
            super::default_limits_are_asked_for().await;
        }
    }
}
