//! What to test with: a check of a graphics card on which everything works, and a model on it.

use smolder_protocol::model::{Computes, Loaded};
use smolder_protocol::{Adapter, AdapterKind, Check, Limits, SelfTest, Storage, Subgroups};

pub(crate) fn check() -> Check {
    Check {
        adapter: Some(adapter()),
        self_test: Some(SelfTest {
            kernel: "RMSNorm".to_owned(),
            max_error: 1.19e-7,
            passed: true,
            duration_ms: 412.0,
        }),
        storage: Some(Storage { free_bytes: 12 << 30, used_bytes: 0 }),
        cpu_threads: 8,
        problems: Vec::new(),
    }
}

pub(crate) fn loaded() -> Loaded {
    Loaded {
        model: "tiny.gguf".to_owned(),
        architecture: "llama".to_owned(),
        parameters: 134_515_008,
        layers: 30,
        context: 8192,
        vocabulary: 49_152,
        bytes: 98 << 20,
        template_built_in: false,
        device: Computes::Gpu { name: "Example GPU".to_owned(), software: false },
        duration_secs: 1.5,
    }
}

fn adapter() -> Adapter {
    Adapter {
        name: "Example GPU".to_owned(),
        driver: String::new(),
        backend: "WebGPU".to_owned(),
        kind: AdapterKind::Discrete,
        limits: Limits {
            buffer_bytes: 256 << 20,
            binding_bytes: 128 << 20,
            storage_buffers: 8,
            workgroup_invocations: 256,
            workgroup_bytes: 16 << 10,
            workgroups: 65_535,
        },
        f16: true,
        subgroups: Some(Subgroups { min: 4, max: 64 }),
        timestamps: false,
    }
}
