//! What every method must pass, by being registered.

use crate::harness::{Machine, config, train, train_until};
use crate::parity::{advance, labels, norm, scale};
use crate::runs::runs;
use serde_json::{Map, Value, json};
use smolder_formats::adapter::{AdapterTensor, PeftAdapter, Target};
use smolder_formats::{Dtype, Kind, Source};
use smolder_kernels::burn::tensor::{Device, Tensor, TensorData};
use smolder_models::peft::{Adapter, Base, Fresh, METHODS, Method, Options, Progress, load, with_strength};
use smolder_models::{Cache, Model, Opened, Span, merge};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{TrainCommand, TrainEvent};
use smolder_tests::fixtures::{self, open_gguf};
use smolder_tests::{TestDevice, assert_close, numbers, values, wide};
use smolder_trainer::data::Sequence;
use smolder_trainer::optimizer::{Optimizer, Settings};
use smolder_trainer::step::{gradients, loss};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::ops::{ControlFlow, Range};

/// A plain one, one with biases, and one with four norms a block whose files leave 1 out of their weights.
const MODELS: [&str; 3] = ["llama-llama3/q4_0.gguf", "qwen2-tied/q5_0.gguf", "gemma3-cap/f16.gguf"];
/// Methods that begin by changing something.
const BEGIN_CHANGED: [&str; 6] =
    ["prompt-tuning", "p-tuning", "residual-prompt", "mpt", "prefix-tuning", "mam"];
/// Methods that are no part of the weights; biases that were added are none of a file's.
const BESIDE_WEIGHTS: [&str; 14] = [
    "molora",
    "mpt",
    "compacter",
    "llama-adapter",
    "bitfit",
    "ssf",
    "prompt-tuning",
    "p-tuning",
    "prefix-tuning",
    "houlsby",
    "pfeiffer",
    "parallel-adapter",
    "residual-prompt",
    "mam",
];
/// Methods whose change is all or nothing.
const WHOLE: [&str; 10] = [
    "mpt",
    "dora",
    "pissa",
    "olora",
    "ln-tuning",
    "prompt-tuning",
    "p-tuning",
    "residual-prompt",
    "prefix-tuning",
    "mam",
];
/// Methods that begin as the base but for rounding: a row's own length over its norm, a part taken out and put back.
const BEGIN_ROUNDED: [&str; 3] = ["dora", "pissa", "olora"];
/// Tensors through whose second way to the result no gradient flows, as the papers have it.
const DETACHED: [(&str, &str); 2] = [("dora", "lora_A.weight"), ("dora", "lora_B.weight")];

/// Methods with networks that cut off at zero: the loss has edges there, and a long step crosses some.
const CUT_OFF: [&str; 6] = ["p-tuning", "residual-prompt", "houlsby", "pfeiffer", "parallel-adapter", "mam"];

/// What is given where a method's defaults do not fit each model.
fn given(method: &Method) -> Map<String, Value> {
    let given = match method.name {
        "bitfit" => json!({"biases": "all"}),
        // No other divides all widths.
        "qa-lora" => json!({"group": 4}),
        _ => json!({}),
    };
    given.as_object().unwrap().clone()
}

fn options(method: &Method) -> Options {
    Options::new(method.options, &given(method)).unwrap()
}

pub async fn fresh(
    method: &Method,
    options: &Options,
    model: &Model,
) -> smolder_formats::Result<PeftAdapter> {
    method.fresh(Fresh { options, model, seed: 5, encode: &|_| vec![1, 2], base: "base" }).await
}

/// An adapter that changes something, each number of it another: numbers that depend on its tensors' names.
async fn changed(method: &Method, model: &Model) -> PeftAdapter {
    shifted(fresh(method, &options(method), model).await.unwrap())
}

pub fn shifted(mut adapter: PeftAdapter) -> PeftAdapter {
    // Which entries a sparse change is of are no numbers that change.
    for tensor in
        adapter.tensors.iter_mut().filter(|one| !["sparse_rows", "sparse_columns"].contains(&&*one.part))
    {
        let seed =
            tensor.key().bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let more = numbers(tensor.values.len(), seed);
        tensor.values.iter_mut().zip(more).for_each(|(value, more)| *value += 0.1 * more);
    }
    adapter
}

