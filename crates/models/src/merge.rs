//! An adapter made part of its base's weights, one tensor after the other.

use crate::load::{LoadError, Progress};
use crate::open::{Opened, Weights};
use crate::peft::{Merge, Method};
use smolder_formats::adapter::{Heads, Module, PeftAdapter, row_order};
use smolder_formats::gguf::{GgufWriter, Metadata, SplitGguf, TensorPlan, Value};
use smolder_formats::names::{Place, to_hf};
use smolder_formats::quants::dequantize_into;
use smolder_formats::{Dtype, Error, Kind, Result, TensorInfo, TensorSource};
use std::io::{Read, Seek, Write};

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// Writes the base as one GGUF whose weights W' compute what W and the adapter compute: a [`Merging`] from its beginning
/// to its end.
///
/// # Errors
/// Those of [`Merging`]; [`LoadError::Cancelled`] when `progress`, told of bytes read, breaks.
pub fn merge<R: Read + Seek, W: Write>(
    base: &mut Opened<R>,
    adapter: &PeftAdapter,
    dtype: Option<Dtype>,
    out: W,
    progress: Progress,
) -> std::result::Result<W, LoadError> {
    let mut merging = Merging::begin(base, adapter, dtype, out)?;
    while let Some((done, total)) = merging.step()? {
        if progress(done, total).is_break() {
            return Err(LoadError::Cancelled);
        }
    }
    Ok(merging.finish()?)
}

/// A base and an adapter on their way to one GGUF, a tensor at a time.
///
/// Every weight of a layer's projections is stored as the wanted type. Without one, those that the adapter changes keep
/// their type, or become `Q8_0` where that is only read; so do embedding and head in any case. Where the embedding serves
/// as head and the adapter changes either, the file has both. All other tensors and all keys stay as they are.
pub struct Merging<'a, R, W> {
    file: &'a mut SplitGguf<R>,
    target: Target<'a>,
    tensors: Vec<Written>,
    next: usize,
    /// Bytes read.
    done: u64,
    writer: GgufWriter<W>,
}

impl<'a, R: Read + Seek, W: Write> Merging<'a, R, W> {
    /// Writes everything before the tensors.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for a base that is no GGUF or a method that has no place in weights, [`Kind::Missing`] or
    /// [`Kind::Shape`] for an adapter that does not fit, and for rows that are no whole blocks of `dtype`.
    pub fn begin(
        base: &'a mut Opened<R>,
        adapter: &PeftAdapter,
        dtype: Option<Dtype>,
        out: W,
    ) -> Result<Self> {
        let Weights::Gguf(file) = &mut base.weights else {
            return Err(Error::new(Kind::Unsupported, "base", "a GGUF model", "another format"));
        };
        let sizes = &base.config.sizes;
        let change = Method::of(adapter)?.merge(adapter, &base.config)?;
        let heads = Heads { queries: sizes.heads, keys: sizes.kv_heads };
        let target = Target { architecture: &sizes.architecture, heads, change, dtype };
        let tensors = target.tensors(file.tensors());
        let plans = tensors.iter().map(|tensor| target.plan(tensor)).collect();
        let writer = GgufWriter::begin(out, &metadata(file.metadata(), dtype), plans)?;
        Ok(Self { file, target, tensors, next: 0, done: 0, writer })
    }

    /// Writes the next tensor: bytes of tensors that are done and of all, or nothing where all were done before.
    ///
    /// # Errors
    /// Those of reading, and [`Kind::Value`] for weights that are not finite.
    pub fn step(&mut self) -> Result<Option<(u64, u64)>> {
        let Some(tensor) = self.tensors.get(self.next) else { return Ok(None) };
        self.target.copy(self.file, tensor, &mut self.writer)?;
        self.next += 1;
        self.done += tensor.from.bytes;
        Ok(Some((self.done, self.tensors.iter().map(|tensor| tensor.from.bytes).sum())))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Those of writing, and tensors that are missing.
    pub fn finish(self) -> Result<W> {
        self.writer.finish()
    }
}

/// The base's keys, those of a split file left out.
fn metadata(base: &Metadata, dtype: Option<Dtype>) -> Metadata {
    let mut metadata = Metadata::new();
    let kept = base.iter().filter(|(key, _)| !key.starts_with("split."));
    kept.for_each(|(key, value)| metadata.set(key, value.clone()));
    if let Some(number) = dtype.and_then(Dtype::file_type) {
        metadata.set("general.file_type", Value::U32(number));
    }
    metadata
}

const EMBEDDING: &str = "token_embd.weight";
const HEAD: &str = "output.weight";

/// A tensor of the new file.
struct Written {
    name: String,
    /// The base's that it is made of.
    from: TensorInfo,
}

struct Target<'a> {
    architecture: &'a str,
    heads: Heads,
    change: Box<dyn Merge>,
    dtype: Option<Dtype>,
}

