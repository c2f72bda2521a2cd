//! Where stretches of a text are once it is normalized.

use std::borrow::Cow;
use std::ops::Range;

// The tables of Unicode 9, which every tokenizer of Hugging Face's was trained with: newer ones give other ids.
use unicode_normalization_alignments::char::canonical_combining_class;
use unicode_normalization_alignments::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::encode::Specials;
use super::sentencepiece;
use super::spec::{Prefix, Spec, Style};

/// A stretch as merges see it.
pub(super) fn normalize<'t>(spec: &Spec, stretch: &'t str, at_start: bool) -> Cow<'t, str> {
    match spec.style {
        Style::ByteLevel { nfc: true, .. } if is_nfc_quick(stretch.chars()) != IsNormalized::Yes => {
            stretch.nfc().map(|(c, _)| c).collect::<String>().into()
        }
        Style::ByteLevel { .. } => stretch.into(),
        Style::SentencePiece { prefix, .. } => sentencepiece::normalize(prefix, stretch, at_start).into(),
    }
}

pub(super) fn without_mark(text: &str, specials: Specials) -> Cow<'_, str> {
    match specials {
        Specials::Guarded(mark) if text.contains(mark) => text.replace(mark, "").into(),
        _ => text.into(),
    }
}

/// Spans in the coordinates of the stretch at hand, in order and apart from each other.
pub(super) struct Spans(pub(super) Vec<Range<usize>>);

impl Spans {
    pub(super) fn has(&self, at: usize) -> u8 {
        let next = self.0.partition_point(|span| span.end <= at);
        self.0.get(next).is_some_and(|span| span.contains(&at)).into()
    }

    /// 1 where a token has something of a span.
    pub(super) fn overlaps(&self, token: Range<usize>) -> u8 {
        let next = self.0.partition_point(|span| span.end <= token.start);
        self.0.get(next).is_some_and(|span| span.start < token.end.max(token.start + 1)).into()
    }

    /// The spans seen from a part of the text, each end moved by `map`, in order.
    pub(super) fn inside(&self, part: &Range<usize>, mut map: impl FnMut(usize) -> usize) -> Self {
        let first = self.0.partition_point(|span| span.end <= part.start);
        let overlapping = self.0.iter().skip(first).take_while(|span| span.start < part.end);
        let mut local = |at: usize| map(at.clamp(part.start, part.end) - part.start);
        Self(overlapping.map(|span| local(span.start)..local(span.end)).collect())
    }
}

/// How long the starts of a stretch are once they are normalized, asked for from the shortest to the longest.
pub(super) struct Lengths<'t> {
    pub(super) spec: &'t Spec,
    pub(super) raw: &'t str,
    pub(super) specials: Specials,
    pub(super) at_start: bool,
    /// How much of the stretch need not be looked at again, and how long that becomes.
    pub(super) settled: usize,
    pub(super) len: usize,
}

impl Lengths<'_> {
    /// After so many bytes in which every character may grow together with the one before, one is taken not to.
    const OPEN_BYTES: usize = 1 << 10;

    pub(super) fn up_to(&mut self, at: usize) -> usize {
        let Some(open) = self.raw.get(self.settled..at) else { return at };
        let unsettled = if open.len() > Self::OPEN_BYTES { open.len() } else { 0 };
        let (head, tail) = open.split_at(open.rfind(stands_apart).unwrap_or(unsettled));
        self.len += self.length(head);
        self.settled += head.len();
        self.len + self.length(tail)
    }

    /// The length of a part that follows what is settled.
    fn length(&self, part: &str) -> usize {
        let text = without_mark(part, self.specials);
        match self.spec.style {
            Style::SentencePiece { .. } if self.len > 0 => {
                sentencepiece::normalize(Prefix::Never, &text, false).len()
            }
            _ => normalize(self.spec, &text, self.at_start).len(),
        }
    }
}

/// Whether normalization treats what comes before a character and what starts with it apart.
fn stands_apart(c: char) -> bool {
    let may_vanish = matches!(c, '\u{fdd0}'..='\u{fdef}');
    let joins = canonical_combining_class(c) != 0 || is_nfc_quick(std::iter::once(c)) != IsNormalized::Yes;
    !may_vanish && !joins
}