pub async fn model(opened: Opened<fixtures::Bytes>) -> Model {
    let config = opened.config.clone();
    Box::pin(fixtures::load(opened, config, &Device::flex())).await
}

/// Each model with each method.
async fn each(test: impl AsyncFn(&Method, &str, &Model)) {
    for name in MODELS {
        let model = model(open_gguf(&format!("models/{name}"))).await;
        for method in METHODS {
            test(method, name, &model).await;
        }
    }
}

const IDS: [u32; 12] = [70, 9, 78, 49, 21, 115, 117, 10, 60, 76, 39, 82];

pub async fn logits(model: &Model, adapter: &dyn Adapter) -> Vec<f32> {
    let batch = model.batch(&[&IDS, &IDS[3..8]], adapter);
    let hidden = model.hidden(&batch, None, adapter);
    let tokens = batch.first_rows().zip([12, 5]).map(|(from, len)| hidden.clone().narrow(0, from, len));
    values(model.logits(Tensor::cat(tokens.collect(), 0), adapter)).await
}

pub fn largest(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn batch() -> Vec<Sequence> {
    runs()[0].batches()[0].clone()
}

#[test]
fn a_fresh_adapter_changes_nothing() {
    pollster::block_on(each(async |method, name, model| {
        let file = fresh(method, &options(method), model).await.unwrap();
        let found = logits(model, load(&file, model).unwrap().as_ref()).await;
        let off = largest(&found, &logits(model, &Base).await);
        let begins_changed = BEGIN_CHANGED.contains(&method.name);
        let allowed = if BEGIN_ROUNDED.contains(&method.name) { 2e-5 } else { 0.0 };
        assert_eq!(off <= allowed, !begins_changed, "{} on {name}: off by {off}", method.name);
        assert_eq!(Method::of(&file).unwrap().peft_type, method.peft_type);
    }));
}

#[test]
fn gradients_are_slopes() {
    let batch = batch();
    pollster::block_on(each(async |method, name, model| {
        let file = changed(method, model).await;
        let adapter = method.load(&file, model).unwrap();
        let found = gradients(model, adapter.as_ref(), &batch, 1.0);
        let parameters = adapter.parameters();
        let mut ends: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, parameter) in parameters.iter().enumerate() {
            let tensor = AdapterTensor::new(&parameter.key, vec![], vec![]).unwrap();
            ends.entry(tensor.part).or_default().push(at);
        }
        for (part, at) in
            ends.into_iter().flat_map(|(part, all)| [(part.clone(), all[0]), (part, all[all.len() - 1])])
        {
            if DETACHED.contains(&(method.name, part.as_str())) {
                continue;
            }
            let gradient = values(found.values[at].clone().expect("a gradient")).await;
            let size = norm(gradient.iter().copied());
            let step = (0.5 / size).min(if CUT_OFF.contains(&method.name) { 0.004 } else { 0.02 });
            let moved = async |by: f64| {
                let mut all: Vec<Tensor<2>> = parameters.iter().map(|one| one.value.clone()).collect();
                let along: Vec<f32> = gradient.iter().map(|g| (f64::from(*g) * by / size) as f32).collect();
                let shape = all[at].dims();
                all[at] = all[at].clone() + Tensor::from_data(TensorData::new(along, shape), model.device());
                let adapter = adapter.with(all);
                let penalty = adapter.penalty().map(|penalty| penalty * labels(&batch) as f32);
                let loss = loss(model, adapter.as_ref(), &batch);
                f64::from(values(penalty.map_or(loss.clone(), |penalty| loss + penalty)).await[0])
            };
            let slope = (moved(step).await - moved(-step).await) / (2.0 * step);
            let what = format!("{} on {name}, {}", method.name, parameters[at].key);
            assert!((slope - size).abs() <= 1e-2 * size + 3e-3, "{what}: slope {slope}, gradient {size}");
        }
    }));
}

