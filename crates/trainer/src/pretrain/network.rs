//! A llama with every weight trained: the forward pass of `smolder_models` over dense matrices that have gradients.

use crate::data::Sequence;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::{Place, Projection};
use smolder_kernels::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use smolder_kernels::{
    Gate, KeyRanges, Pairing, Scaling, add_rms_norm, attention, cross_entropy, gated_unit, rms_norm, rope,
    rope_frequencies,
};

/// Weights of a block: a norm, its projections in the order of [`Projection::of`], a norm.
const OF_BLOCK: usize = 9;

/// The model while it is trained.
#[derive(Debug)]
pub(super) struct Network {
    pub config: ModelConfig,
    /// Embedding (which is the head too), blocks, last norm; norms as one row.
    pub weights: Vec<Tensor<2>>,
    device: Device,
}

/// A weight's name in a GGUF, its place where it is a projection's, and its shape; norms are one row.
pub(super) struct Slot {
    pub name: String,
    pub place: Option<Place>,
    pub shape: [usize; 2],
}

/// All weights in their order.
pub(super) fn slots(config: &ModelConfig) -> Vec<Slot> {
    let width = config.width as usize;
    let norm = |name: String| Slot { name, place: None, shape: [1, width] };
    let rows = config.vocabulary.unwrap_or_default() as usize;
    let mut slots = vec![Slot { name: "token_embd.weight".into(), place: None, shape: [rows, width] }];
    for layer in 0..config.layers as u32 {
        slots.push(norm(format!("blk.{layer}.attn_norm.weight")));
        slots.extend(Projection::of(&config.architecture).iter().filter_map(|projection| {
            let place = Place { layer, projection: *projection };
            let shape = config.weight(place)?.map(|size| size as usize);
            Some(Slot { name: format!("{}.weight", place.gguf()), place: Some(place), shape })
        }));
        slots.push(norm(format!("blk.{layer}.ffn_norm.weight")));
    }
    slots.push(norm("output_norm.weight".into()));
    slots
}

impl Network {
    /// Weights from N(0, σ²): σ is 0.02 for the embedding and 1/(2√in) for projections, those that write into the
    /// residual stream divided by √(2·layers) (Radford et al. 2019); norms are 1.
    pub fn new(config: ModelConfig, seed: u64, device: &Device) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let residual = (2.0 * config.layers as f32).sqrt().recip();
        let weight = |Slot { place, shape: [rows, cols], .. }: Slot| {
            let deviation = match place.map(|place| place.projection) {
                Some(Projection::O | Projection::Down) => 0.5 * residual / (cols as f32).sqrt(),
                Some(_) => 0.5 / (cols as f32).sqrt(),
                None => 0.02,
            };
            let values = if rows == 1 {
                vec![1.0; cols]
            } else {
                (0..rows * cols).map(|_| deviation * normal(&mut random)).collect()
            };
            Tensor::from_data(TensorData::new(values, [rows, cols]), device)
        };
        let weights = slots(&config).into_iter().map(weight).collect();
        Self { config, weights, device: device.clone() }
    }

    /// How many numbers are trained.
    pub fn parameters(&self) -> usize {
        self.weights.iter().map(|weight| weight.dims().iter().product::<usize>()).sum()
    }

    /// Mean loss over the labelled tokens, and its gradient for each weight.
    pub fn gradients(&self, sequences: &[Sequence]) -> (Tensor<1>, Vec<Tensor<2>>) {
        let weights: Vec<Tensor<2>> =
            self.weights.iter().map(|weight| weight.clone().autodiff().require_grad()).collect();
        let (losses, logits, gradient) = self.losses(&weights, sequences);
        let grads = (logits * gradient.autodiff()).sum().backward();
        let gradient =
            |weight: &Tensor<2>| weight.grad(&grads).unwrap_or_else(|| weight.clone().inner().zeros_like());
        (losses.mean(), weights.iter().map(gradient).collect())
    }

    /// Each labelled token's loss, `[labels]`.
    pub fn loss(&self, sequences: &[Sequence]) -> Tensor<1> {
        self.losses(&self.weights, sequences).0
    }

    /// Losses, the logits that they are of, and the gradient of their mean for the logits.
    fn losses(&self, weights: &[Tensor<2>], sequences: &[Sequence]) -> (Tensor<1>, Tensor<2>, Tensor<2>) {
        let mut first = 0;
        let (mut rows, mut targets) = (Vec::new(), Vec::new());
        for sequence in sequences {
            let learned = |at: &usize| sequence.mask.get(*at).copied().unwrap_or_default();
            let labels: Vec<usize> = (1..sequence.ids.len()).filter(learned).collect();
            rows.extend(labels.iter().map(|at| (first + at - 1) as i32));
            targets.extend(labels.iter().filter_map(|at| sequence.ids.get(*at)).map(|id| id.cast_signed()));
            first += sequence.ids.len();
        }
        let scale = (rows.len() as f32).recip();
        let hidden = self.hidden(weights, sequences).select(0, self.ints(rows));
        let logits = hidden.matmul(weights[0].clone().transpose());
        let (losses, gradient) = cross_entropy(logits.clone().inner(), self.ints(targets), scale, None);
        (losses, logits, gradient)
    }

    /// The normalised residual stream behind the last block, `[tokens, width]`.
    pub fn hidden(&self, weights: &[Tensor<2>], sequences: &[Sequence]) -> Tensor<2> {
        let lengths: Vec<u32> = sequences.iter().map(|one| one.ids.len() as u32).collect();
        let ids = sequences.iter().flat_map(|one| one.ids.iter().map(|id| id.cast_signed()));
        let positions = lengths.iter().flat_map(|length| 0..length.cast_signed());
        let config = &self.config;
        let rotary = config.head_dim as usize;
        let frequencies = rope_frequencies(config.rope_base as f32, rotary, &Scaling::None);
        let shared = Shared {
            config,
            positions: self.ints(positions.collect()),
            frequencies: Tensor::from_data(TensorData::new(frequencies, [rotary / 2]), &self.device),
            seen: KeyRanges::causal(&lengths, &self.device),
        };
        let embedded = weights[0].clone().select(0, self.ints(ids.collect()));
        let blocks = weights[1..].chunks_exact(OF_BLOCK);
        let h = blocks.fold(embedded, |h, weights| shared.block(h, weights));
        rms_norm(h, row(&weights[weights.len() - 1]), config.norm_eps as f32)
    }

    fn ints(&self, values: Vec<i32>) -> Tensor<1, Int> {
        let len = values.len();
        Tensor::from_data(TensorData::new(values, [len]), (&self.device, DType::I32))
    }
}