impl Target<'_> {
    /// All tensors of the new file.
    fn tensors(&self, base: &[TensorInfo]) -> Vec<Written> {
        let same = |from: &TensorInfo| Written { name: from.name.clone(), from: from.clone() };
        let mut tensors: Vec<Written> = base.iter().map(same).collect();
        let changed = self.change.changes(Module::Embedding) || self.change.changes(Module::Head);
        if changed && base.iter().all(|tensor| tensor.name != HEAD) {
            let embedding = base.iter().find(|tensor| tensor.name == EMBEDDING).cloned();
            tensors.extend(embedding.map(|from| Written { name: HEAD.to_owned(), from }));
        }
        tensors
    }

    fn module(&self, tensor: &Written) -> Option<Module> {
        Module::from_gguf(self.architecture, tensor.name.strip_suffix(".weight")?)
    }

    fn plan(&self, tensor: &Written) -> TensorPlan {
        let kept = tensor.from.dtype;
        let dtype = match (self.module(tensor), self.dtype) {
            (Some(Module::Projection(_)), Some(wanted)) => wanted,
            (Some(module), _) if self.change.changes(module) && kept.file_type().is_none() => Dtype::Q8_0,
            _ => kept,
        };
        TensorPlan { name: tensor.name.clone(), shape: tensor.from.shape.clone(), dtype }
    }

    /// Where Hugging Face has the rows of a module's weight.
    fn order(&self, module: Module, rows: u64) -> Result<Vec<u64>> {
        match module {
            Module::Projection(place) => row_order(self.architecture, place, self.heads, rows),
            Module::Embedding | Module::Head => Ok((0..rows).collect()),
        }
    }

    /// Hugging Face's name of a norm's weight or a bias that becomes another.
    fn vector(&self, tensor: &Written) -> Option<String> {
        to_hf(self.architecture, &tensor.name).filter(|name| self.change.changes_vector(name))
    }

    fn copy_vector<R: Read + Seek, W: Write>(
        &self,
        file: &mut SplitGguf<R>,
        (tensor, name): (&TensorInfo, &str),
        writer: &mut GgufWriter<W>,
    ) -> Result<()> {
        let mut values = file.read_f32(tensor)?;
        let count = values.len() as u64;
        let order = match name.strip_suffix(".bias").and_then(Place::from_hf) {
            Some(place) => self.order(Module::Projection(place), count)?,
            None => (0..count).collect(),
        };
        for (value, index) in values.iter_mut().zip(order) {
            self.change.change_vector(name, index as usize, value);
        }
        writer.write_f32(&values)
    }

    fn copy<R: Read + Seek, W: Write>(
        &self,
        file: &mut SplitGguf<R>,
        written: &Written,
        writer: &mut GgufWriter<W>,
    ) -> Result<()> {
        if let Some(name) = self.vector(written) {
            return self.copy_vector(file, (&written.from, &name), writer);
        }
        let (changed, tensor) = (self.module(written), &written.from);
        let changed = changed.filter(|module| self.change.changes(*module));
        if changed.is_none() && self.plan(written).dtype == tensor.dtype {
            return file.read_chunks(tensor, CHUNK_BYTES, &mut |bytes| writer.write_bytes(bytes));
        }
        let [rows, cols] = [0, 1].map(|at| tensor.shape.get(at).copied().unwrap_or(1));
        let order = match changed {
            Some(module) => self.order(module, rows)?,
            None => Vec::new(),
        };
        let row_bytes = (tensor.bytes / rows.max(1)) as usize;
        let (mut rows, mut values) = (order.into_iter(), Vec::new());
        file.read_finite(tensor, (CHUNK_BYTES / row_bytes.max(1)).max(1) * row_bytes, &mut |bytes| {
            values.clear();
            dequantize_into(tensor.dtype, bytes, &mut values)?;
            if let Some(module) = changed {
                let weights = values.chunks_mut(cols as usize).zip(rows.by_ref());
                weights.for_each(|(weights, row)| self.change.change(module, row as usize, weights));
            }
            writer.write_f32(&values)
        })
    }
}