#[test]
fn an_adapter_that_is_saved_and_read_computes_the_same() {
    pollster::block_on(each(async |method, name, model| {
        let file = changed(method, model).await;
        let mut bytes = Vec::new();
        file.write_weights(&mut bytes).unwrap();
        let source = Source::new("adapter", Cursor::new(bytes)).unwrap();
        let read = PeftAdapter::read(source, Some(file.config.to_json().as_bytes())).unwrap();
        let found = logits(model, load(&read, model).unwrap().as_ref()).await;
        let expected = logits(model, load(&file, model).unwrap().as_ref()).await;
        assert_eq!(found, expected, "{} on {name}", method.name);
        let exported = load(&method.export(&file).unwrap(), model).unwrap();
        let off = largest(&found, &logits(model, exported.as_ref()).await);
        assert!(off <= 1e-4, "{} on {name}, exported: off by {off}", method.name);
        let change = largest(&found, &logits(model, &Base).await);
        assert!(change > 0.05, "{} on {name} changes logits by {change} only", method.name);
    }));
}

#[test]
fn a_merged_model_computes_what_base_and_adapter_compute() {
    pollster::block_on(each(async |method, name, base| {
        let file = changed(method, base).await;
        let mut opened = open_gguf(&format!("models/{name}"));
        let go_on = &mut |_, _| ControlFlow::Continue(());
        let merged = merge(&mut opened, &file, Some(Dtype::F32), Cursor::new(Vec::new()), go_on);
        if BESIDE_WEIGHTS.contains(&method.name) {
            assert!(merged.is_err(), "{} has no place in weights", method.name);
            return;
        }
        let bytes = merged.unwrap().into_inner();
        let open = &mut |_: &str| Source::new("merged", Cursor::new(bytes.clone())).map(Some);
        let merged = model(Opened::gguf("merged", open).unwrap()).await;
        let expected = logits(base, load(&file, base).unwrap().as_ref()).await;
        let off = largest(&logits(&merged, &Base).await, &expected);
        assert!(off <= 1e-4, "{} on {name}: off by {off}", method.name);
    }));
}

#[test]
fn biases_that_a_file_has_are_merged() {
    pollster::block_on(async {
        let bitfit = Method::find("bitfit").unwrap();
        let own = Options::new(bitfit.options, &Map::new()).unwrap();
        let llama = model(open_gguf(&format!("models/{}", MODELS[0]))).await;
        assert_eq!(fresh(bitfit, &own, &llama).await.unwrap_err().kind, Kind::Unsupported);
        let base = model(open_gguf(&format!("models/{}", MODELS[1]))).await;
        for name in ["bitfit", "ssf"] {
            let method = Method::find(name).unwrap();
            let given = json!({"targets": "q_proj,k_proj,v_proj"});
            let options = Options::new(method.options, given.as_object().unwrap()).unwrap();
            let file = shifted(fresh(method, &options, &base).await.unwrap());
            let mut opened = open_gguf(&format!("models/{}", MODELS[1]));
            let go_on = &mut |_, _| ControlFlow::Continue(());
            let merged = merge(&mut opened, &file, Some(Dtype::F32), Cursor::new(Vec::new()), go_on);
            let bytes = merged.unwrap().into_inner();
            let open = &mut |_: &str| Source::new("merged", Cursor::new(bytes.clone())).map(Some);
            let merged = model(Opened::gguf("merged", open).unwrap()).await;
            let expected = logits(&base, load(&file, &base).unwrap().as_ref()).await;
            let off = largest(&logits(&merged, &Base).await, &expected);
            assert!(off <= 1e-4, "{name}: off by {off}");
        }
    });
}

