//! The same step of training from burn's own operations on dense 32-bit numbers: what Smolder's kernels must beat.
//!
//! A llama of random numbers whose whole graph is recorded, as one writes it with burn alone.

use smolder_formats::model::ModelConfig;
use smolder_formats::names::{Place, Projection};
use smolder_kernels::burn::tensor::activation::{log_softmax, silu, softmax};
use smolder_kernels::burn::tensor::{DType, Device, Distribution, Int, Tensor, TensorData};

const RANK: usize = 8;
const EPSILON: f32 = 1e-5;

/// A projection and its LoRA.
struct Linear {
    /// `[in, out]`
    weight: Tensor<2>,
    /// The place of A `[in, rank]` among the trained; B `[rank, out]` is behind it.
    lora: usize,
}

/// The model, its LoRA and the optimizer's moments.
pub(crate) struct Stock {
    sizes: ModelConfig,
    embedding: Tensor<2>,
    layers: Vec<Vec<Linear>>,
    trained: Vec<Tensor<2>>,
    moments: Vec<[Tensor<2>; 2]>,
    device: Device,
}

impl Stock {
    /// Random weights of these sizes.
    pub fn new(sizes: &ModelConfig, device: &Device) -> Self {
        let device = device.clone().autodiff();
        let random = |shape: [usize; 2]| {
            let spread = (shape[0] as f64).sqrt().recip();
            Tensor::<2>::random(shape, Distribution::Uniform(-spread, spread), &device)
        };
        let mut trained = Vec::new();
        let mut linear = |place| {
            let [outputs, inputs] = sizes.weight(place)?.map(|size| size as usize);
            trained.extend([random([inputs, RANK]), random([RANK, outputs])]);
            Some(Linear { weight: random([inputs, outputs]), lora: trained.len() - 2 })
        };
        let projections = Projection::of(&sizes.architecture);
        let layers = (0..sizes.layers as u32).map(|layer| {
            projections.iter().filter_map(|one| linear(Place { layer, projection: *one })).collect()
        });
        let layers = layers.collect();
        let moments = trained
            .iter()
            .map(|one: &Tensor<2>| [one.clone().inner().zeros_like(), one.clone().inner().zeros_like()]);
        let embedding = random([sizes.vocabulary.unwrap_or_default() as usize, sizes.width as usize]);
        Self { moments: moments.collect(), sizes: sizes.clone(), embedding, layers, trained, device }
    }

    /// A step of `AdamW` on the mean loss over these tokens; gives the loss, `[1]`.
    pub fn step(&mut self, ids: &[i32], rate: f32) -> Tensor<1> {
        let trained: Vec<Tensor<2>> =
            self.trained.iter().map(|one| one.clone().detach().require_grad()).collect();
        let loss = self.loss(&trained, ids);
        let grads = loss.backward();
        let new = trained.into_iter().zip(&mut self.moments).map(|(value, [first, second])| {
            let Some(gradient) = value.grad(&grads) else { return value };
            *first = first.clone() * 0.9 + gradient.clone() * 0.1;
            *second = second.clone() * 0.999 + gradient.clone() * gradient * 0.001;
            let update = first.clone() / (second.clone().sqrt() + 1e-8);
            Tensor::from_inner(value.inner() - update * rate)
        });
        self.trained = new.collect();
        loss.inner()
    }

    fn loss(&self, trained: &[Tensor<2>], ids: &[i32]) -> Tensor<1> {
        let ints = |ids: &[i32]| {
            Tensor::<1, Int>::from_data(
                TensorData::new(ids.to_vec(), [ids.len()]),
                (&self.device, DType::I32),
            )
        };
        let [inputs, targets] = [&ids[..ids.len() - 1], &ids[1..]].map(ints);
        let h = self.embedding.clone().select(0, inputs);
        let h = self.layers.iter().fold(h, |h, layer| self.block(h, layer, trained));
        let logits = norm(h).matmul(self.embedding.clone().transpose());
        log_softmax(logits, 1).gather(1, targets.unsqueeze_dim(1)).mean().neg()
    }

    fn block(&self, h: Tensor<2>, layer: &[Linear], trained: &[Tensor<2>]) -> Tensor<2> {
        let [q, k, v, output, gate, up, down] = layer else { return h };
        let apply = |x: &Tensor<2>, linear: &Linear| {
            let [a, b] = [0, 1].map(|at| trained[linear.lora + at].clone());
            x.clone().matmul(linear.weight.clone()) + x.clone().matmul(a).matmul(b) * 2.0
        };
        let x = norm(h.clone());
        let h = h + apply(&self.attention(apply(&x, q), apply(&x, k), apply(&x, v)), output);
        let x = norm(h.clone());
        h + apply(&(silu(apply(&x, gate)) * apply(&x, up)), down)
    }

    fn attention(&self, q: Tensor<2>, k: Tensor<2>, v: Tensor<2>) -> Tensor<2> {
        let ModelConfig { heads, kv_heads, head_dim, .. } = self.sizes;
        let [heads, kv_heads, head_dim] = [heads, kv_heads, head_dim].map(|size| size as usize);
        let tokens = q.dims()[0];
        let split = |x: Tensor<2>, heads: usize| x.reshape([tokens, heads, head_dim]).swap_dims(0, 1);
        let shared = |x: Tensor<3>| {
            let of_all: Tensor<4> = x.unsqueeze_dim(1);
            of_all.repeat_dim(1, heads / kv_heads).reshape([heads, tokens, head_dim])
        };
        let (q, k) = (self.turned(split(q, heads)), shared(self.turned(split(k, kv_heads))));
        let scores = q.matmul(k.transpose()) * (head_dim as f32).sqrt().recip();
        let future = Tensor::<2>::ones([tokens, tokens], &self.device).triu(1) * -1e9;
        let seen = softmax(scores + future.unsqueeze(), 2);
        seen.matmul(shared(split(v, kv_heads))).swap_dims(0, 1).reshape([tokens, heads * head_dim])
    }

    /// Rotary embedding of halves, `[heads, tokens, head_dim]`.
    fn turned(&self, x: Tensor<3>) -> Tensor<3> {
        let [_, tokens, head_dim] = x.dims();
        let half = head_dim / 2;
        let base = self.sizes.rope_base as f32;
        let angles =
            (0..tokens * half).map(|at| (at / half) as f32 * base.powf(-((at % half) as f32) / half as f32));
        let angles = TensorData::new(angles.collect::<Vec<f32>>(), [1, tokens, half]);
        let angles = Tensor::<3>::from_data(angles, &self.device);
        let (cos, sin) = (angles.clone().cos(), angles.sin());
        let (low, high) = (x.clone().narrow(2, 0, half), x.narrow(2, half, half));
        let turned = [low.clone() * cos.clone() - high.clone() * sin.clone(), high * cos + low * sin];
        Tensor::cat(turned.to_vec(), 2)
    }
}

/// RMSNorm without weights: a norm's are frozen and cost next to nothing.
fn norm(x: Tensor<2>) -> Tensor<2> {
    let mean = (x.clone() * x.clone()).mean_dim(1);
    x * (mean + EPSILON).sqrt().recip()
}
