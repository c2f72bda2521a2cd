//! A checkpoint as a safetensors file: tensors `adapter.*` and `optimizer.*`, the rest in the metadata.

use super::{Checkpoint, NamedTensor, State};
use smolder_formats::adapter::BaseIdentity;
use smolder_formats::safetensors::{Entry, Safetensors, write};
use smolder_formats::{Error, Kind, Result, Source, TensorSource};
use std::io::Cursor;

const FORMAT: (&str, &str) = ("smolder.checkpoint", "1");
const STATE: &str = "smolder.checkpoint.state";
const ADAPTER: &str = "adapter.";
const OPTIMIZER: &str = "optimizer.";

impl Checkpoint {
    /// The file's bytes.
    ///
    /// # Errors
    /// [`Kind::Duplicate`] or [`Kind::Shape`] for tensors that no file can hold.
    pub(super) fn encode(self) -> Result<Vec<u8>> {
        let state = serde_json::to_string(&self.state).map_err(|e| state_error(&e))?;
        let pairs = [(FORMAT.0.to_owned(), FORMAT.1.to_owned()), (STATE.to_owned(), state)];
        let metadata = [&pairs[..], &self.base.to_metadata()].concat();
        let adapter = self.adapter.into_iter().map(|one| entry(ADAPTER, &one));
        // Converted one by one: two copies of all moments need not exist at once.
        let entries: Vec<Entry> =
            adapter.chain(self.optimizer.into_iter().map(|one| entry(OPTIMIZER, &one))).collect();
        let mut bytes = Vec::new();
        write(&mut bytes, &metadata, &entries)?;
        Ok(bytes)
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// Those of [`Safetensors::open`]; [`Kind::Version`], [`Kind::Missing`] or [`Kind::Syntax`] for what is no
    /// checkpoint; [`Kind::Value`] for numbers that are not finite.
    pub(super) fn decode(bytes: Vec<u8>) -> Result<Self> {
        let mut file = Safetensors::open(Source::new("", Cursor::new(bytes))?)?;
        let version = file.metadata(FORMAT.0).unwrap_or("none");
        if version != FORMAT.1 {
            return Err(Error::new(Kind::Version, FORMAT.0, format!("version {}", FORMAT.1), version));
        }
        let missing = |field: &str| Error::new(Kind::Missing, field, "a value", "nothing");
        let state = file.metadata(STATE).ok_or_else(|| missing(STATE))?;
        let state: State = serde_json::from_str(state).map_err(|e| state_error(&e))?;
        let base = BaseIdentity::from_metadata(|key| file.metadata(key).map(str::to_owned));
        let base = base.ok_or_else(|| missing("smolder.base"))?;
        let (mut adapter, mut optimizer) = (Vec::new(), Vec::new());
        for info in file.tensors().to_vec() {
            let (list, name) = if let Some(name) = info.name.strip_prefix(ADAPTER) {
                (&mut adapter, name)
            } else if let Some(name) = info.name.strip_prefix(OPTIMIZER) {
                (&mut optimizer, name)
            } else {
                let field = format!("tensor `{}`", info.name);
                return Err(Error::new(Kind::Unsupported, field, "adapter.* or optimizer.*", "neither"));
            };
            let (name, shape) = (name.to_owned(), info.shape.clone());
            list.push(NamedTensor { name, shape, values: file.read_f32(&info)? });
        }
        Ok(Self { state, base, adapter, optimizer })
    }

    /// The first tensor that holds infinity or NaN.
    pub(super) fn not_finite(&self) -> Option<&str> {
        let mut all = self.adapter.iter().chain(&self.optimizer);
        let damaged = |one: &&NamedTensor| one.values.iter().any(|value| !value.is_finite());
        all.find(damaged).map(|one| one.name.as_str())
    }
}

fn entry(prefix: &str, tensor: &NamedTensor) -> Entry {
    Entry::f32(format!("{prefix}{}", tensor.name), &tensor.shape, &tensor.values)
}

fn state_error(error: &serde_json::Error) -> Error {
    Error::new(Kind::Syntax, STATE, "a run's state", error)
}

#[cfg(test)]
mod tests {
    use super::super::tests::checkpoint;
    use super::*;

    fn refused(metadata: &[(String, String)], entries: &[Entry]) -> Kind {
        let mut bytes = Vec::new();
        write(&mut bytes, metadata, entries).unwrap();
        Checkpoint::decode(bytes).unwrap_err().kind
    }

    #[test]
    fn what_was_written_is_read_to_the_bit() {
        let written = checkpoint(120, 3.0);
        let read = Checkpoint::decode(written.clone().encode().unwrap()).unwrap();
        assert_eq!(read, written);
        let bits = |one: &Checkpoint| {
            one.adapter.iter().flat_map(|t| t.values.iter().map(|v| v.to_bits())).collect::<Vec<_>>()
        };
        assert_eq!(bits(&read), bits(&written), "even the sign of zero");
    }

    #[test]
    fn losses_keep_their_bits_in_the_state() {
        let mut written = checkpoint(1, 1.0);
        let mut bits = 0x3f00_0001_u32;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let loss = f32::from_bits(bits & 0x7fff_ffff);
            if loss.is_finite() {
                written.state.loss = Some(loss);
                let text = serde_json::to_string(&written.state).unwrap();
                let read: State = serde_json::from_str(&text).unwrap();
                assert_eq!(read.loss.map(f32::to_bits), Some(loss.to_bits()), "{loss:e}");
            }
        }
    }

    #[test]
    fn other_files_and_other_versions_are_refused() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let state = serde_json::to_string(&State::default()).unwrap();
        let base = pair("smolder.base.table_sha256", "t");
        let (one, two) = (pair(FORMAT.0, "1"), pair(FORMAT.0, "2"));
        let good = [one.clone(), pair(STATE, &state), base.clone()];
        let stray = Entry::f32("stray", &[1], &[0.0]);
        assert_eq!(refused(&[], &[]), Kind::Version);
        assert_eq!(refused(&[two, pair(STATE, &state), base.clone()], &[]), Kind::Version);
        assert_eq!(refused(&[one.clone(), base.clone()], &[]), Kind::Missing);
        assert_eq!(refused(&good[..2], &[]), Kind::Missing);
        assert_eq!(refused(&[one, pair(STATE, "{}"), base], &[]), Kind::Syntax);
        assert_eq!(refused(&good, &[stray]), Kind::Unsupported);
        assert_eq!(refused(&good, &[Entry::f32("adapter.a", &[1], &[f32::NAN])]), Kind::Value);
    }
}