#[test]
fn a_drawn_rank_is_a_first_part_of_the_whole() {
    pollster::block_on(async {
        let base = model(open_gguf(&format!("models/{}", MODELS[0]))).await;
        let method = Method::find("dylora").unwrap();
        let whole = changed(method, &base).await;
        let mut seen = BTreeMap::new();
        for seed in 0..8 {
            let training = method.load(&whole, &base).unwrap().training(seed).expect("another in training");
            let found = logits(&base, training.as_ref()).await;
            let rank = u64::from(seed) + 1;
            let mut part = whole.clone();
            part.config.raw.insert("r".to_owned(), rank.into());
            for tensor in &mut part.tensors {
                let old = tensor.shape.clone();
                let axis = usize::from(tensor.part.starts_with("lora_B"));
                tensor.shape[axis] = rank;
                tensor.values = match axis {
                    0 => tensor.values[..(rank * old[1]) as usize].to_vec(),
                    _ => tensor
                        .values
                        .chunks(old[1] as usize)
                        .flat_map(|row| row[..rank as usize].to_vec())
                        .collect(),
                };
            }
            let expected = logits(&base, load(&part, &base).unwrap().as_ref()).await;
            let off = largest(&found, &expected);
            assert!(off <= 1e-5, "rank {rank}: off by {off}");
            seen.insert(found.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), rank);
        }
        assert_eq!(seen.len(), 8, "each rank computes something else");
    });
}

#[test]
fn each_pass_of_training_draws_one_of_several() {
    pollster::block_on(async {
        let base = model(open_gguf(&format!("models/{}", MODELS[0]))).await;
        let method = Method::find("adamix").unwrap();
        let given = json!({"experts": 3, "targets": "q_proj"});
        let options = Options::new(method.options, given.as_object().unwrap()).unwrap();
        let whole = shifted(fresh(method, &options, &base).await.unwrap());
        let drawn = async |seed| {
            let training = method.load(&whole, &base).unwrap().training(seed).expect("another in training");
            logits(&base, training.as_ref()).await
        };
        // Of every layer one of three As and one of three Bs, alone.
        let layers = base.config().layers.len() as u32;
        let mut each = Vec::new();
        for choice in 0..9_usize.pow(layers) {
            let mut alone = whole.clone();
            for tensor in &mut alone.tensors {
                let Target::Projection(place) = tensor.target else { unreachable!() };
                let by_column = tensor.part == "adamix_B";
                let pair = choice / 9_usize.pow(place.layer) % 9;
                let taken = if by_column { pair / 3 } else { pair % 3 };
                let len = if by_column { 8 } else { tensor.values.len() / 3 };
                for part in tensor.values.chunks_mut(3 * len) {
                    let own = part[taken * len..][..len].to_vec();
                    part.chunks_mut(len).for_each(|other| other.copy_from_slice(&own));
                }
            }
            each.push(logits(&base, method.load(&alone, &base).unwrap().as_ref()).await);
        }
        let mut seen = BTreeSet::new();
        for seed in 0..40 {
            let found = drawn(seed).await;
            assert_eq!(found, drawn(seed).await, "a seed decides");
            let near = each.iter().position(|one| largest(one, &found) <= 1e-5);
            seen.insert(near.expect("one of those that there are"));
        }
        assert!(seen.len() > 20, "{} different draws of 40", seen.len());
    });
}

#[test]
fn tokens_after_others_give_what_they_give_with_them() {
    pollster::block_on(each(async |method, name, model| {
        let adapter = load(&changed(method, model).await, model).unwrap();
        let adapter = adapter.as_ref();
        let mut cache = Cache::new(model.config(), 2, 12 + adapter.lead_len(), model.device());
        let rows = [0, 1].map(|sequence| cache.row(sequence));
        let mut found = [Vec::new(), Vec::new()];
        for parts in [[0..7, 0..3], [7..12, 3..5]] {
            let span = |(sequence, part): (usize, &Range<usize>)| Span {
                ids: IDS[3 * sequence..][part.clone()].to_vec(),
                position: part.start,
                row: rows[sequence],
            };
            let spans: Vec<Span> = parts.iter().enumerate().map(span).collect();
            let batch = model.batch_of(&spans, adapter);
            let hidden = model.hidden(&batch, Some(&mut cache), adapter);
            for ((from, part), found) in batch.first_rows().zip(&parts).zip(&mut found) {
                found.extend(values(model.logits(hidden.clone().narrow(0, from, part.len()), adapter)).await);
            }
        }
        let off = largest(&found.concat(), &logits(model, adapter).await);
        assert!(off <= 1e-4, "{} on {name}: off by {off}", method.name);
    }));
}

