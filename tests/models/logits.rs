//! Logits of every architecture, whole, in pieces through a cache, and packed.

use smolder_kernels::burn::tensor::Tensor;
use smolder_models::batch::Span;
use smolder_models::peft::Base;
use smolder_models::{Cache, Model};
use smolder_tests::fixtures::{Case, cases};
use smolder_tests::{TestDevice, assert_close, on_every_device, values};

on_every_device!(
    logits_are_those_of_transformers,
    a_cache_changes_nothing,
    a_cache_in_parts_changes_nothing,
    packed_documents_do_not_see_each_other
);

/// What rounding of f32 sums in another order may amount to; transformers and llama.cpp differ by 2e-5 here.
fn tolerance(device: &TestDevice) -> f64 {
    if device.is_gpu() { 1e-3 } else { 1e-4 }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

async fn check(case: &Case, device: &TestDevice, logits: Tensor<2>, expected: &[f32]) {
    let vocabulary = logits.dims()[1];
    let found = values(logits).await;
    println!("{}: {:?}", case.name, &found[..3]);
    let best = |logits: &[f32]| {
        let rows = logits.chunks(vocabulary);
        rows.map(|row| (0..vocabulary).max_by(|a, b| row[*a].total_cmp(&row[*b]))).collect::<Vec<_>>()
    };
    assert_close(&found, &wide(expected), 0.0, tolerance(device));
    assert_eq!(best(&found), best(expected), "{}", case.name);
}

async fn logits_are_those_of_transformers(device: &TestDevice) {
    for case in cases() {
        let model = case.load(&device.device).await;
        let ids = case.ids();
        let batch = model.batch(&[&ids], &Base);
        let logits = model.logits(model.hidden(&batch, None, &Base), &Base);
        check(&case, device, logits, &case.expected("logits")).await;
    }
}

/// Through a cache for two sequences, of which the second is the case's: 20 tokens, then one, then the rest.
fn in_pieces(model: &Model, ids: &[u32], mut cache: Cache) -> Tensor<2> {
    let mut piece = |from: usize, to: usize| {
        let other = Span { ids: ids[..2].to_vec(), position: from, row: cache.row(0) };
        let span = Span { ids: ids[from..to].to_vec(), position: from, row: cache.row(1) };
        let batch = model.batch_of(&[other, span], &Base);
        model.hidden(&batch, Some(&mut cache), &Base).narrow(0, 2, to - from)
    };
    let pieces = vec![piece(0, 20), piece(20, 21), piece(21, ids.len())];
    model.logits(Tensor::cat(pieces, 0), &Base)
}

async fn a_cache_changes_nothing(device: &TestDevice) {
    for case in cases() {
        let model = case.load(&device.device).await;
        let ids = case.ids();
        let cache = Cache::new(model.config(), 2, ids.len() + 3, &device.device);
        check(&case, device, in_pieces(&model, &ids, cache), &case.expected("logits")).await;
    }
}

/// One of three key heads in a tensor, then two: what a long context comes to at a device's limits.
async fn a_cache_in_parts_changes_nothing(device: &TestDevice) {
    let mut in_parts = 0;
    for case in cases() {
        let sizes = case.open().config.sizes;
        if sizes.kv_heads < 3 {
            continue;
        }
        let (model, ids) = (case.load(&device.device).await, case.ids());
        let head_bytes = 4 * 2 * (ids.len() + 3) * sizes.head_dim as usize;
        for most in [1, 2 * head_bytes] {
            let cache = Cache::in_parts_of(most, model.config(), 2, ids.len() + 3, &device.device);
            check(&case, device, in_pieces(&model, &ids, cache), &case.expected("logits")).await;
        }
        in_parts += 1;
    }
    assert!(in_parts > 0);
}

async fn packed_documents_do_not_see_each_other(device: &TestDevice) {
    let mut packed = 0;
    for case in cases() {
        let Some([first, second]) = case.documents() else { continue };
        let model = case.load(&device.device).await;
        let ids = case.ids();
        let batch = model.batch(&[&ids[..first], &ids[first..]], &Base);
        let logits = model.logits(model.hidden(&batch, None, &Base), &Base);
        let vocabulary = logits.dims()[1];
        let mut expected = case.expected("logits")[..first * vocabulary].to_vec();
        expected.extend(case.expected("second_document"));
        assert_eq!(expected.len(), (first + second) * vocabulary);
        check(&case, device, logits, &expected).await;
        packed += 1;
    }
    assert!(packed >= if cfg!(target_family = "wasm") { 1 } else { 5 });
}
