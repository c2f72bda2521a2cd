//! Which checkpoints are written, kept and found again.

use super::name::Name;
use super::{Checkpoint, Store, StoreError};
use smolder_protocol::train::Warning;

/// The checkpoints of one run.
///
/// Only finite ones are written, and a file is removed only after a newer one is there for good: at every moment there
/// is one to go on from.
#[derive(Debug)]
pub struct Checkpoints<S> {
    store: S,
    keep: usize,
    keep_best: bool,
    /// Those that were found damaged: they do not count among the kept.
    damaged: Vec<Name>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// `None` where there is none, or none that is whole.
    pub checkpoint: Option<Checkpoint>,
    /// Newer ones that are damaged.
    pub warnings: Vec<Warning>,
}

/// Why nothing was written; what was there is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaveError {
    /// Such weights are nothing to go on from.
    #[error("checkpoint: expected finite numbers, found infinity or NaN in `{tensor}`")]
    NotFinite {
        /// The first such tensor.
        tensor: String,
    },
    /// It could not be read back from where it is computed.
    #[error("checkpoint: expected numbers from the device, found: {reason}")]
    Device {
        /// The device's words.
        reason: String,
    },
    /// No file can hold it.
    #[error(transparent)]
    Format(#[from] smolder_formats::Error),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store> Checkpoints<S> {
    /// Keeps the newest `keep` (at least one), and, where that is wanted, the one of the best evaluation.
    pub fn new(store: S, keep: u32, keep_best: bool) -> Self {
        Self { store, keep: keep.max(1) as usize, keep_best, damaged: Vec::new() }
    }

    /// The folder that they are in.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// Whether there is none, damaged ones included.
    ///
    /// # Errors
    /// Those of [`Store::list`].
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.names().await?.is_empty())
    }

    /// Writes a checkpoint, then removes those that are no longer kept; one [in doubt](Checkpoint::is_in_doubt) replaces
    /// none.
    ///
    /// # Errors
    /// [`SaveError`]. That an old file could not be removed is none: the next time tries again.
    pub async fn save(&mut self, checkpoint: Checkpoint) -> Result<(), SaveError> {
        if let Some(tensor) = checkpoint.not_finite() {
            return Err(SaveError::NotFinite { tensor: tensor.to_owned() });
        }
        let mut names = self.names().await?;
        let (serial, step) = (names.first().map_or(1, |newest| newest.serial + 1), checkpoint.state.step);
        let best = checkpoint.state.evaluations.best.map(|best| best.step).filter(|_| self.keep_best);
        let in_doubt = checkpoint.is_in_doubt();
        let bytes = checkpoint.encode()?;
        let name = Name::new(serial, step, best == Some(step), &bytes);
        self.store.put(&name.to_string(), &bytes).await?;
        names.insert(0, name);
        if !in_doubt {
            self.rotate(&names, best).await;
        }
        Ok(())
    }

    /// `best` is the step of the best evaluation: a file that claims to be better belongs to a run that was lost.
    async fn rotate(&mut self, newest_first: &[Name], best: Option<u64>) {
        let best = newest_first.iter().position(|name| name.best && Some(name.step) == best);
        let mut kept = 0;
        for (index, name) in newest_first.iter().enumerate() {
            let damaged = self.damaged.contains(name);
            kept += usize::from(!damaged);
            if (damaged || kept > self.keep) && Some(index) != best {
                let _ = self.store.remove(&name.to_string()).await;
            }
        }
    }

    /// The newest checkpoint that is whole.
    ///
    /// # Errors
    /// Those of [`Store::list`]; a file that cannot be read is a damaged one.
    pub async fn newest(&mut self) -> Result<Found, StoreError> {
        let names = self.names().await?;
        let found = self.first(names.iter(), |_| true).await;
        self.damaged = names.into_iter().take(found.warnings.len()).collect();
        Ok(found)
    }

    /// The newest checkpoint that is whole and not [in doubt](Checkpoint::is_in_doubt).
    ///
    /// # Errors
    /// As for [`Self::newest`].
    pub async fn newest_good(&self) -> Result<Found, StoreError> {
        let names = self.names().await?;
        Ok(self.first(names.iter(), |checkpoint| !checkpoint.is_in_doubt()).await)
    }

    /// The newest checkpoint whose evaluation was the best when it was written, and that is whole.
    ///
    /// # Errors
    /// As for [`Self::newest`].
    pub async fn best(&self) -> Result<Found, StoreError> {
        let names = self.names().await?;
        Ok(self.first(names.iter().filter(|name| name.best), |_| true).await)
    }

    /// The first that is whole and `wanted`.
    async fn first(&self, names: impl Iterator<Item = &Name>, wanted: impl Fn(&Checkpoint) -> bool) -> Found {
        let mut found = Found::default();
        for name in names {
            match self.read(name).await {
                Ok(checkpoint) if !wanted(&checkpoint) => {}
                Ok(checkpoint) => return Found { checkpoint: Some(checkpoint), ..found },
                Err(reason) => {
                    found.warnings.push(Warning::CheckpointDamaged { file: name.to_string(), reason });
                }
            }
        }
        found
    }

    async fn read(&self, name: &Name) -> Result<Checkpoint, String> {
        let bytes = self.store.get(&name.to_string()).await.map_err(|error| error.to_string())?;
        if !name.fits(&bytes) {
            return Err(format!("its {} bytes are not those that were written", bytes.len()));
        }
        Checkpoint::decode(bytes).map_err(|error| error.to_string())
    }

    /// The newest first.
    async fn names(&self) -> Result<Vec<Name>, StoreError> {
        let listed = self.store.list().await?;
        let mut names: Vec<Name> = listed.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.serial));
        Ok(names)
    }
}