#[test]
fn an_adapter_without_strength_is_the_base() {
    pollster::block_on(each(async |method, name, model| {
        let file = changed(method, model).await;
        let weak = with_strength(file.clone(), 0.0);
        if WHOLE.contains(&method.name) {
            assert_eq!(weak.unwrap_err().kind, Kind::Unsupported, "{}", method.name);
            return;
        }
        let found = logits(model, load(&weak.unwrap(), model).unwrap().as_ref()).await;
        assert_eq!(found, logits(model, &Base).await, "{} on {name}", method.name);
        let same = with_strength(file.clone(), 1.0).unwrap();
        let off = |(one, other): (&AdapterTensor, &AdapterTensor)| largest(&one.values, &other.values);
        assert!(same.tensors.iter().zip(&file.tensors).map(off).all(|off| off <= 1e-6), "{}", method.name);
    }));
}

#[test]
fn ten_steps_lower_the_loss_and_leave_the_base_alone() {
    let batch = batch();
    pollster::block_on(each(async |method, name, model| {
        let before = logits(model, &Base).await;
        let mut adapter = method.load(&fresh(method, &options(method), model).await.unwrap(), model).unwrap();
        let settings = Settings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, clip: 1.0 };
        let rates = method.rates(&options(method), &adapter.parameters()).unwrap();
        let mut optimizer = Optimizer::new(settings, adapter.as_ref()).with_rates(rates);
        let mut losses = Vec::new();
        for step in 1..=11 {
            let found = gradients(model, adapter.as_ref(), &batch, scale(&batch));
            losses.push(values(found.loss).await[0] * scale(&batch));
            let norm = optimizer.measure(&found.values).unwrap();
            let progress = Progress { step, steps: 11 };
            adapter = advance(&mut optimizer, adapter, found.values, (norm, method.lr), progress).await;
        }
        assert!(losses[10] < 0.995 * losses[0], "{} on {name}: {losses:?}", method.name);
        assert_eq!(logits(model, &Base).await, before, "{} on {name}", method.name);
    }));
}

fn run_config(method: &Method) -> TrainConfig {
    let config = config(&TestDevice::cpu());
    TrainConfig { method: method.name.to_owned(), options: given(method), lr: None, steps: Some(4), ..config }
}

#[test]
fn a_run_that_goes_on_comes_to_the_same_adapter() {
    for method in METHODS {
        let (whole, broken) = (Machine::new(), Machine::new());
        let told = train(&whole, &run_config(method), false);
        let stop = |event: &TrainEvent| {
            matches!(event, TrainEvent::Stepped(report) if report.step == 2).then_some(TrainCommand::Stop)
        };
        train_until(&broken, &run_config(method), false, stop).end();
        let resumed = train(&broken, &run_config(method), true);
        assert_eq!(told.losses()[2..], resumed.losses()[..], "{}", method.name);
        let written = |machine: &Machine| {
            let mut adapter = machine.adapter("out");
            adapter.tensors.sort_by_key(AdapterTensor::key);
            adapter
        };
        assert_eq!(written(&whole), written(&broken), "{}", method.name);
    }
}

#[test]
fn an_option_out_of_range_is_refused_before_training() {
    pollster::block_on(async {
        let model = model(open_gguf(&format!("models/{}", MODELS[0]))).await;
        for method in METHODS {
            for option in method.options {
                for wrong in [json!([1]), json!(-7), json!("nothing")] {
                    let given: Map<_, _> = [(option.name.to_owned(), wrong.clone())].into_iter().collect();
                    let options = Options::new(method.options, &given).unwrap();
                    let file = fresh(method, &options, &model).await;
                    let refused = file.and_then(|file| {
                        let adapter = method.load(&file, &model)?;
                        method.rates(&options, &adapter.parameters())
                    });
                    // A text to begin with may be any.
                    let any = option.name == "text" && wrong.is_string();
                    assert_eq!(refused.is_ok(), any, "{}, {} = {wrong}", method.name, option.name);
                }
            }
        }
    });
}

