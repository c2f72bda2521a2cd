//! Encoding: added tokens first, then words, then merges, with a cache of words.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::bpe::Symbol;
use super::spans::{Lengths, Spans, normalize, without_mark};
use super::spec::Style;
use super::{Tokenizer, bytelevel, sentencepiece};

/// What the spelling of a control token in a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// The control token: for text that a template wrote.
    AsTokens,
    /// Just these letters: for text that a person wrote.
    AsText,
    /// The control token, unless this mark is inside; the marks themselves are no text.
    Guarded(char),
}

/// Encodes texts; keeps the words it has seen.
#[derive(Debug)]
pub struct Encoder<'t> {
    tokenizer: &'t Tokenizer,
    cache: HashMap<Box<str>, Box<[Symbol]>>,
    word: Vec<Symbol>,
    spelled: String,
}

/// Ids, and where each token starts in the text that spans are given in.
#[derive(Default)]
struct Output {
    ids: Vec<u32>,
    mask: Vec<u8>,
}

impl<'t> Encoder<'t> {
    /// Words longer than this are not worth keeping.
    const CACHED_BYTES: usize = 48;
    /// Words kept; then the cache starts anew.
    const CACHED_WORDS: usize = 1 << 16;

    pub(super) fn new(tokenizer: &'t Tokenizer) -> Self {
        Self { tokenizer, cache: HashMap::new(), word: Vec::new(), spelled: String::new() }
    }

    /// The ids of a text, without BOS and EOS.
    pub fn encode(&mut self, text: &str, specials: Specials) -> Vec<u32> {
        self.encode_masked(text, specials, &[]).0
    }

    /// The ids of a text and, for each, 1 where the token has something of one of `spans`: byte ranges of `text`, in
    /// order and apart from each other. One that is found as a whole must start there: it may take the space around it.
    pub fn encode_masked(
        &mut self,
        text: &str,
        specials: Specials,
        spans: &[Range<usize>],
    ) -> (Vec<u32>, Vec<u8>) {
        let mut out = Output::default();
        self.whole(0, text, 0..text.len(), specials, &Spans(spans.to_vec()), &mut out);
        (out.ids, out.mask)
    }

    /// The added tokens of one set, and between them those of the next.
    fn whole(
        &mut self,
        set: usize,
        text: &str,
        part: Range<usize>,
        specials: Specials,
        spans: &Spans,
        out: &mut Output,
    ) {
        let matchers = &self.tokenizer.matchers;
        let Some(finders) = matchers.raw.get(set) else {
            return self.stretch(text, part, specials, spans, out);
        };
        let finder = &finders[usize::from(specials == Specials::AsText)];
        let here = text.get(..part.end).unwrap_or_default();
        let mut done = part.start;
        while let Some((range, id)) = matchers.find(finder, here, done) {
            self.whole(set + 1, text, done..range.start, specials, spans, out);
            out.ids.push(id);
            out.mask.push(spans.has(range.start));
            done = range.end;
        }
        self.whole(set + 1, text, done..part.end, specials, spans, out);
    }

    fn stretch(
        &mut self,
        text: &str,
        part: Range<usize>,
        specials: Specials,
        spans: &Spans,
        out: &mut Output,
    ) {
        let Some(raw) = text.get(part.clone()).filter(|raw| !raw.is_empty()) else { return };
        let spec = &self.tokenizer.spec;
        let at_start = part.start == 0;
        let unmarked = without_mark(raw, specials);
        let normalized = normalize(spec, &unmarked, at_start);
        let same = matches!((&unmarked, &normalized), (Cow::Borrowed(_), Cow::Borrowed(_)));
        let mut lengths = Lengths { spec, raw, specials, at_start, settled: 0, len: 0 };
        let spans = spans.inside(&part, |at| if same { at } else { lengths.up_to(at) });
        let matchers = &self.tokenizer.matchers;
        let finder = &matchers.normalized[usize::from(specials == Specials::AsText)];
        let cuts = self.cuts(raw, specials, at_start);
        let (mut done, mut from) = (0, 0);
        while let Some((range, id)) = matchers.find(finder, &normalized, from) {
            if let Some(start) = cut_token(&normalized, &range, &cuts).filter(|_| matchers.is_special(id)) {
                from = normalized.ceil_char_boundary(start + 1);
                continue;
            }
            self.words(&normalized, done..range.start, &spans, out);
            out.ids.push(id);
            out.mask.push(spans.has(range.start));
            (done, from) = (range.end, range.end);
        }
        self.words(&normalized, done..normalized.len(), &spans, out);
    }

