//! Byte-pair encoding: the pair of lowest rank is merged first, the leftmost of equals, until none is left.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};

use sha2::{Digest, Sha256};

/// A symbol: its id and how many bytes of the word it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) id: u32,
    pub(super) len: u32,
}

/// Ranks and results of pairs.
#[derive(Debug)]
pub(super) struct Merges {
    pairs: HashMap<u64, (u32, u32), Seeded>,
}

/// A multiplicative hash with a seed: pairs are looked up for every byte of text.
#[derive(Debug, Clone, Copy)]
struct Seeded(u64);

struct PairHasher(u64);

impl BuildHasher for Seeded {
    type Hasher = PairHasher;

    fn build_hasher(&self) -> PairHasher {
        PairHasher(self.0)
    }
}

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, pair: u64) {
        let mixed = (pair ^ self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.0 ^= self.0 >> 29;
    }
}

const fn key(left: u32, right: u32) -> u64 {
    ((left as u64) << 32) | right as u64
}

impl Merges {
    /// `(left, right, result)` in the order of their ranks; a pair that occurs twice keeps its last rank.
    pub(super) fn new(merges: &[(u32, u32, u32)]) -> Self {
        let seed = RandomState::new().hash_one(merges.len());
        let mut pairs = HashMap::with_capacity_and_hasher(merges.len(), Seeded(seed));
        for (rank, (left, right, result)) in merges.iter().enumerate() {
            pairs.insert(key(*left, *right), (rank as u32, *result));
        }
        Self { pairs }
    }

    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    pub(super) fn digest(&self, hasher: &mut Sha256) {
        let mut ranked: Vec<_> =
            self.pairs.iter().map(|(pair, (rank, result))| (*rank, *pair, *result)).collect();
        ranked.sort_unstable();
        for (_, pair, result) in ranked {
            hasher.update(pair.to_le_bytes());
            hasher.update(result.to_le_bytes());
        }
    }

    fn get(&self, left: Symbol, right: Symbol) -> Option<(u32, u32)> {
        self.pairs.get(&key(left.id, right.id)).copied()
    }

    /// Merges `word` in place.
    pub(super) fn apply(&self, word: &mut Vec<Symbol>) {
        // Below this a scan for the lowest rank beats a heap.
        const SHORT: usize = 32;
        if word.len() <= SHORT { self.apply_short(word) } else { self.apply_long(word) }
    }

    fn apply_short(&self, word: &mut Vec<Symbol>) {
        let mut ranks: [u32; 32] = [u32::MAX; 32];
        let rank = |word: &[Symbol], at: usize| match word.get(at..at + 2) {
            Some([left, right]) => self.get(*left, *right).map_or(u32::MAX, |found| found.0),
            _ => u32::MAX,
        };
        for (at, slot) in ranks.iter_mut().enumerate().take(word.len()) {
            *slot = rank(word, at);
        }
        loop {
            let lowest = ranks.iter().take(word.len()).enumerate().min_by_key(|(_, rank)| **rank);
            let Some((at, _)) = lowest.filter(|(_, rank)| **rank != u32::MAX) else { return };
            let Some([left, right]) = word.get(at..at + 2) else { return };
            let Some((_, result)) = self.get(*left, *right) else { return };
            let merged = Symbol { id: result, len: left.len + right.len };
            word.remove(at);
            if let Some(slot) = word.get_mut(at) {
                *slot = merged;
            }
            ranks.copy_within(at + 1.., at);
            for changed in [at.checked_sub(1), Some(at)].into_iter().flatten() {
                if let Some(slot) = ranks.get_mut(changed) {
                    *slot = rank(word, changed);
                }
            }
        }
    }

    fn apply_long(&self, word: &mut Vec<Symbol>) {
        let mut links = Links::new(std::mem::take(word));
        let all = (0..links.symbols.len() as u32).filter_map(|at| self.candidate(&links, at));
        let mut heap: BinaryHeap<Reverse<u64>> = all.collect::<Vec<_>>().into();
        while let Some(Reverse(candidate)) = heap.pop() {
            let (rank, at) = ((candidate >> 32) as u32, candidate as u32);
            let Some((next, left, right)) = links.pair(at) else { continue };
            match self.get(left, right) {
                Some((current, result)) if current == rank => {
                    links.merge(at, next, Symbol { id: result, len: left.len + right.len });
                    let beside = links.before(at).into_iter().chain([at]);
                    heap.extend(beside.filter_map(|at| self.candidate(&links, at)));
                }
                _ => {}
            }
        }
        *word = links.symbols;
        word.retain(|symbol| symbol.len > 0);
    }

    /// Rank and place of the pair at `at` in one number: of equal ranks the leftmost is the smaller.
    fn candidate(&self, links: &Links, at: u32) -> Option<Reverse<u64>> {
        let (_, left, right) = links.pair(at)?;
        self.get(left, right).map(|(rank, _)| Reverse(key(rank, at)))
    }
}

/// A word as a doubly linked list over positions; symbols that were merged away have no length.
struct Links {
    symbols: Vec<Symbol>,
    next: Vec<u32>,
    previous: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

impl Links {
    fn new(symbols: Vec<Symbol>) -> Self {
        let len = symbols.len() as u32;
        let previous = (0..len).map(|at| at.wrapping_sub(1)).collect();
        Self { symbols, next: (1..=len).collect(), previous }
    }

    fn symbol(&self, at: u32) -> Option<Symbol> {
        self.symbols.get(at as usize).copied().filter(|symbol| symbol.len > 0)
    }

    /// The position after `at` and the two symbols there.
    fn pair(&self, at: u32) -> Option<(u32, Symbol, Symbol)> {
        let next = *self.next.get(at as usize)?;
        Some((next, self.symbol(at)?, self.symbol(next)?))
    }

    fn before(&self, at: u32) -> Option<u32> {
        self.previous.get(at as usize).copied().filter(|before| self.symbol(*before).is_some())
    }

    fn merge(&mut self, at: u32, next: u32, merged: Symbol) {
        let after = self.next.get(next as usize).copied().unwrap_or(NOWHERE);
        set(&mut self.symbols, at, merged);
        set(&mut self.symbols, next, Symbol { id: 0, len: 0 });
        set(&mut self.next, at, after);
        set(&mut self.previous, after, at);
    }
}

fn set<T>(values: &mut [T], at: u32, value: T) {
    if let Some(slot) = values.get_mut(at as usize) {
        *slot = value;
    }
}