#[test]
fn logits_with_what_peft_trained_are_those_of_peft() {
    pollster::block_on(async {
        let mut compared = 0;
        for run in runs() {
            let Some((adapter, ids, expected)) = run.trained() else { continue };
            let model = run.model(&Device::flex()).await;
            let method = run.method(&adapter);
            let adapter = load(&method.export(&adapter).unwrap(), &model).unwrap();
            let batch = model.batch(&[&ids], adapter.as_ref());
            let hidden = model.hidden(&batch, None, adapter.as_ref());
            let prompt = adapter.prompt_len();
            let found = model.logits(hidden.narrow(0, prompt, ids.len()), adapter.as_ref());
            assert_close(&values(found).await, &wide(&expected), 0.0, 1e-4);
            compared += 1;
        }
        assert!(compared >= 7, "{compared} trained adapters");
    });
}

#[test]
fn what_took_a_part_of_the_base_is_written_as_peft_converts_it() {
    let mut compared = 0;
    for run in runs() {
        let Some((trained, converted)) = run.trained().zip(run.converted()) else { continue };
        let written = run.method(&trained.0).export(&trained.0).unwrap();
        assert_eq!(Method::of(&written).unwrap().name, "lora", "{}", run.name);
        for key in ["r", "lora_alpha", "use_rslora", "init_lora_weights"] {
            assert_eq!(
                written.config.raw[key].as_f64(),
                converted.config.raw[key].as_f64(),
                "{}: {key}",
                run.name
            );
        }
        assert_eq!(written.tensors.len(), converted.tensors.len());
        for tensor in &converted.tensors {
            let ours = written.tensors.iter().find(|one| one.key() == tensor.key()).expect("the same names");
            assert_eq!(ours.shape, tensor.shape, "{} {}", run.name, tensor.key());
            assert_close(&ours.values, &wide(&tensor.values), 0.0, 1e-6);
        }
        compared += 1;
    }
    assert_eq!(compared, 2, "converted adapters");
}

#[test]
fn as_much_of_a_weight_is_taken_as_peft_takes() {
    pollster::block_on(async {
        for name in ["pissa", "olora"] {
            let run =
                runs().into_iter().find(|run| run.name == format!("llama-{name}/start-padded")).unwrap();
            let (theirs, ..) = run.trained().unwrap();
            let method = Method::find(name).unwrap();
            let given = json!({"rank": 4, "alpha": 6, "targets": "q_proj,v_proj,down_proj"});
            let options = Options::new(method.options, given.as_object().unwrap()).unwrap();
            let ours = fresh(method, &options, &run.model(&Device::flex()).await).await.unwrap();
            let taken = |file: &PeftAdapter| -> Vec<AdapterTensor> {
                let mut parts = file.tensors.clone();
                parts.retain(|one| one.part.starts_with("taken_"));
                parts.sort_by_key(AdapterTensor::key);
                parts
            };
            let (ours, theirs) = (taken(&ours), taken(&theirs));
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.chunks(2).zip(theirs.chunks(2)) {
                let (ours, theirs) = (product(ours), product(theirs));
                let off = norm(ours.iter().zip(&theirs).map(|(a, b)| a - b)) / norm(theirs.iter().copied());
                assert!(off <= 1e-3, "{name}: off by {off}");
            }
        }
    });
}

/// B·A of A and B.
fn product(pair: &[AdapterTensor]) -> Vec<f32> {
    let [a, b] = pair else { panic!("two tensors") };
    let cols = a.shape[1] as usize;
    let entry = |row: &[f32], at: usize| {
        row.iter().zip(a.values.iter().skip(at).step_by(cols)).map(|(b, a)| b * a).sum()
    };
    b.values
        .chunks(b.shape[1] as usize)
        .flat_map(|row| (0..cols).map(|at| entry(row, at)).collect::<Vec<f32>>())
        .collect()
}
