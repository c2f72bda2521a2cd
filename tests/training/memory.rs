//! A batch that the device cannot hold at once.

use crate::harness::{Machine, Told, config, train};
use smolder_formats::gguf::{GgufWriter, TensorPlan, Value};
use smolder_formats::{Dtype, TensorInfo, TensorSource};
use smolder_kernels::gpu::{Gpu, LimitsWanted};
use smolder_models::open::Weights;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{DeviceChoice, Warning};
use smolder_tests::TestDevice;
use smolder_tests::fixtures::open_gguf;

const LEN: u64 = 48;
/// Bytes of a buffer that a test can fill: WebGPU's default, which software renderers have too.
const LARGEST: u64 = 1 << 28;
const FEED_FORWARD: u64 = 16_384;

/// One layer of the other tests' base, with a feed-forward block so wide.
fn wide() -> Vec<u8> {
    let opened = open_gguf("models/llama-llama3/q4_0.gguf");
    let Weights::Gguf(mut file) = opened.weights else { panic!("a GGUF") };
    let mut metadata = file.metadata().clone();
    metadata.set("llama.feed_forward_length", Value::U32(FEED_FORWARD as u32));
    metadata.set("llama.block_count", Value::U32(1));
    let narrow = opened.config.sizes.feed_forward;
    let tensors: Vec<_> =
        file.tensors().iter().filter(|tensor| !tensor.name.starts_with("blk.1.")).cloned().collect();
    let plan = |tensor: &TensorInfo| {
        let widened = |length: u64| if length == narrow { FEED_FORWARD } else { length };
        let shape = tensor.shape.iter().map(|length| widened(*length)).collect();
        TensorPlan { name: tensor.name.clone(), shape, dtype: Dtype::F32 }
    };
    let plans: Vec<TensorPlan> = tensors.iter().map(plan).collect();
    let mut writer = GgufWriter::begin(Vec::new(), &metadata, plans.clone()).unwrap();
    for (plan, tensor) in plans.iter().zip(&tensors) {
        let old = file.read_f32(tensor).unwrap();
        // The same numbers again and again, smaller: sums grow with the width.
        let (len, same) = (plan.shape.iter().product::<u64>() as usize, plan.shape == tensor.shape);
        let scale = if same { 1.0 } else { 0.05 };
        let values: Vec<f32> = old.iter().cycle().take(len).map(|value| value * scale).collect();
        writer.write_f32(&values).unwrap();
    }
    writer.finish().unwrap()
}

mod gpu {
    use super::*;

    /// The feed-forward block's activations of a whole batch need a buffer that the GPU refuses to make.
    #[test]
    fn a_batch_that_no_buffer_can_hold_is_halved_and_trained() {
        let limits =
            pollster::block_on(Gpu::open(LimitsWanted::Adapter)).expect("a GPU for the tests").limits;
        let limit = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        if limit > LARGEST {
            eprintln!("This GPU's buffers hold {limit} bytes: filling one takes too long for a test.");
            return;
        }
        let half = (limit / (4 * FEED_FORWARD * LEN)).div_ceil(2) as u32 + 1;
        let mut machine = Machine::new();
        machine.models.insert("wide".to_owned(), wide());
        let text = |row: u32| format!("{{\"text\": \"{row} {}\"}}\n", "of the sea and ".repeat(LEN as usize));
        machine.data.insert("rows.jsonl".to_owned(), (0..4 * half).map(text).collect());
        let whole = TrainConfig {
            model: "wide".to_owned(),
            device: DeviceChoice::Gpu,
            shuffle: false,
            steps: Some(1),
            seq_len: LEN as u32,
            batch_size: Some(2 * half),
            ..config(&TestDevice::cpu())
        };
        let told = train(&machine, &whole, false);
        let halved = |told: &Told| -> Vec<Warning> {
            let halved = |one: &Warning| matches!(one, Warning::BatchHalved { .. });
            told.warnings().into_iter().filter(halved).collect()
        };
        assert_eq!(halved(&told), [Warning::BatchHalved { before: 2 * half, now: half }]);
        assert_eq!((told.end().step, told.losses().len()), (1, 1));
        let asked = TrainConfig { batch_size: Some(half), grad_accum: 2, out: "asked".to_owned(), ..whole };
        let expected = train(&machine, &asked, false);
        assert_eq!(halved(&expected), []);
        assert_eq!(told.losses(), expected.losses(), "a mean over the labels of the whole step");
        assert_eq!(machine.adapter("out").tensors, machine.adapter("asked").tensors);
    }
}
