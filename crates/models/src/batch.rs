//! Tokens of several sequences, one behind the other, and what each may see.

use smolder_kernels::KeyRanges;
use smolder_kernels::burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// A run of tokens that follow each other in one sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The tokens.
    pub ids: Vec<u32>,
    /// Position of the first in its sequence.
    pub position: usize,
    /// Row of a cache where the sequence starts; without a cache, of the batch.
    pub row: usize,
}

/// What a forward pass is told of its tokens, on the device.
#[derive(Debug)]
pub struct Batch {
    tokens: usize,
    ids: Tensor<1, Int>,
    positions: Tensor<1, Int>,
    cache_rows: Vec<CacheRows>,
    ranges: Vec<(Option<usize>, KeyRanges)>,
}

/// Where a span's keys go: rows `at..at + len` of a cache get the batch's rows from `from` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRows {
    /// First row of the batch.
    pub from: usize,
    /// First row of the cache.
    pub at: usize,
    /// Rows.
    pub len: usize,
}

impl Batch {
    /// Whole sequences, without a cache; each sees itself alone.
    pub fn new(sequences: &[&[u32]], windows: &[Option<usize>], device: &Device) -> Self {
        let mut row = 0;
        let spans: Vec<Span> = sequences
            .iter()
            .map(|ids| {
                row += ids.len();
                Span { ids: ids.to_vec(), position: 0, row: row - ids.len() }
            })
            .collect();
        Self::of(&spans, windows, device)
    }

    /// Spans of sequences whose earlier tokens a cache holds. `windows` are the model's, each once.
    pub fn of(spans: &[Span], windows: &[Option<usize>], device: &Device) -> Self {
        let tokens = spans.iter().map(|span| span.ids.len()).sum();
        let ints = |values: Vec<i32>| {
            let len = values.len();
            Tensor::<1, Int>::from_data(TensorData::new(values, [len]), (device, DType::I32))
        };
        let each = |f: &dyn Fn(&Span, usize) -> i32| {
            spans.iter().flat_map(|span| (0..span.ids.len()).map(move |i| f(span, i))).collect::<Vec<i32>>()
        };
        let ranges = |window: Option<usize>| {
            let seen: Vec<[u32; 2]> = spans.iter().flat_map(|span| seen(span, window)).collect();
            KeyRanges::new(&seen, device)
        };
        let mut from = 0;
        let cache_rows = spans.iter().map(|span| {
            from += span.ids.len();
            CacheRows { from: from - span.ids.len(), at: span.row + span.position, len: span.ids.len() }
        });
        Self {
            tokens,
            cache_rows: cache_rows.collect(),
            ids: ints(each(&|span, i| span.ids[i].cast_signed())),
            positions: ints(each(&|span, i| (span.position + i) as i32)),
            ranges: windows.iter().map(|window| (*window, ranges(*window))).collect(),
        }
    }

    /// Tokens in all.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// `[tokens]`
    pub fn ids(&self) -> &Tensor<1, Int> {
        &self.ids
    }

    /// Each token's place in its sequence, `[tokens]`.
    pub(crate) fn positions(&self) -> Tensor<1, Int> {
        self.positions.clone()
    }

    pub(crate) fn cache_rows(&self) -> &[CacheRows] {
        &self.cache_rows
    }

    /// What each token sees in a layer with this window; everything where the model was not asked for its windows.
    pub(crate) fn ranges(&self, window: Option<usize>) -> &KeyRanges {
        let found = self.ranges.iter().find(|(one, _)| *one == window);
        &found.unwrap_or(&self.ranges[0]).1
    }
}

/// For each token of a span the rows that it sees: from its sequence's start, or its window's, to itself.
fn seen(span: &Span, window: Option<usize>) -> impl Iterator<Item = [u32; 2]> {
    (span.position..span.position + span.ids.len()).map(move |position| {
        let first = window.map_or(0, |window| (position + 1).saturating_sub(window));
        [(span.row + first) as u32, (span.row + position + 1) as u32]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_the_token_itself() {
        let span = Span { ids: vec![0; 4], position: 3, row: 10 };
        assert_eq!(seen(&span, Some(2)).collect::<Vec<_>>(), [[12, 14], [13, 15], [14, 16], [15, 17]]);
        assert_eq!(seen(&span, None).last(), Some([10, 17]));
    }
}
