//! A tiny llama from nothing but a text: vocabulary, every weight, and a file that any reader of GGUF opens.

mod batches;
mod network;
mod text;
mod write;

use batches::Corpus;
use network::Network;
use smolder_formats::Dtype;
use smolder_formats::gguf::Metadata;
use smolder_formats::model::ModelConfig;
use smolder_formats::template::ChatTemplate;
use smolder_formats::tokenizer::{Tokenizer, learn};
use smolder_kernels::burn::tensor::{Device, Tensor};
use smolder_kernels::{AdamW, adamw, clip_factor, sum_of_squares};
use smolder_protocol::train::ScheduleKind;
use std::ops::ControlFlow;

use crate::data::Sequence;
use crate::schedule::Schedule;

/// Control tokens: the end of a text, the start and the end of a turn. Their ids are their places.
const CONTROLS: [&str; 3] = [text::END, "<|im_start|>", "<|im_end|>"];
/// Steps between losses that are read back, and between evaluations.
const REPORT: u64 = 10;
const EVALUATE: u64 = 250;

/// What is made, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The model's name.
    pub name: String,
    /// Tokens of the vocabulary.
    pub vocabulary: u64,
    /// Width of the residual stream; a multiple of `heads`.
    pub width: u64,
    /// Blocks.
    pub layers: u64,
    /// Heads, each with keys and values of its own.
    pub heads: u64,
    /// Width inside the feed-forward block.
    pub feed_forward: u64,
    /// Tokens of the longest sequence.
    pub context: u64,
    /// Optimizer steps.
    pub steps: u64,
    /// Tokens of a step.
    pub batch_tokens: usize,
    /// Learning rate at its peak; it grows over the first 3 % of the steps and falls to a tenth along half a cosine.
    pub rate: f64,
    /// Decoupled weight decay of all matrices.
    pub weight_decay: f64,
    /// Share of the tokens that is seen as conversations made of the text.
    pub chat_share: f64,
    /// Share of the text, its end, that is not trained on.
    pub held_out: f64,
    /// Decides weights, order and conversations.
    pub seed: u64,
    /// How matrices are stored in the file; norms are in 32 bits.
    pub dtype: Dtype,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum PretrainError {
    /// The text is too short to learn from.
    #[error(
        "text: expected at least {expected} tokens to train and {held_out} to evaluate on, found {found} in all"
    )]
    Short {
        /// Tokens to train on at least.
        expected: usize,
        /// Tokens to evaluate on at least.
        held_out: usize,
        /// Tokens that there are.
        found: usize,
    },
    /// The sizes fit no model, or the text no format.
    #[error(transparent)]
    Format(#[from] smolder_formats::Error),
    /// The device gave no answer.
    #[error("the device gave no result: {0}")]
    Device(String),
    /// The loss is no number any more.
    #[error("the loss is {loss} at step {step}: try a lower learning rate")]
    Diverged {
        /// The step.
        step: u64,
        /// What it is.
        loss: f32,
    },
    /// Somebody asked to stop.
    #[error("stopped")]
    Cancelled,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// The vocabulary is there.
    Begin {
        /// Its tokens.
        vocabulary: usize,
        /// Tokens of the text that is trained on.
        tokens: usize,
        /// Numbers that are trained.
        parameters: usize,
    },
    /// A step is done.
    Step {
        /// Its number, from 1.
        step: u64,
        /// Its mean loss, in nats a token.
        loss: f32,
        /// Its learning rate.
        rate: f64,
    },
    /// The mean loss on the text that is held out.
    HeldOut {
        /// In nats a token.
        loss: f32,
    },
}

/// A model that was trained.
#[derive(Debug)]
pub struct Pretrained {
    network: Network,
    metadata: Metadata,
    dtype: Dtype,
    /// The mean loss on the text that is held out, in nats a token.
    pub held_out_loss: f32,
}

