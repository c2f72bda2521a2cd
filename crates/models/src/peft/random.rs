//! Numbers to begin with.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

/// U(-1, 1).
pub(crate) fn uniform(random: &mut ChaCha8Rng) -> f32 {
    (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// `count` numbers from U(±1/√inputs), as PyTorch begins a linear layer of so many inputs.
pub(super) fn spread(random: &mut ChaCha8Rng, inputs: u64, count: u64) -> Vec<f32> {
    let bound = (inputs as f32).sqrt().recip();
    (0..count).map(|_| bound * uniform(random)).collect()
}

/// N(0, 1) by Box and Muller.
pub(crate) fn normal(random: &mut ChaCha8Rng) -> f32 {
    let mut uniform = || (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
    let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
    (radius * angle.cos()) as f32
}
