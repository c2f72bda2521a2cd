//! Looking at rows that are not trained on.

use super::asked::Asked;
use super::{Emit, Run, failure};
use crate::checkpoint::Store;
use crate::early::Judgement;
use crate::evaluation::{MeanLoss, mean_loss};
use smolder_protocol::train::{Evaluation, Failure, TrainEvent, Warning};
use std::ops::ControlFlow;

impl<S: Store> Run<'_, S> {
    /// Evaluates, where there is something to evaluate on; one that was to end is due again where the run goes on.
    pub(super) async fn evaluate(
        &mut self,
        asked: &mut Asked<'_>,
        emit: Emit<'_>,
    ) -> Result<Option<Judgement>, Failure> {
        let Some(data) = &self.eval else { return Ok(None) };
        let (base, size) = (self.base, self.config.batch());
        let mut watch = |done, total| {
            if done > 0 {
                emit(TrainEvent::Evaluating { done, total });
            }
            if asked.ends() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let work = (data, size);
        let found =
            mean_loss(base.model, base.compute, self.adapter.as_ref(), work, &mut self.room, &mut watch)
                .await;
        let found = found.map_err(|error| failure::device(error, data.longest()))?;
        self.tell_room(emit);
        let Some(found) = found else {
            (self.state.evaluations.owed, self.unsaved) = (true, true);
            return Ok(None);
        };
        let step = self.state.step;
        let judgement = self.state.evaluations.add(step, found.loss, self.config.patience);
        (self.evaluated, self.unsaved) = (Some(step), true);
        let MeanLoss { loss, tokens } = found;
        let perplexity = Evaluation::perplexity_of(loss);
        emit(if loss.is_finite() {
            TrainEvent::Evaluated(Evaluation { step, loss, perplexity, tokens, best: judgement.best })
        } else {
            TrainEvent::Warned(Warning::EvaluationNotFinite { step })
        });
        Ok(Some(judgement))
    }
}
