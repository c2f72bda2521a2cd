//! The loss on rows that are not trained on.

use crate::compute::{Compute, DeviceError};
use crate::data::{Batches, Batching, Cursor, Data, MicroBatch};
use crate::room::Room;
use crate::step;
use smolder_kernels::turn;
use smolder_models::Model;
use smolder_models::peft::Adapter;
use smolder_protocol::train::BatchSize;
use std::ops::ControlFlow;

/// A mean over labelled tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanLoss {
    /// In nats.
    pub loss: f32,
    /// Labelled tokens.
    pub tokens: u64,
}

/// Told between batches how many labelled tokens were looked at, of how many; may break it off.
pub type Watch<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

/// The mean loss over all labelled tokens of `data`, `size` computed at once as far as there is `room`; nothing where
/// `watch` broke it off.
///
/// # Errors
/// [`DeviceError::OutOfMemory`] where there is too little even for one sequence.
pub async fn mean_loss(
    model: &Model,
    compute: &Compute,
    adapter: &dyn Adapter,
    (data, size): (&Data, BatchSize),
    room: &mut Room,
    watch: Watch<'_>,
) -> Result<Option<MeanLoss>, DeviceError> {
    let batching = Batching { size, grad_accum: 1, seed: 0, shuffle: false };
    let (mut sum, mut tokens) = (0.0, 0);
    for batch in
        Batches::new(data.clone(), batching, Cursor::default()).epoch().flat_map(|step| step.micro_batches)
    {
        turn().await;
        if watch(tokens, data.labels()).is_break() {
            return Ok(None);
        }
        tokens += batch.labels() as u64;
        sum += loop {
            let parts = room.parts(&batch);
            match sum_of(model, compute, adapter, &parts).await {
                Err(DeviceError::OutOfMemory) if room.halve(&parts) => compute.reclaim(),
                other => break other?,
            }
        };
    }
    Ok(Some(MeanLoss { loss: (sum / tokens as f64) as f32, tokens }))
}

async fn sum_of(
    model: &Model,
    compute: &Compute,
    adapter: &dyn Adapter,
    parts: &[MicroBatch],
) -> Result<f64, DeviceError> {
    let mut sum = 0.0;
    for part in parts {
        let loss = compute.read(step::loss(model, adapter, &part.sequences)).await?;
        sum += loss.into_iter().map(f64::from).sum::<f64>();
    }
    Ok(sum)
}
