//! Loops over all processor cores where there are threads.

/// Calls `f` with the index and the contents of each chunk of `len` numbers.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn for_each_chunk(data: &mut [f32], len: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    use rayon::prelude::*;
    data.par_chunks_mut(len).enumerate().for_each(|(index, chunk)| f(index, chunk));
}

/// Calls `f` with the index and the contents of each chunk of `len` numbers.
#[cfg(target_family = "wasm")]
pub(crate) fn for_each_chunk(data: &mut [f32], len: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    data.chunks_mut(len).enumerate().for_each(|(index, chunk)| f(index, chunk));
}
