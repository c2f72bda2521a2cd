//! Which keys each query of an attention sees.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use std::sync::Arc;

/// For each query the keys `start..end` that it sees, on a device.
///
/// Causal masks, the documents of a packed row, sliding windows and caches of several sequences are all such ranges.
/// Build one for a batch and use it in every layer.
#[derive(Clone, Debug)]
pub struct KeyRanges {
    pub(crate) ranges: Arc<[[u32; 2]]>,
    /// The ranges, then for each key up to the last one seen the interval of queries that may see it, u32 `[_, 2]`.
    pub(crate) spans: Tensor<2, Int>,
    /// Keys below this one are seen by some query.
    pub(crate) keys: usize,
}

impl KeyRanges {
    /// Ranges `[start, end]`, the end exclusive, one for each query in order. A query with `end <= start` sees nothing.
    pub fn new(ranges: &[[u32; 2]], device: &Device) -> Self {
        let ranges: Arc<[[u32; 2]]> =
            ranges.iter().map(|&[start, end]| if start < end { [start, end] } else { [0, 0] }).collect();
        let keys = ranges.iter().map(|range| range[1] as usize).max().unwrap_or(0);
        let words: Vec<u32> = ranges.iter().copied().chain(watchers(&ranges, keys)).flatten().collect();
        let data = TensorData::new(words, [ranges.len() + keys, 2]);
        // Ranges have no gradient: without this they would pull every attention into the autodiff graph.
        let device = if device.is_autodiff() { device.clone().inner() } else { device.clone() };
        Self { ranges, spans: Tensor::from_data(data, (&device, DType::U32)), keys }
    }

    /// Causal ranges over sequences that lie one behind the other: each query sees its own sequence up to itself.
    pub fn causal(lengths: &[u32], device: &Device) -> Self {
        let mut ranges = Vec::new();
        for &length in lengths {
            let start = ranges.len() as u32;
            ranges.extend((start..start + length).map(|query| [start, query + 1]));
        }
        Self::new(&ranges, device)
    }
}

/// For each key the smallest interval of queries that holds all which see it.
fn watchers(ranges: &[[u32; 2]], keys: usize) -> impl Iterator<Item = [u32; 2]> {
    let numbered = || (0_u32..).zip(ranges.iter().copied());
    let first = first_watchers(numbered(), keys);
    let last = first_watchers(numbered().collect::<Vec<_>>().into_iter().rev(), keys);
    first.into_iter().zip(last).map(|pair| match pair {
        (Some(first), Some(last)) => [first, last + 1],
        _ => [0, 0],
    })
}

/// For each key the first query, in the order given, that sees it. Linear: `next` skips the keys that have one.
fn first_watchers(ranges: impl Iterator<Item = (u32, [u32; 2])>, keys: usize) -> Vec<Option<u32>> {
    let (mut watchers, mut next) = (vec![None; keys], (0..=keys).collect::<Vec<_>>());
    for (query, [start, end]) in ranges {
        let mut key = skip(&mut next, start as usize);
        while key < end as usize {
            watchers[key] = Some(query);
            next[key] = key + 1;
            key = skip(&mut next, key);
        }
    }
    watchers
}

/// Where the chain from `key` ends, halving it on the way.
fn skip(next: &mut [usize], mut key: usize) -> usize {
    while next[key] != key {
        next[key] = next[next[key]];
        key = next[key];
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, word for word.
    fn slow(ranges: &[[u32; 2]], keys: u32) -> Vec<[u32; 2]> {
        let sees = |key: u32| ranges.iter().map(move |range| (range[0]..range[1]).contains(&key));
        let interval = |key| {
            let first = sees(key).position(|sees| sees)?;
            let last = sees(key).collect::<Vec<_>>().into_iter().rposition(|sees| sees)?;
            Some([first as u32, last as u32 + 1])
        };
        (0..keys).map(|key| interval(key).unwrap_or([0, 0])).collect()
    }

    #[test]
    fn watchers_are_those_of_the_definition() {
        let cases: [&[[u32; 2]]; 6] = [
            &[],
            &[[0, 0], [0, 0]],
            &[[0, 1], [0, 2], [0, 3], [3, 4], [3, 5]],
            &[[2, 5], [0, 0], [1, 3], [4, 7], [0, 1], [2, 3]],
            &[[5, 9], [0, 9], [3, 4]],
            &[[8, 9]],
        ];
        for ranges in cases {
            let keys = ranges.iter().map(|range| range[1]).max().unwrap_or(0);
            let found: Vec<[u32; 2]> = watchers(ranges, keys as usize).collect();
            assert_eq!(found, slow(ranges, keys), "{ranges:?}");
        }
    }
}
