//! AdamW over an adapter's parameters, its moments and the clipping factor on the device (Loshchilov & Hutter 2017,
//! arXiv 1711.05101).

use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::{AdamW, adamw, clip_factor, sum_of_squares};
use smolder_models::peft::{Adapter, Update};
use smolder_protocol::TrainConfig;

/// The settings that stay from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Keeps the quotient finite.
    pub epsilon: f64,
    /// Share of a parameter that each step takes away, times the learning rate.
    pub weight_decay: f64,
    /// The gradients' norm at most; infinite for no clipping.
    pub clip: f32,
}

/// An optimizer's state: two moments for each parameter.
#[derive(Debug)]
pub struct Optimizer {
    settings: Settings,
    /// What the learning rate of each parameter is multiplied with.
    rates: Vec<f64>,
    /// Updates done.
    pub step: u32,
    /// Means of the gradients and of their squares, in the order of the parameters.
    pub moments: Vec<[Tensor<2>; 2]>,
}

/// What clipping needs to know of a step's gradients, on the device.
#[derive(Clone, Debug)]
pub struct Norm {
    /// Their L2 norm, before clipping, `[1]`.
    pub norm: Tensor<1>,
    /// What they are multiplied with, `[1]`.
    pub factor: Tensor<1>,
}

impl Settings {
    /// The settings' part that decides it.
    pub fn of(config: &TrainConfig) -> Self {
        let TrainConfig { betas: [beta1, beta2], eps: epsilon, weight_decay, clip, .. } = *config;
        let clip = if clip > 0.0 { clip as f32 } else { f32::INFINITY };
        Self { beta1, beta2, epsilon, weight_decay, clip }
    }
}

impl Optimizer {
    /// No update done yet, and one learning rate for all.
    pub fn new(settings: Settings, adapter: &dyn Adapter) -> Self {
        let zeros = |value: &Tensor<2>| [value.zeros_like(), value.zeros_like()];
        let moments: Vec<_> = adapter.parameters().iter().map(|parameter| zeros(&parameter.value)).collect();
        Self { settings, rates: vec![1.0; moments.len()], step: 0, moments }
    }

    /// The same, the learning rate of each parameter multiplied.
    #[must_use]
    pub fn with_rates(self, rates: Vec<f64>) -> Self {
        Self { rates, ..self }
    }

    /// The gradients' norm, and the factor that clips them; `None` where there is no gradient.
    pub fn measure(&self, gradients: &[Option<Tensor<2>>]) -> Option<Norm> {
        let known: Vec<Tensor<2>> = gradients.iter().flatten().cloned().collect();
        let (norm, factor) =
            (!known.is_empty()).then(|| clip_factor(sum_of_squares(&known), self.settings.clip))?;
        Some(Norm { norm, factor })
    }

    /// The adapter after an update.
    ///
    /// A parameter without a gradient stays as it is. Where the norm is not finite nothing changes.
    pub fn update(
        &mut self,
        adapter: &dyn Adapter,
        gradients: Vec<Option<Tensor<2>>>,
        norm: &Norm,
        rate: f64,
    ) -> Box<dyn Adapter> {
        self.step += 1;
        let Settings { beta1, beta2, epsilon, weight_decay, .. } = self.settings;
        let settings = AdamW { rate, beta1, beta2, epsilon, weight_decay, step: self.step };
        let old = std::mem::take(&mut self.moments);
        let each = adapter.parameters().into_iter().zip(gradients).zip(old).zip(&self.rates);
        let (values, moments) = each
            .map(|(((parameter, gradient), [mean, variance]), factor)| {
                let Some(gradient) = gradient else { return (parameter.value, [mean, variance]) };
                let settings = AdamW { rate: rate * factor, ..settings };
                let (value, mean, variance) =
                    adamw(parameter.value, gradient, mean, variance, norm.factor.clone(), settings);
                (value, [mean, variance])
            })
            .unzip();
        self.moments = moments;
        adapter.with(values)
    }
}

/// What an adapter's method does behind an update: most leave it at that. `read` brings numbers from the device.
///
/// # Errors
/// Those of `read`.
pub async fn follow<E>(
    adapter: Box<dyn Adapter>,
    update: &Update<'_>,
    read: impl AsyncFn(Tensor<2>) -> Result<Vec<f32>, E>,
) -> Result<Box<dyn Adapter>, E> {
    let adapter = adapter.updated(update).unwrap_or(adapter);
    let Some(scores) = adapter.scores(update.progress) else { return Ok(adapter) };
    let scores = read(scores).await?;
    Ok(adapter.pruned(&scores, update.progress).unwrap_or(adapter))
}
