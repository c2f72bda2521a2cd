//! Seeds for what a method leaves out at random.

use crate::checkpoint::RandomState;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Where a run's random numbers begin.
pub(crate) fn begin(seed: u64) -> RandomState {
    RandomState { seed, ..RandomState::default() }
}

/// The next seed, one for each pass through the model.
pub(crate) fn seed(state: &mut RandomState) -> u32 {
    let mut key = [0; 32];
    // Another key than those of initial weights and the data's order, which have the same seed.
    let bytes = state.seed.to_le_bytes().into_iter().chain(*b"dropout");
    key.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte);
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(state.stream);
    random.set_word_pos(state.position.into());
    state.position += 1;
    random.next_u32()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_decides_all_that_follow() {
        let draw =
            |state: &mut RandomState, count: usize| (0..count).map(|_| seed(state)).collect::<Vec<_>>();
        let (mut whole, mut halves) = (begin(3), begin(3));
        let seeds = draw(&mut whole, 40);
        assert_eq!(seeds, [draw(&mut halves, 17), draw(&mut halves, 23)].concat());
        assert_eq!(whole, halves);
        assert_ne!(seeds, draw(&mut begin(4), 40));
        let mut unique = seeds.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), seeds.len());
    }
}
