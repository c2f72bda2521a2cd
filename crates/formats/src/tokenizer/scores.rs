//! Merges from the scores of a SentencePiece vocabulary, which lists none.

use super::vocabulary::Vocabulary;
use crate::error::{Error, Kind, Result};
use crate::limits;

/// Every place of every token is looked up twice: there must be an end to that.
pub(super) fn check_pieces(vocabulary: &Vocabulary) -> Result<()> {
    let mut bytes = 0;
    for (id, token) in vocabulary.iter().enumerate() {
        bytes += token.len();
        let (most, found) = (limits::PIECE_BYTES, token.len());
        if found > most {
            return Err(Error::new(
                Kind::Limit,
                format!("token {id}"),
                format!("at most {most} bytes"),
                found,
            ));
        }
    }
    if bytes > limits::PIECES_BYTES {
        let expected = format!("at most {} bytes", limits::PIECES_BYTES);
        return Err(Error::new(Kind::Limit, "`tokenizer.ggml.tokens`", expected, bytes));
    }
    Ok(())
}

/// The merges that a vocabulary with scores implies: every way to cut a token into two, best score first, then
/// longest left part, then longest right part.
pub(super) fn derive_merges(vocabulary: &Vocabulary, scores: &[f32]) -> Vec<(u32, u32, u32)> {
    let mut cuts = Vec::new();
    for (result, (token, score)) in vocabulary.iter().zip(scores).enumerate() {
        let from = cuts.len();
        let chars = token.chars().count() as u32;
        for (count, (at, _)) in token.char_indices().enumerate().skip(1) {
            let Some((left, right)) = token.split_at_checked(at) else { continue };
            if let Some(left) = vocabulary.id(left)
                && let Some(right) = vocabulary.id(right)
            {
                cuts.push((*score, count as u32, chars - count as u32, (left, right, result as u32)));
            }
        }
        if let Some(new) = cuts.get_mut(from..) {
            new.sort_by_key(|cut| (cut.3.0, cut.3.1));
        }
    }
    cuts.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(b.2.cmp(&a.2)));
    cuts.into_iter().map(|cut| cut.3).collect()
}
