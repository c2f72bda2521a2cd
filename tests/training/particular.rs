//! What is particular to a few methods.

use crate::methods::{fresh, largest, logits, model, shifted};
use crate::runs::{Run, runs};
use serde_json::{Value, json};
use smolder_formats::adapter::PeftAdapter;
use smolder_formats::{Kind, Source};
use smolder_kernels::burn::tensor::Device;
use smolder_models::peft::{Base, Method, Options, load};
use smolder_models::{Model, Opened, merge};
use smolder_tests::fixtures::open_gguf;
use smolder_tests::{assert_close, values, wide};
use std::io::Cursor;
use std::ops::ControlFlow;

fn run(name: &str) -> Run {
    runs().into_iter().find(|run| run.name == format!("{name}/start-padded")).unwrap()
}

async fn begun(method: &str, given: Value, model: &Model) -> PeftAdapter {
    let method = Method::find(method).unwrap();
    let options = Options::new(method.options, given.as_object().unwrap()).unwrap();
    fresh(method, &options, model).await.unwrap()
}

#[test]
fn rank_that_was_taken_away_is_written_as_little_as_by_peft() {
    pollster::block_on(async {
        let mut compared = 0;
        for run in runs() {
            let Some(((trained, ids, expected), theirs)) = run.trained().zip(run.written()) else { continue };
            let ours = run.method(&trained).export(&trained).unwrap();
            let left = |file: &PeftAdapter, name: &String| {
                let flags = file.config.raw["rank_pattern"][name].as_array().unwrap().clone();
                flags.iter().filter(|left| **left == json!(true)).count()
            };
            let names: Vec<&String> = theirs.config.raw["rank_pattern"].as_object().unwrap().keys().collect();
            // Of what PEFT leaves nothing of we leave one with E 0.
            assert!(names.iter().any(|name| left(&theirs, name) == 0));
            assert!(names.iter().all(|name| left(&ours, name) == left(&theirs, name).max(1)), "{}", run.name);
            assert_eq!(ours.tensors.len(), theirs.tensors.len());
            for tensor in &theirs.tensors {
                let same = ours.tensors.iter().find(|one| one.key() == tensor.key()).expect("the same names");
                if tensor.values.is_empty() {
                    assert!(same.shape.contains(&1), "{}", tensor.key());
                    assert!(same.part != "lora_E" || same.values == [0.0]);
                } else {
                    assert_eq!(
                        (&same.shape, &same.values),
                        (&tensor.shape, &tensor.values),
                        "{}",
                        tensor.key()
                    );
                }
            }
            let model = run.model(&Device::flex()).await;
            let adapter = load(&theirs, &model).unwrap();
            let batch = model.batch(&[&ids], adapter.as_ref());
            let hidden = model.hidden(&batch, None, adapter.as_ref());
            assert_close(&values(model.logits(hidden, adapter.as_ref())).await, &wide(&expected), 0.0, 1e-4);
            compared += 1;
        }
        assert_eq!(compared, 1, "adapters that lost rank");
    });
}

#[test]
fn what_a_block_of_weights_shares_is_merged_without_loss() {
    pollster::block_on(async {
        let file = "models/llama-linear/q4_1.gguf";
        let base = model(open_gguf(file)).await;
        let mut errors = Vec::new();
        for name in ["qa-lora", "lora"] {
            let adapter = shifted(begun(name, json!({}), &base).await);
            let mut opened = open_gguf(file);
            let go_on = &mut |_, _| ControlFlow::Continue(());
            let bytes =
                merge(&mut opened, &adapter, None, Cursor::new(Vec::new()), go_on).unwrap().into_inner();
            let open = &mut |_: &str| Source::new("merged", Cursor::new(bytes.clone())).map(Some);
            let merged = model(Opened::gguf("merged", open).unwrap()).await;
            let expected = logits(&base, load(&adapter, &base).unwrap().as_ref()).await;
            errors.push(largest(&logits(&merged, &Base).await, &expected));
        }
        // What is left is the rounding of each block's least number to 16 bits.
        assert!(errors[0] < 0.05 && errors[0] < 0.01 * errors[1], "{errors:?}");
    });
}

#[test]
fn entries_nearest_to_zero_are_those_of_the_reference() {
    pollster::block_on(async {
        let run = run("llama-pafi");
        let (theirs, ..) = run.trained().unwrap();
        let base = run.model(&Device::flex()).await;
        let given = json!({"share": 0.02, "targets": "q_proj,v_proj,down_proj"});
        let ours = begun("pafi", given, &base).await;
        assert_eq!(ours.tensors.len(), theirs.tensors.len());
        for tensor in ours.tensors.iter().filter(|one| one.part != "sparse_values") {
            let same = theirs.tensors.iter().find(|one| one.key() == tensor.key()).expect("the same names");
            assert!(tensor.values.len() > 10 && tensor.values == same.values, "{}", tensor.key());
        }
    });
}

#[test]
fn entries_that_no_weight_has_are_refused() {
    pollster::block_on(async {
        let base = model(open_gguf("models/llama-llama3/q4_0.gguf")).await;
        let whole = begun("pafi", json!({}), &base).await;
        for (part, wrong) in [("sparse_rows", 1e6), ("sparse_columns", 0.5), ("sparse_columns", -1.0)] {
            let mut file = whole.clone();
            let tensor = file.tensors.iter_mut().find(|one| one.part == part).unwrap();
            tensor.values[0] = wrong;
            let refused = load(&file, &base).unwrap_err();
            assert_eq!((refused.kind, refused.field.contains(part)), (Kind::Value, true), "{refused}");
        }
        let mut file = whole;
        file.tensors.retain(|one| one.part != "sparse_columns");
        assert_eq!(load(&file, &base).unwrap_err().kind, Kind::Missing);
    });
}

#[test]
fn virtual_tokens_for_some_layers_are_for_the_last() {
    pollster::block_on(async {
        let base = model(open_gguf("models/llama-llama3/q4_0.gguf")).await;
        let last = begun("llama-adapter", json!({"layers": 1}), &base).await;
        let last = shifted(last);
        assert!(last.tensors.iter().all(|one| one.key().contains("layers.1.self_attn.adaption_")));
        let change =
            largest(&logits(&base, load(&last, &base).unwrap().as_ref()).await, &logits(&base, &Base).await);
        assert!(change > 0.0);
    });
}

#[test]
fn rank_that_a_pattern_does_not_state_is_refused() {
    let run = run("llama-adalora");
    pollster::block_on(async {
        let base = run.model(&Device::flex()).await;
        let (whole, written) = (run.trained().unwrap().0, run.written().unwrap());
        let mut other = whole;
        other.config.raw.insert("rank_pattern".to_owned(), written.config.raw["rank_pattern"].clone());
        assert_eq!(load(&other, &base).unwrap_err().kind, Kind::Shape);
        let mut schedule = written;
        schedule.config.raw.insert("tinit".to_owned(), json!(9));
        assert_eq!(load(&schedule, &base).unwrap_err().kind, Kind::Value);
    });
}
