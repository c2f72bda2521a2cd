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

/// What a forward pass is told of its tokens, on the device. [`Model::batch`](crate::Model::batch) makes one.
#[derive(Debug)]
pub struct Batch {
    ids: Tensor<1, Int>,
    positions: Tensor<1, Int>,
    runs: Vec<Run>,
    ranges: Vec<(Option<usize>, KeyRanges)>,
}

/// A span among a batch's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// First row of the batch.
    pub from: usize,
    /// Rows of an adapter's prompt, before the tokens; 0 unless the span begins its sequence.
    pub prompt: usize,
    /// Keys and values of an adapter's prefix, before all rows; likewise.
    pub prefix: usize,
    /// Tokens.
    pub tokens: usize,
    /// Row of the cache for the first.
    pub at: usize,
    /// Position of the first.
    position: usize,
    /// Row of the cache for position 0.
    start: usize,
}

impl Run {
    /// Rows in all.
    pub fn len(&self) -> usize {
        self.prompt + self.tokens
    }

    /// For each row the rows that it sees: from its sequence's start, or its window's, to itself.
    fn seen(self, window: Option<usize>) -> impl Iterator<Item = [u32; 2]> {
        (self.position..self.position + self.len()).map(move |position| {
            let first = window.map_or(0, |window| (position + 1).saturating_sub(window));
            [(self.start + first) as u32, (self.start + position + 1) as u32]
        })
    }
}

/// The runs of spans whose sequences begin with keys and values of a prefix, and with virtual tokens.
fn runs(spans: &[Span], Lead { prefix, prompt }: Lead) -> Vec<Run> {
    let mut from = 0;
    let run = |span: &Span| {
        let begins = span.position == 0;
        let own = if begins { prompt } else { 0 };
        let position = span.position + prefix + prompt - own;
        let tokens = span.ids.len();
        from += own + tokens;
        Run {
            from: from - own - tokens,
            prompt: own,
            prefix: if begins { prefix } else { 0 },
            tokens,
            at: span.row + position,
            position,
            start: span.row,
        }
    };
    spans.iter().map(run).collect()
}

/// What an adapter puts before each sequence.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lead {
    /// Keys and values that no row has.
    pub prefix: usize,
    /// Virtual tokens.
    pub prompt: usize,
}

impl Batch {
    /// Spans of sequences that begin with what an adapter puts there. `windows` are the model's, each once.
    pub(crate) fn new(spans: &[Span], lead: Lead, windows: &[Option<usize>], device: &Device) -> Self {
        let runs = runs(spans, lead);
        let ints = |values: Vec<i32>| {
            let len = values.len();
            Tensor::<1, Int>::from_data(TensorData::new(values, [len]), (device, DType::I32))
        };
        let ranges = |window: Option<usize>| {
            let seen: Vec<[u32; 2]> = runs.iter().flat_map(|run| run.seen(window)).collect();
            KeyRanges::new(&seen, device)
        };
        let ids = spans.iter().flat_map(|span| span.ids.iter().map(|id| id.cast_signed()));
        let positions =
            runs.iter().flat_map(|run| (run.position..run.position + run.len()).map(|p| p as i32));
        Self {
            ids: ints(ids.collect()),
            positions: ints(positions.collect()),
            ranges: windows.iter().map(|window| (*window, ranges(*window))).collect(),
            runs,
        }
    }

    /// Rows of the residual stream: tokens and virtual tokens.
    pub fn rows(&self) -> usize {
        self.runs.iter().map(Run::len).sum()
    }

    /// For each span the row of its first token.
    pub fn first_rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs.iter().map(|run| run.from + run.prompt)
    }

    /// `[tokens]`
    pub(crate) fn ids(&self) -> &Tensor<1, Int> {
        &self.ids
    }

    /// Each row's place in its sequence, `[rows]`.
    pub(crate) fn positions(&self) -> Tensor<1, Int> {
        self.positions.clone()
    }

    /// Keys or values of all rows, and before those of each sequence's beginning an adapter's prefix.
    pub(crate) fn led(&self, rows: Tensor<3>, prefix: &Tensor<3>) -> Tensor<3> {
        if self.runs.iter().all(|run| run.prefix == 0) {
            return rows;
        }
        let pieces = self.runs.iter().flat_map(|run| {
            let own = rows.clone().narrow(0, run.from, run.len());
            [(run.prefix > 0).then(|| prefix.clone()), Some(own)]
        });
        Tensor::cat(pieces.flatten().collect(), 0)
    }

    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// What each token sees in a layer with this window; everything where the model was not asked for its windows.
    pub(crate) fn ranges(&self, window: Option<usize>) -> &KeyRanges {
        let found = self.ranges.iter().find(|(one, _)| *one == window);
        &found.unwrap_or(&self.ranges[0]).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_the_token_itself() {
        let [run] = runs(&[Span { ids: vec![0; 4], position: 3, row: 10 }], Lead::default())[..] else {
            panic!("one run")
        };
        assert_eq!(run.seen(Some(2)).collect::<Vec<_>>(), [[12, 14], [13, 15], [14, 16], [15, 17]]);
        assert_eq!(run.seen(None).last(), Some([10, 17]));
    }

    #[test]
    fn a_prompt_comes_before_the_first_token_only() {
        let spans =
            [Span { ids: vec![0; 2], position: 0, row: 0 }, Span { ids: vec![0; 1], position: 2, row: 20 }];
        let [first, second] = runs(&spans, Lead { prefix: 0, prompt: 5 })[..] else { panic!("two runs") };
        assert_eq!((first.from, first.prompt, first.at, first.len()), (0, 5, 0, 7));
        assert_eq!((second.from, second.prompt, second.at, second.len()), (7, 0, 27, 1));
        assert_eq!(second.seen(None).collect::<Vec<_>>(), [[20, 28]]);
    }

    #[test]
    fn a_prefix_is_seen_and_has_no_rows() {
        let spans =
            [Span { ids: vec![0; 2], position: 0, row: 0 }, Span { ids: vec![0; 1], position: 2, row: 20 }];
        let [first, second] = runs(&spans, Lead { prefix: 3, prompt: 0 })[..] else { panic!("two runs") };
        assert_eq!((first.from, first.at, first.len(), first.position), (0, 3, 2, 3));
        assert_eq!(first.seen(None).collect::<Vec<_>>(), [[0, 4], [0, 5]]);
        assert_eq!((second.from, second.at, second.len(), second.prefix), (2, 25, 1, 0));
        assert_eq!(second.seen(Some(2)).collect::<Vec<_>>(), [[24, 26]]);
    }
}