    /// Where marks were in a stretch that is now normalized, if control tokens are looked for in it.
    fn cuts(&self, raw: &str, specials: Specials, at_start: bool) -> Vec<usize> {
        let Specials::Guarded(mark) = specials else { return Vec::new() };
        if self.tokenizer.matchers.normalized[0].longest_len() == 0 {
            return Vec::new();
        }
        let mut lengths = Lengths { spec: &self.tokenizer.spec, raw, specials, at_start, settled: 0, len: 0 };
        raw.match_indices(mark).map(|(at, _)| lengths.up_to(at)).collect()
    }

    fn words(&mut self, text: &str, part: Range<usize>, spans: &Spans, out: &mut Output) {
        let mut at = part.start;
        let Some(text) = text.get(part) else { return };
        match self.tokenizer.spec.style {
            Style::ByteLevel { split, .. } => {
                split.words(text, &mut |word| self.word(word, &mut at, spans, out));
            }
            Style::SentencePiece { .. } => self.pieces(text, at, spans, out),
        }
    }

    fn word(&mut self, word: &str, at: &mut usize, spans: &Spans, out: &mut Output) {
        let end = *at + word.len();
        if let Some(symbols) = self.cache.get(word) {
            emit(symbols, *at, spans, out);
            *at = end;
            return;
        }
        self.merge_bytes(word);
        emit(&self.word, *at, spans, out);
        *at = end;
        if word.len() <= Self::CACHED_BYTES {
            if self.cache.len() >= Self::CACHED_WORDS {
                self.cache.clear();
            }
            self.cache.insert(word.into(), self.word.as_slice().into());
        }
    }

    fn merge_bytes(&mut self, word: &str) {
        let tokenizer = self.tokenizer;
        self.word.clear();
        if let Style::ByteLevel { ignore_merges: true, .. } = tokenizer.spec.style {
            self.spelled.clear();
            self.spelled.extend(word.bytes().map(bytelevel::spell));
            if let Some(id) = tokenizer.text_id(&self.spelled) {
                self.word.push(Symbol { id, len: word.len() as u32 });
                return;
            }
        }
        let mut dropped = 0;
        for byte in word.bytes() {
            match (tokenizer.bytes.id(byte), self.word.last_mut()) {
                (Some(id), _) => self.word.push(Symbol { id, len: 1 + std::mem::take(&mut dropped) }),
                (None, Some(last)) => last.len += 1,
                (None, None) => dropped += 1,
            }
        }
        tokenizer.merges.apply(&mut self.word);
    }

    fn pieces(&mut self, text: &str, at: usize, spans: &Spans, out: &mut Output) {
        self.word.clear();
        sentencepiece::symbols(self.tokenizer, text, &mut self.word);
        self.tokenizer.merges.apply(&mut self.word);
        emit(&self.word, at, spans, out);
        // A stretch may be a megabyte; the next one rarely is.
        self.word.shrink_to(Self::CACHED_BYTES);
    }
}

/// Where a token starts that is found here, perhaps with space around it, if a mark was inside of it.
fn cut_token(text: &str, found: &Range<usize>, cuts: &[usize]) -> Option<usize> {
    let whole = text.get(found.clone()).filter(|_| !cuts.is_empty())?;
    let start = found.start + whole.len() - whole.trim_start().len();
    let end = start + whole.trim().len();
    cuts.get(cuts.partition_point(|cut| *cut <= start)).filter(|cut| **cut < end).map(|_| start)
}

fn emit(symbols: &[Symbol], mut at: usize, spans: &Spans, out: &mut Output) {
    for symbol in symbols {
        out.ids.push(symbol.id);
        let end = at + symbol.len as usize;
        out.mask.push(spans.overlaps(at..end));
        at = end;
    }
}
