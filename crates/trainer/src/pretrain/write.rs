//! The model as a GGUF.

use super::network::{Slot, slots};
use super::{CONTROLS, PretrainError, Pretrained, Settings, numbers};
use smolder_formats::adapter::{Heads, row_order};
use smolder_formats::gguf::{GgufWriter, Metadata, TensorPlan, Value};
use smolder_formats::model::ModelConfig;
use smolder_formats::template::CHATML;
use smolder_formats::tokenizer::Learned;
use smolder_formats::{Dtype, Error, Kind};
use std::io::Write;

const ARCHITECTURE: &str = "llama";

impl Settings {
    /// What the file says of the model.
    pub(super) fn metadata(&self, learned: &Learned) -> Metadata {
        let number = |value: u64| Value::U32(value.try_into().unwrap_or(u32::MAX));
        let head_dim = self.width / self.heads.max(1);
        let mut metadata = Metadata::new();
        metadata.set("general.architecture", Value::String(ARCHITECTURE.into()));
        metadata.set("general.type", Value::String("model".into()));
        metadata.set("general.name", Value::String(self.name.clone()));
        let sizes = [
            ("context_length", number(self.context)),
            ("embedding_length", number(self.width)),
            ("block_count", number(self.layers)),
            ("feed_forward_length", number(self.feed_forward)),
            ("attention.head_count", number(self.heads)),
            ("attention.head_count_kv", number(self.heads)),
            ("attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
            ("rope.freq_base", Value::F32(10_000.0)),
            ("rope.dimension_count", number(head_dim)),
            ("vocab_size", number(learned.tokens.len() as u64)),
        ];
        for (key, value) in sizes {
            metadata.set(format!("{ARCHITECTURE}.{key}"), value);
        }
        let control = |token| CONTROLS.iter().position(|one| *one == token).unwrap_or_default() as u32;
        learned.write(&mut metadata, control("<|endoftext|>"), control("<|im_end|>"));
        metadata.set("tokenizer.chat_template", Value::String(CHATML.into()));
        metadata
    }
}

impl Pretrained {
    /// Writes the model; `more` are further keys for people.
    ///
    /// # Errors
    /// [`PretrainError::Format`] where nothing can be written; [`PretrainError::Device`].
    pub async fn write<W: Write>(&self, more: &[(&str, &str)], out: W) -> Result<W, PretrainError> {
        let mut metadata = self.metadata.clone();
        for (key, value) in more {
            metadata.set(*key, Value::String((*value).into()));
        }
        if let Some(number) = self.dtype.file_type() {
            metadata.set("general.file_type", Value::U32(number));
        }
        let slots = slots(&self.network.config);
        let plans = slots.iter().map(|slot| plan(slot, self.dtype)).collect();
        let mut writer = GgufWriter::begin(out, &metadata, plans)?;
        for (slot, weight) in slots.iter().zip(&self.network.weights) {
            let values = numbers(weight.clone()).await?;
            for row in self.rows(slot)? {
                let row = row as usize * slot.shape[1];
                let missing = || Error::new(Kind::Truncated, &slot.name, "its rows", values.len());
                writer.write_f32(values.get(row..row + slot.shape[1]).ok_or_else(missing)?)?;
            }
        }
        Ok(writer.finish()?)
    }

    /// For each row of the file the row of the network.
    fn rows(&self, slot: &Slot) -> Result<Vec<u64>, PretrainError> {
        let (config, rows) = (&self.network.config, slot.shape[0] as u64);
        let heads = Heads { queries: config.heads, keys: config.kv_heads };
        match slot.place {
            Some(place) => Ok(row_order(ARCHITECTURE, place, heads, rows)?),
            None => Ok((0..rows).collect()),
        }
    }
}

/// Refuses a dtype that is only read or whose blocks do not fit the sizes, before anything is trained.
pub(super) fn check(config: &ModelConfig, dtype: Dtype) -> smolder_formats::Result<()> {
    if dtype.file_type().is_none() {
        return Err(Error::new(Kind::Unsupported, "type", "one that is written", dtype));
    }
    let partial = |slot: &Slot| slot.shape[0] > 1 && !slot.shape[1].is_multiple_of(dtype.block_len());
    match slots(config).into_iter().find(partial) {
        Some(Slot { name, shape, .. }) => {
            let expected = format!("rows of whole {dtype} blocks of {}", dtype.block_len());
            Err(Error::new(Kind::Shape, format!("tensor `{name}`"), expected, shape[1]))
        }
        None => Ok(()),
    }
}

fn plan(Slot { name, shape: [rows, cols], .. }: &Slot, dtype: Dtype) -> TensorPlan {
    let (rows, cols) = (*rows as u64, *cols as u64);
    let (shape, dtype) = if rows == 1 { (vec![cols], Dtype::F32) } else { (vec![rows, cols], dtype) };
    TensorPlan { name: name.clone(), shape, dtype }
}