/// What all blocks use of a batch.
struct Shared<'a> {
    config: &'a ModelConfig,
    positions: Tensor<1, Int>,
    frequencies: Tensor<1>,
    seen: KeyRanges,
}

impl Shared<'_> {
    fn block(&self, h: Tensor<2>, weights: &[Tensor<2>]) -> Tensor<2> {
        let [norm, q, k, v, output, gate, up, down, second_norm] = weights else { return h };
        let eps = self.config.norm_eps as f32;
        let x = rms_norm(h.clone(), row(norm), eps);
        let (q, k, v) = (linear(&x, q), linear(&x, k), linear(&x, v));
        let (x, h) = {
            let attended = linear(&self.attention(q, k, v), output);
            let (h, x) = add_rms_norm(attended, h, row(second_norm), eps);
            (x, h)
        };
        h + linear(&gated_unit(linear(&x, gate), linear(&x, up), Gate::Silu), down)
    }

    fn attention(&self, q: Tensor<2>, k: Tensor<2>, v: Tensor<2>) -> Tensor<2> {
        let ModelConfig { heads, kv_heads, head_dim, .. } = *self.config;
        let tokens = q.dims()[0];
        let split = |x: Tensor<2>, heads: u64| x.reshape([tokens, heads as usize, head_dim as usize]);
        let turn = |x| rope(x, self.positions.clone(), self.frequencies.clone(), Pairing::Halves, 1.0);
        let (q, k, v) = (turn(split(q, heads)), turn(split(k, kv_heads)), split(v, kv_heads));
        let scale = (head_dim as f32).sqrt().recip();
        attention(q, k, v, &self.seen, scale, None).reshape([tokens, (heads * head_dim) as usize])
    }
}

fn linear(x: &Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
    x.clone().matmul(weight.clone().transpose())
}

fn row(weight: &Tensor<2>) -> Tensor<1> {
    weight.clone().reshape([weight.dims()[1]])
}

/// N(0, 1) by Box and Muller.
fn normal(random: &mut ChaCha8Rng) -> f32 {
    let mut uniform = || (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
    let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
    (radius * angle.cos()) as f32
}
