//! The adapter's folder, as PEFT has it.

use super::{Emit, Run, adapter, card, failure, warn};
use crate::checkpoint::{Checkpoint, Found, NamedTensor, Store};
use smolder_formats::adapter::PeftAdapter;
use smolder_models::peft::Method;
use smolder_protocol::train::{EndCause, Failure};

/// The weights come last: where they are, the rest is there too.
pub(super) const FILES: [&str; 3] = ["README.md", "adapter_config.json", "adapter_model.safetensors"];

impl<S: Store> Run<'_, S> {
    /// Writes the adapter, of the best evaluation where that was wanted.
    pub(super) async fn export(&mut self, cause: EndCause, emit: Emit<'_>) -> Result<(), Failure> {
        let (weights, step) = match self.best(emit).await? {
            Some(best) => (best.adapter, best.state.step),
            None => (self.weights().await.map_err(|error| failure::unsaved(&error))?, self.state.step),
        };
        let card = card::text(&self.summary(cause, step));
        let [card_bytes, config, tensors] = self.files(&weights, card)?;
        for (name, bytes) in FILES.into_iter().zip([card_bytes, config, tensors]) {
            self.checkpoints.store().put(name, &bytes).await.map_err(|error| failure::storage(&error))?;
        }
        Ok(())
    }

    /// The best evaluation's checkpoint, where it is another than what there is now.
    async fn best(&self, emit: Emit<'_>) -> Result<Option<Checkpoint>, Failure> {
        let best =
            self.state.evaluations.best.filter(|best| self.config.keep_best && best.step != self.state.step);
        let Some(best) = best else { return Ok(None) };
        let found = self.checkpoints.best().await.map_err(|error| failure::storage(&error))?;
        let Found { checkpoint, warnings } = found;
        warn(emit, warnings);
        Ok(checkpoint.filter(|checkpoint| checkpoint.state.step == best.step))
    }

    fn files(&self, weights: &[NamedTensor], card: String) -> Result<[Vec<u8>; 3], Failure> {
        let base = Some(self.identity.clone());
        let filled = adapter::filled(&self.form, weights);
        let method = Method::of(&filled).map_err(failure::input)?;
        let filled = PeftAdapter { base, ..method.export(&filled).map_err(failure::input)? };
        let mut tensors = Vec::new();
        filled.write_weights(&mut tensors).map_err(failure::input)?;
        Ok([card.into_bytes(), filled.config.to_json().into_bytes(), tensors])
    }

    fn summary(&self, cause: EndCause, weights_of: u64) -> card::Summary<'_> {
        card::Summary {
            config: &self.config,
            method: &self.form.config,
            base: &self.identity,
            data: self.batches.data(),
            eval: self.eval.as_ref(),
            state: &self.state,
            lr: self.schedule.peak,
            seq_len: self.seq_len,
            steps: self.schedule.total,
            cause,
            weights_of,
        }
    }
}
