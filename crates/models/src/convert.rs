//! An adapter that changes weights alone, whatever its method, as a plain LoRA.

use crate::approximation::{self, Approximation, check_rank, modules};
use crate::config::Config;
use crate::load::{LoadError, Progress};
use crate::open::{Opened, Weights};
use crate::peft::factoring::transposed;
use crate::peft::{Merge, Method};
use smolder_formats::adapter::{Heads, LoraAdapter, Module, PeftAdapter, row_order};
use smolder_formats::names::to_hf;
use smolder_formats::quants::dequantize_into;
use smolder_formats::{Error, Kind, Result, TensorInfo};
use std::io::{Read, Seek};

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The nearest LoRA of a rank to what an adapter changes: of each ΔW = W' − W, the truncated singular value decomposition
/// (Eckart and Young 1936), one weight after the other.
///
/// A method that adds to a weight is asked for what it adds; others are shown the model's rows, a few at a time.
///
/// # Errors
/// [`Kind::Unsupported`] for a method that has no place in the weights, and for one that changes norms or biases;
/// [`Kind::Missing`] or [`Kind::Shape`] for an adapter that does not fit; [`Kind::Value`] for a rank that is more than a
/// weight has; those of reading; [`LoadError::Cancelled`] when `progress`, told of weights done, breaks.
pub async fn convert<R: Read + Seek>(
    base: &mut Opened<R>,
    adapter: &PeftAdapter,
    rank: u64,
    progress: Progress<'_>,
) -> std::result::Result<Approximation, LoadError> {
    let method = Method::of(adapter)?;
    let merge = method.merge(adapter, &base.config)?;
    refuse_vectors(base, merge.as_ref(), method)?;
    let changed: Vec<Module> =
        modules(&base.config).into_iter().filter(|module| merge.changes(*module)).collect();
    check_rank(rank, changed.iter().copied(), &base.config)?;
    let (mut pairs, mut distances) = (Vec::new(), Vec::new());
    for (done, module) in changed.iter().copied().enumerate() {
        if progress(done as u64, changed.len() as u64).is_break() {
            return Err(LoadError::Cancelled);
        }
        let shape = shape(module, &base.config)?;
        let change = change(base, merge.as_ref(), module, shape)?;
        let (pair, distance) = approximation::pair((module, shape), &change, rank).await?;
        pairs.push(pair);
        distances.push((module, distance));
    }
    // Who stops now is too late.
    let _ = progress(changed.len() as u64, changed.len() as u64);
    let name = adapter.config.raw.get("base_model_name_or_path").and_then(serde_json::Value::as_str);
    let lora = LoraAdapter::plain(name.unwrap_or_default(), base.config.sizes.layers, pairs);
    Ok(Approximation { lora: LoraAdapter { base: adapter.base.clone(), ..lora }, distances })
}

/// A LoRA has no place for what becomes of norms and biases.
fn refuse_vectors<R: Read + Seek>(base: &mut Opened<R>, merge: &dyn Merge, method: &Method) -> Result<()> {
    let architecture = base.config.sizes.architecture.clone();
    let gguf = matches!(base.weights, Weights::Gguf(_));
    let names = base.weights.source().tensors().iter().map(|tensor| &tensor.name);
    let mut names =
        names.filter_map(|name| if gguf { to_hf(&architecture, name) } else { Some(name.clone()) });
    match names.find(|name| merge.changes_vector(name)) {
        Some(name) => {
            let expected = "a method that changes the weights of linear layers alone, as a LoRA does";
            let found = format!("{}, which changes `{name}`", method.peft_type);
            Err(Error::new(Kind::Unsupported, "`peft_type`", expected, found))
        }
        None => Ok(()),
    }
}

fn shape(module: Module, config: &Config) -> Result<[u64; 2]> {
    let missing = || Error::new(Kind::Missing, module.hf(), "a module of the base model", "none");
    module.shape(&config.sizes).ok_or_else(missing)
}

/// ΔW `[out, in]`, rows in Hugging Face's order; an embedding's transposed, as a LoRA has it.
fn change<R: Read + Seek>(
    base: &mut Opened<R>,
    merge: &dyn Merge,
    module: Module,
    shape: [u64; 2],
) -> Result<Vec<f32>> {
    if module != Module::Embedding {
        return rows_changed(base, merge, module, shape);
    }
    let [width, vocabulary] = shape;
    let change = rows_changed(base, merge, module, [vocabulary, width])?;
    Ok(transposed(&change, width as usize))
}

/// What becomes of a weight `[rows, cols]`, less the weight.
fn rows_changed<R: Read + Seek>(
    base: &mut Opened<R>,
    merge: &dyn Merge,
    module: Module,
    [rows, cols]: [u64; 2],
) -> Result<Vec<f32>> {
    let mut change = vec![0.0; (rows * cols) as usize];
    let cols = cols as usize;
    if merge.adds() {
        let rows = change.chunks_mut(cols).enumerate();
        rows.for_each(|(row, values)| merge.change(module, row, values));
        return Ok(change);
    }
    let (tensor, order) = found(base, module, [rows, cols as u64])?;
    let (mut order, mut values) = (order.into_iter(), Vec::new());
    let row_bytes = (tensor.bytes / rows.max(1)) as usize;
    let chunk = (CHUNK_BYTES / row_bytes.max(1)).max(1) * row_bytes;
    base.weights.source().read_finite(&tensor, chunk, &mut |bytes| {
        values.clear();
        dequantize_into(tensor.dtype, bytes, &mut values)?;
        for (old, row) in values.chunks(cols).zip(order.by_ref()) {
            let row = row as usize;
            let Some(new) = change.get_mut(row * cols..(row + 1) * cols) else { continue };
            new.copy_from_slice(old);
            merge.change(module, row, new);
            new.iter_mut().zip(old).for_each(|(new, old)| *new -= old);
        }
        Ok(())
    })?;
    Ok(change)
}

/// A projection's weight in the files, and where Hugging Face has its rows.
fn found<R: Read + Seek>(
    base: &mut Opened<R>,
    module: Module,
    shape: [u64; 2],
) -> Result<(TensorInfo, Vec<u64>)> {
    let gguf = matches!(base.weights, Weights::Gguf(_));
    let name = if gguf { module.gguf() } else { module.hf() };
    let tensor = base.weights.source().require(&format!("{name}.weight"))?.clone();
    if tensor.shape != shape {
        let field = format!("tensor `{}`", tensor.name);
        return Err(Error::new(Kind::Shape, field, format!("{shape:?}"), format!("{:?}", tensor.shape)));
    }
    let sizes = &base.config.sizes;
    let heads = Heads { queries: sizes.heads, keys: sizes.kv_heads };
    let order = match module {
        Module::Projection(place) if gguf => row_order(&sizes.architecture, place, heads, shape[0])?,
        _ => (0..shape[0]).collect(),
    };
    Ok((tensor, order))
}
