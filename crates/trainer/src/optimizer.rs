//! AdamW over an adapter's parameters, its moments and the clipping factor on the device (Loshchilov & Hutter 2017,
//! arXiv 1711.05101).

use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::{AdamW, adamw, clip_factor, sum_of_squares};
use smolder_models::peft::Adapter;

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
    /// Steps done.
    pub step: u32,
    /// Means of the gradients and of their squares, in the order of the parameters.
    pub moments: Vec<[Tensor<2>; 2]>,
}

impl Optimizer {
    /// No step done yet.
    pub fn new(settings: Settings, adapter: &dyn Adapter) -> Self {
        let zeros = |value: &Tensor<2>| [value.zeros_like(), value.zeros_like()];
        let moments = adapter.parameters().iter().map(|parameter| zeros(&parameter.value)).collect();
        Self { settings, step: 0, moments }
    }

    /// The adapter after a step, and the gradients' norm before clipping.
    ///
    /// A parameter without a gradient stays as it is. Where the norm is not finite nothing changes.
    pub fn step(
        &mut self,
        adapter: &dyn Adapter,
        gradients: Vec<Option<Tensor<2>>>,
        rate: f64,
    ) -> (Box<dyn Adapter>, Option<Tensor<1>>) {
        let known: Vec<Tensor<2>> = gradients.iter().flatten().cloned().collect();
        let parameters = adapter.parameters();
        if known.is_empty() {
            return (adapter.with(parameters.into_iter().map(|one| one.value).collect()), None);
        }
        let (norm, factor) = clip_factor(sum_of_squares(&known), self.settings.clip);
        self.step += 1;
        let Settings { beta1, beta2, epsilon, weight_decay, .. } = self.settings;
        let settings = AdamW { rate, beta1, beta2, epsilon, weight_decay, step: self.step };
        let old = std::mem::take(&mut self.moments);
        let each = parameters.into_iter().zip(gradients).zip(old);
        let (values, moments) = each
            .map(|((parameter, gradient), [mean, variance])| {
                let Some(gradient) = gradient else { return (parameter.value, [mean, variance]) };
                let (value, mean, variance) =
                    adamw(parameter.value, gradient, mean, variance, factor.clone(), settings);
                (value, [mean, variance])
            })
            .unzip();
        self.moments = moments;
        (adapter.with(values), Some(norm))
    }
}
