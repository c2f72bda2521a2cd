//! A check to test with: a graphics card on which everything works.

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
