//! Loss and gradients of one micro-batch, a layer at a time.
//!
//! The forward pass keeps each layer's input and, but for the last layers where [`kept`](crate::kept) finds room, nothing
//! else. The backward pass runs each other layer once more from its input, now recorded, and takes the product of its
//! Jacobian with the gradient that arrives (activation checkpointing, Chen et al. 2016, arXiv 1604.06174). Frozen weights
//! have neither gradients nor copies.

use crate::data::Sequence;
use crate::kept;
use smolder_kernels::burn::tensor::{DType, IndexingUpdateOp, Int, Tensor, TensorData};
use smolder_kernels::cross_entropy;
use smolder_models::peft::{Adapter, Parameter};
use smolder_models::{Batch, Model};

/// Numbers of a chunk of logits: the vocabulary's logits of a whole batch never exist.
pub(crate) const CHUNK: usize = 1 << 22;

/// What a micro-batch gives, on the device.
#[derive(Debug)]
pub struct Gradients {
    /// Sum of the losses of all labelled tokens, in nats.
    pub loss: Tensor<1>,
    /// One for each of the adapter's parameters, in their order; `None` for one that nothing depended on.
    pub values: Vec<Option<Tensor<2>>>,
}

/// Sum of the losses of all labelled tokens, and the gradients of `scale` times that sum and of as much of the adapter's
/// [penalty](Adapter::penalty) as these tokens are of the step's.
///
/// `scale` is one over the labelled tokens of the whole step. There must be a labelled token.
pub fn gradients(model: &Model, adapter: &dyn Adapter, sequences: &[Sequence], scale: f32) -> Gradients {
    let rows = sequences.iter().map(|one| one.ids.len() + adapter.prompt_len()).sum::<usize>();
    gradients_keeping(kept::layers(model, rows as u64), model, adapter, sequences, scale)
}

/// [`gradients`] with the activations of the last `kept` layers held in memory: the same bits, sooner.
pub fn gradients_keeping(
    kept: usize,
    model: &Model,
    adapter: &dyn Adapter,
    sequences: &[Sequence],
    scale: f32,
) -> Gradients {
    let batch = batch(model, adapter, sequences);
    let mut sums = Sums::new(adapter);
    let tracked = adapter.with(sums.parameters.clone());
    let tracked = tracked.as_ref();
    let (passed, last) = forward(kept, model, (adapter, tracked), &batch);
    let labels = labels(&batch, sequences);
    let (loss, mut gradient) = head((model, tracked), &last, &labels, scale, &mut sums);
    for (layer, passed) in passed.into_iter().enumerate().rev() {
        let (input, output) = match passed.output {
            Some(output) => (passed.input, output),
            None => record(model, layer, passed.input, &batch, tracked),
        };
        gradient = sums.pull_back(output, gradient, &input);
    }
    if tracked.changes_input() {
        let embedded = model.embed(&batch, tracked);
        let nowhere = embedded.clone();
        let _ = sums.pull_back(embedded, gradient, &nowhere);
    }
    if let Some(penalty) = tracked.penalty() {
        let share = Tensor::full([1, 1], labels.0.len() as f32 * scale, model.device());
        let penalty = penalty.reshape([1, 1]);
        let nowhere = penalty.clone();
        let _ = sums.pull_back(penalty, share, &nowhere);
    }
    Gradients { loss, values: sums.values }
}

/// Sum of the losses of all labelled tokens.
pub fn loss(model: &Model, adapter: &dyn Adapter, sequences: &[Sequence]) -> Tensor<1> {
    let batch = batch(model, adapter, sequences);
    let h = model.hidden(&batch, None, adapter);
    let (rows, targets) = labels(&batch, sequences);
    let picked = h.select(0, ints(model, &rows));
    let normed = model.last_norm(picked, adapter);
    let targets = ints(model, &targets);
    let losses = parts(model, rows.len()).map(|(start, len)| {
        let x = normed.clone().narrow(0, start, len);
        let change = adapter.head(&x, start);
        let targets = targets.clone().narrow(0, start, len);
        cross_entropy(logits(model, x, change), targets, 1.0, model.config().logit_cap).0.sum()
    });
    Tensor::cat(losses.collect(), 0).sum()
}

fn batch(model: &Model, adapter: &dyn Adapter, sequences: &[Sequence]) -> Batch {
    model.batch(&sequences.iter().map(|one| one.ids.as_slice()).collect::<Vec<_>>(), adapter)
}

/// What the forward pass leaves of a layer.
struct Passed {
    input: Tensor<2>,
    /// Where the layer was recorded.
    output: Option<Tensor<2>>,
}

/// Each layer, and the residual stream behind the last. Of the two adapters one is what the other is differentiated as.
fn forward(
    kept: usize,
    model: &Model,
    (adapter, tracked): (&dyn Adapter, &dyn Adapter),
    batch: &Batch,
) -> (Vec<Passed>, Tensor<2>) {
    let mut h = model.embed(batch, adapter);
    let layers = model.config().layers.len();
    let mut pass = |layer: usize| {
        if layer + kept < layers {
            let output = model.block(layer, h.clone(), batch, None, adapter);
            return Passed { input: std::mem::replace(&mut h, output), output: None };
        }
        let (input, output) = record(model, layer, h.clone(), batch, tracked);
        h = output.clone().inner();
        Passed { input, output: Some(output) }
    };
    let passed = (0..layers).map(&mut pass).collect();
    (passed, h)
}