/// Learns a vocabulary and trains a model on `text`, whose documents `<|endoftext|>` separates.
///
/// # Errors
/// [`PretrainError`].
pub async fn pretrain(
    text: &str,
    settings: &Settings,
    device: &Device,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Pretrained, PretrainError> {
    let documents: Vec<&str> = text.split(text::END).map(str::trim).filter(|one| !one.is_empty()).collect();
    let learned = learn(documents.iter().copied(), &CONTROLS, settings.vocabulary as usize);
    let metadata = settings.metadata(&learned);
    let config = ModelConfig::from_gguf(&metadata)?;
    write::check(&config, settings.dtype)?;
    let tokenizer = Tokenizer::from_gguf(&metadata)?;
    let template = ChatTemplate::new(None)?;
    let mut corpus = Corpus::new(&documents, settings, &tokenizer, &template)?;
    let mut run = Run::new(settings, Network::new(config, settings.seed, device));
    let (vocabulary, parameters) = (tokenizer.vocabulary_len(), run.network.parameters());
    watched(watch(Progress::Begin { vocabulary, tokens: corpus.tokens(), parameters }))?;
    let mut held_out_loss = f32::NAN;
    for step in 1..=settings.steps {
        let (loss, rate) = run.step(&corpus.batch(settings));
        if step % REPORT == 0 || step == settings.steps {
            let loss = number(loss).await?;
            if !loss.is_finite() {
                return Err(PretrainError::Diverged { step, loss });
            }
            watched(watch(Progress::Step { step, loss, rate }))?;
        }
        if step % EVALUATE == 0 || step == settings.steps {
            held_out_loss = run.evaluate(corpus.held_out()).await?;
            watched(watch(Progress::HeldOut { loss: held_out_loss }))?;
        }
    }
    Ok(Pretrained { network: run.network, metadata, dtype: settings.dtype, held_out_loss })
}

fn watched(flow: ControlFlow<()>) -> Result<(), PretrainError> {
    if flow.is_break() { Err(PretrainError::Cancelled) } else { Ok(()) }
}

/// A tensor's one number.
async fn number(tensor: Tensor<1>) -> Result<f32, PretrainError> {
    Ok(numbers(tensor).await?.first().copied().unwrap_or(f32::NAN))
}

async fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, PretrainError> {
    let data = tensor.into_data_async().await.map_err(|error| PretrainError::Device(error.to_string()))?;
    data.try_into_vec::<f32>().map_err(|error| PretrainError::Device(format!("{error:?}")))
}

/// A model and its optimizer's moments.
struct Run {
    network: Network,
    moments: Vec<[Tensor<2>; 2]>,
    schedule: Schedule,
    weight_decay: f64,
    steps: u32,
}

impl Run {
    fn new(settings: &Settings, network: Network) -> Self {
        let Settings { rate: peak, steps: total, weight_decay, .. } = *settings;
        let zeros = |weight: &Tensor<2>| [weight.zeros_like(), weight.zeros_like()];
        let schedule = Schedule {
            kind: ScheduleKind::Cosine,
            peak,
            warmup: total.div_ceil(33),
            decay: 0,
            total,
            final_share: 0.1,
        };
        Self {
            moments: network.weights.iter().map(zeros).collect(),
            network,
            schedule,
            weight_decay,
            steps: 0,
        }
    }

    /// One step of `AdamW` with gradients clipped to norm 1; the mean loss before it, and the learning rate.
    fn step(&mut self, sequences: &[Sequence]) -> (Tensor<1>, f64) {
        let (loss, gradients) = self.network.gradients(sequences);
        let (_, factor) = clip_factor(sum_of_squares(&gradients), 1.0);
        let rate = self.schedule.rate(u64::from(self.steps) + 1);
        self.steps += 1;
        let settings = AdamW {
            rate,
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: self.weight_decay,
            step: self.steps,
        };
        let old =
            std::mem::take(&mut self.network.weights).into_iter().zip(std::mem::take(&mut self.moments));
        for ((weight, [mean, variance]), gradient) in old.zip(gradients) {
            let norm = weight.dims()[0] == 1;
            let settings = if norm { AdamW { weight_decay: 0.0, ..settings } } else { settings };
            let (weight, mean, variance) = adamw(weight, gradient, mean, variance, factor.clone(), settings);
            self.network.weights.push(weight);
            self.moments.push([mean, variance]);
        }
        (loss, rate)
    }

    async fn evaluate(&self, batches: &[Vec<Sequence>]) -> Result<f32, PretrainError> {
        let (mut sum, mut count) = (0.0, 0);
        for batch in batches {
            let losses = numbers(self.network.loss(batch)).await?;
            sum += losses.iter().copied().map(f64::from).sum::<f64>();
            count += losses.len();
        }
        Ok((sum / count as f64) as f32)
    }
}

#[cfg(test)]
mod tests;
