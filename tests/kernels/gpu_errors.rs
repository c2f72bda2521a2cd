//! What the GPU refuses reaches the caller as an error: never a panic, never a wrong number taken for a right one.

use smolder_kernels::burn;
use smolder_kernels::burn::backend::tensor::FloatTensor;
use smolder_kernels::burn::backend::wgpu::{CubeBackend, CubeTensor};
use smolder_kernels::burn::backend::{Backend, Flex, TensorMetadata, backend_extension};
use smolder_kernels::wgsl::{Kernel, Shader, empty_like};

/// An operation with a shader of the test's own.
#[backend_extension(Cube, Flex)]
trait Launch: Backend {
    fn launch(x: FloatTensor<Self>, shader: &'static Shader) -> FloatTensor<Self>;
}

impl Launch for Flex {
    fn launch(x: FloatTensor<Self>, _: &'static Shader) -> FloatTensor<Self> {
        x
    }
}

impl Launch for CubeBackend {
    fn launch(x: CubeTensor, shader: &'static Shader) -> CubeTensor {
        let y = empty_like(&x, x.shape());
        Kernel::new(shader, "go", 1).launch(&[&x], &[&y], [0; 4], 1);
        y
    }
}

mod gpu {
    use super::Launch;
    use smolder_kernels::burn::backend::Dispatch;
    use smolder_kernels::burn::tensor::Tensor;
    use smolder_kernels::gpu::GpuError;
    use smolder_kernels::rms_norm;
    use smolder_kernels::wgsl::Shader;
    use smolder_tests::{numbers, open_gpu, tensor};

    /// A shader with the bindings of [`Launch`] around `$body`.
    macro_rules! shader {
        ($name:literal, $body:literal) => {
            Shader {
                name: $name,
                source: concat!(
                    "const LANES: u32 = 1u;\n",
                    "@group(0) @binding(0) var<storage, read> x: array<f32>;\n",
                    "@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n",
                    "@group(0) @binding(2) var<uniform> info: vec4<u32>;\n",
                    $body
                ),
            }
        };
    }

    const SOUND: Shader =
        shader!("sound", "@compute @workgroup_size(LANES) fn go() { y[info.x] = x[info.x]; }");
    /// A word that means nothing.
    const MISSPELT: Shader =
        shader!("misspelt", "@compute @workgroup_size(LANES) fn go() { y[info.x] = nonsense(x[info.x]); }");

    async fn a_lost_gpu_is_reported_and_does_not_panic() {
        let gpu = open_gpu().await;
        let x: Tensor<2> = tensor(&numbers(14, 1), [2, 7], &gpu.device);
        let weight = tensor(&numbers(7, 2), [7], &gpu.device);
        assert_eq!(gpu.check(), Ok(()));
        gpu.destroy();
        if cfg!(target_family = "wasm") {
            assert!(gpu.lost().await.starts_with("Destroyed"));
        }
        let checked = gpu.check();
        assert!(matches!(&checked, Err(GpuError::Lost(_))), "{checked:?}");
        let read = values(rms_norm(x, weight, 1e-5)).await;
        assert!(read.is_err(), "read {read:?} from a lost GPU");
    }

    /// burn keeps the refusal for whoever reads the result, WebGPU in a browser tells the device: either way
    /// nobody takes the result for numbers, and a test whose kernel this is fails.
    async fn a_refused_shader_gives_no_numbers() {
        assert_eq!(launch(&SOUND).await, (Ok(vec![1.0]), Ok(())));
        let (read, checked) = launch(&MISSPELT).await;
        assert!(read.is_err() || checked.is_err(), "{read:?}");
    }

    async fn launch(shader: &'static Shader) -> (Result<Vec<f32>, String>, Result<(), GpuError>) {
        let gpu = open_gpu().await;
        let x: Tensor<1> = tensor(&[1.0], [1], &gpu.device);
        let y = Tensor::<1>::from_dispatch(Dispatch::launch(x.into_dispatch(), shader));
        let read = values(y).await;
        gpu.settle().await;
        (read, gpu.check())
    }

    async fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
        match tensor.into_data_async().await {
            Ok(data) => data.try_into_vec::<f32>().map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn default_limits_are_asked_for() {
        let limits = open_gpu().await.limits;
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
        fn a_refused_shader_gives_no_numbers() {
            pollster::block_on(super::a_refused_shader_gives_no_numbers());
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
        async fn a_refused_shader_gives_no_numbers() {
            super::a_refused_shader_gives_no_numbers().await;
        }

        #[wasm_bindgen_test]
        async fn default_limits_are_asked_for() {
            super::default_limits_are_asked_for().await;
        }
    }
}