/// A layer's input and output, recorded.
fn record(
    model: &Model,
    layer: usize,
    input: Tensor<2>,
    batch: &Batch,
    adapter: &dyn Adapter,
) -> (Tensor<2>, Tensor<2>) {
    let input = input.autodiff().require_grad();
    let output = model.block(layer, input.clone(), batch, None, adapter);
    (input, output)
}

/// The rows that predict a labelled token, and those tokens.
fn labels(batch: &Batch, sequences: &[Sequence]) -> (Vec<i32>, Vec<i32>) {
    let labelled = batch.first_rows().zip(sequences).flat_map(|(first, sequence)| {
        let tokens = sequence.ids.iter().zip(&sequence.mask).enumerate().skip(1);
        tokens
            .filter(|(_, (_, learned))| **learned)
            .map(move |(at, (id, _))| ((first + at - 1) as i32, id.cast_signed()))
    });
    labelled.unzip()
}

/// The sum of the losses, and the gradient of `scale` times it for every row of `h`.
fn head(
    (model, adapter): (&Model, &dyn Adapter),
    h: &Tensor<2>,
    (rows, targets): &(Vec<i32>, Vec<i32>),
    scale: f32,
    sums: &mut Sums,
) -> (Tensor<1>, Tensor<2>) {
    let rows = ints(model, rows);
    let picked = h.clone().select(0, rows.clone()).autodiff().require_grad();
    let normed = model.last_norm(picked.clone(), adapter);
    let x = normed.clone().inner();
    let (loss, gradient) = chunks((model, adapter), &x, &ints(model, targets), scale, sums);
    let gradient = sums.pull_back(normed, gradient, &picked);
    (loss, h.zeros_like().select_assign(0, rows, gradient, IndexingUpdateOp::Add))
}

fn ints(model: &Model, values: &[i32]) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), (model.device(), DType::I32))
}

/// Starts and lengths of as many of `rows` at a time as [`CHUNK`] holds logits of.
fn parts(model: &Model, rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = (CHUNK / model.vocabulary()).clamp(1, rows.max(1));
    (0..rows).step_by(step).map(move |start| (start, step.min(rows - start)))
}

/// The head's answer to rows of the last norm's, changed as an adapter does.
fn logits(model: &Model, x: Tensor<2>, change: Option<Tensor<2>>) -> Tensor<2> {
    let logits = model.head().matmul(x);
    match change {
        Some(change) => logits + change,
        None => logits,
    }
}

/// Linear layer and cross-entropy, as many rows at a time as [`CHUNK`] holds.
fn chunks(
    (model, adapter): (&Model, &dyn Adapter),
    normed: &Tensor<2>,
    targets: &Tensor<1, Int>,
    scale: f32,
    sums: &mut Sums,
) -> (Tensor<1>, Tensor<2>) {
    let chunk = |(start, len): (usize, usize)| {
        let x = normed.clone().narrow(0, start, len);
        let tracked = x.clone().autodiff().require_grad();
        let change = adapter.head(&tracked, start);
        let logits = logits(model, x, change.clone().map(Tensor::inner));
        let targets = targets.clone().narrow(0, start, len);
        let (losses, gradient) = cross_entropy(logits, targets, scale, model.config().logit_cap);
        let back = model.head().matmul_back(&gradient);
        let back = match change {
            Some(change) => back + sums.pull_back(change, gradient, &tracked),
            None => back,
        };
        (losses.sum(), back)
    };
    let (losses, gradients): (Vec<_>, Vec<_>) = parts(model, normed.dims()[0]).map(chunk).unzip();
    (Tensor::cat(losses, 0).sum(), Tensor::cat(gradients, 0))
}

/// What is differentiated by, and the sums of its gradients so far.
#[derive(Default)]
struct Sums {
    parameters: Vec<Tensor<2>>,
    values: Vec<Option<Tensor<2>>>,
}

impl Sums {
    fn new(adapter: &dyn Adapter) -> Self {
        let tracked = |one: Parameter| one.value.autodiff().require_grad();
        let parameters: Vec<_> = adapter.parameters().into_iter().map(tracked).collect();
        Self { values: vec![None; parameters.len()], parameters }
    }

    /// Adds `gradient·∂output/∂p` to each parameter's value, and gives the same for `input`.
    fn pull_back(&mut self, output: Tensor<2>, gradient: Tensor<2>, input: &Tensor<2>) -> Tensor<2> {
        let grads = (output * gradient.clone().autodiff()).sum().backward();
        for (parameter, value) in self.parameters.iter().zip(&mut self.values) {
            if let Some(new) = parameter.grad(&grads) {
                *value = Some(match value.take() {
                    Some(sum) => sum + new,
                    None => new,
                });
            }
        }
        input.grad(&grads).unwrap_or(gradient)
    }
}
