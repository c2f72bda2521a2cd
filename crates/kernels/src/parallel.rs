//! The CPU device's tensors as plain numbers, loops over all processor cores where there are threads, and the widest
//! instructions that there are.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loops that it is for")]

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;

/// The tensor's numbers, which must be contiguous.
pub(crate) fn numbers(tensor: &FloatTensor<Flex>) -> &[f32] {
    tensor.as_slice().unwrap_or_default()
}

/// The tensor, contiguous and in memory that nobody else reads: copied only where that is not so.
pub(crate) fn owned(tensor: FloatTensor<Flex>) -> FloatTensor<Flex> {
    FloatTensor::<Flex>::from_data(tensor.into_data())
}

/// Makes the calling thread one of those that the CPU device computes on, for a program that computes on no other.
/// Else it would hand every operation over and sleep until it is told of the end, hundreds of times a token.
/// Too late once something was computed: then all stays as it was.
#[cfg(not(target_family = "wasm"))]
pub fn compute_on_this_thread() {
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
}

/// Calls `f` with each item.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn for_each<T: Send>(items: Vec<T>, f: impl Fn(T) + Sync + Send) {
    use rayon::prelude::*;
    // Waking another core takes longer than a token's work.
    if items.len() == 1 {
        return items.into_iter().for_each(f);
    }
    items.into_par_iter().for_each(f);
}

/// Calls `f` with each item.
#[cfg(target_family = "wasm")]
pub(crate) fn for_each<T: Send>(items: Vec<T>, f: impl Fn(T) + Sync + Send) {
    items.into_iter().for_each(f);
}

/// Calls `f` with the index and the contents of each chunk of `len` numbers.
pub(crate) fn for_each_chunk(data: &mut [f32], len: usize, f: impl Fn(usize, &mut [f32]) + Sync + Send) {
    for_each(data.chunks_mut(len).enumerate().collect(), |(index, chunk)| f(index, chunk));
}

/// Runs work compiled for the widest instructions of this processor: only what is inlined is. So mark the closure, and
/// every function that its loops call, `#[inline(always)]`, and pass on no function as a value.
#[inline(always)]
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    // `pulp::Arch` knows these only with a feature of pulp's, and with that burn would be compiled anew.
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return simd.vectorize(work);
    }
    pulp::Arch::new().dispatch(work)
}
