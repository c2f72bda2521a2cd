//! Logits of every position of a text: what comparisons with other programs, and losses, are made of.

use super::{GenerateError, Generator, PASS_TOKENS, check, context, read, rows_at_once};
use crate::batch::Span;
use crate::model::Model;
use crate::peft::Adapter;
use crate::sampling::SamplingError;
use std::ops::ControlFlow;

/// Computes the logits of all positions in order and gives them to `each`, some rows `[_, vocabulary]` at a time, so
/// that memory does not grow with the text. `each` breaks to cancel; then the result is `Break`.
///
/// # Errors
/// [`GenerateError`] for ids that cannot be used, a failed device, and logits that are no numbers.
pub async fn positions(
    model: &Model,
    adapter: &dyn Adapter,
    ids: &[u32],
    each: &mut dyn FnMut(&[f32]) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, GenerateError> {
    // A text may fill the context: no answer follows.
    check(&[ids.to_vec()], model, context(model, adapter))?;
    let mut generator = Generator::new(model, adapter, 1, ids.len())?;
    for (pass, ids) in ids.chunks(PASS_TOKENS).enumerate() {
        let span = Span { ids: ids.to_vec(), position: pass * PASS_TOKENS, row: 0 };
        let (h, ends) = generator.hidden(&[span]);
        let first = ends.first().map_or(0, |end| end + 1 - ids.len());
        let step = rows_at_once(model);
        for row in (0..ids.len()).step_by(step) {
            let h = h.clone().narrow(0, first + row, step.min(ids.len() - row));
            let logits = read(model.logits(h, adapter)).await?;
            finite(&logits, model.vocabulary())?;
            if each(&logits).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn finite(logits: &[f32], vocabulary: usize) -> Result<(), SamplingError> {
    match logits.iter().position(|logit| !logit.is_finite()) {
        Some(at) => Err(SamplingError::NotFinite { id: (at % vocabulary) as u32, found: logits[at] }),
        None => Ok(()),
    }
}
