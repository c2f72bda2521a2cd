//! GGUF LoRA as llama.cpp reads it: `blk.N.attn_q.weight.lora_a` and `.lora_b`, one alpha for all.

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};

use super::config::{AdapterConfig, Scale};
use super::lora::{LoraAdapter, LoraPair};
use crate::error::{Error, Kind, Result};
use crate::gguf::{GgufFile, GgufWriter, Metadata, TensorPlan, Value};
use crate::limits;
use crate::names::{Place, Projection};
use crate::source::Source;
use crate::tensor::{Dtype, TensorInfo, TensorSource};

/// The base's heads: files for architecture `llama` have the rows of queries and keys in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Query heads.
    pub queries: u64,
    /// Key heads.
    pub keys: u64,
}

/// For each row of a GGUF's weight or B at `place`, the row of Hugging Face's: llama.cpp pairs rotary dimensions side by side, Hugging Face
/// half a head apart. Reshaped to `[heads, 2, half, r]`, the middle dimensions are swapped.
///
/// # Errors
/// [`Kind::Shape`] for rows that do not fit `heads`.
pub fn row_order(architecture: &str, place: Place, heads: Heads, rows: u64) -> Result<Vec<u64>> {
    let Some(width) = turned_width(architecture, place, heads, rows)? else { return Ok((0..rows).collect()) };
    let source = |row: u64| row / width * width + row % 2 * (width / 2) + row % width / 2;
    Ok((0..rows).map(source).collect())
}

/// The width of a head whose rows are in another order, `None` where they are not.
fn turned_width(architecture: &str, place: Place, heads: Heads, rows: u64) -> Result<Option<u64>> {
    let heads = match (architecture, place.projection) {
        ("llama", Projection::Q) => heads.queries,
        ("llama", Projection::K) => heads.keys,
        _ => return Ok(None),
    };
    if heads == 0 || rows == 0 || !rows.is_multiple_of(heads * 2) {
        let expected = format!("rows for {heads} heads of even width");
        return Err(Error::new(Kind::Shape, place.gguf(), expected, rows));
    }
    Ok(Some(rows / heads))
}

/// Brings the rows of heads of this width from a GGUF's order into Hugging Face's, where they are: B may be most of a file.
fn turn_back(values: &mut [f32], width: usize, rank: usize) {
    let half = width / 2;
    let from = |row: usize| row % half * 2 + row / half;
    for head in values.chunks_exact_mut(width * rank) {
        let mut done = vec![false; width];
        for start in 0..width {
            let mut row = start;
            // Along the cycle, each row changes places with the one that belongs there.
            while let Some(done) = done.get_mut(row).filter(|done| !**done) {
                *done = true;
                let next = from(row);
                if next != start {
                    swap_rows(head, row, next, rank);
                }
                row = next;
            }
        }
    }
}

fn swap_rows(values: &mut [f32], a: usize, b: usize, rank: usize) {
    for column in 0..rank {
        values.swap(a * rank + column, b * rank + column);
    }
}

/// Row `n` of the result is row `order[n]` of `values`.
fn gather(values: &[f32], order: &[u64], rank: u64) -> Vec<f32> {
    let rank = rank as usize;
    let row = |row: &u64| values.get(*row as usize * rank..(*row as usize + 1) * rank).unwrap_or_default();
    order.iter().flat_map(row).copied().collect()
}

/// Writes a LoRA in 32-bit floats. Scales that differ from pair to pair are folded into B, since the file has one
/// alpha.
///
/// # Errors
/// [`Kind::Unsupported`] for `DoRA` magnitudes, which the format cannot hold; [`Kind::Shape`] for rows that do not fit
/// `heads`; those of [`GgufWriter`].
pub fn write_gguf<W: Write>(adapter: &LoraAdapter, architecture: &str, heads: Heads, out: W) -> Result<W> {
    if let Some(pair) = adapter.pairs.iter().find(|pair| pair.magnitude.is_some()) {
        return Err(Error::new(Kind::Unsupported, pair.place.hf(), "a plain LoRA", "DoRA magnitudes"));
    }
    let effective = |pair: &LoraPair| pair.scale.factor() * pair.scale.rank as f64;
    let alpha = adapter.pairs.first().map_or(1.0, effective) as f32;
    let mut metadata = Metadata::new();
    metadata.set("general.type", Value::String("adapter".into()));
    metadata.set("general.architecture", Value::String(architecture.into()));
    metadata.set("adapter.type", Value::String("lora".into()));
    metadata.set("adapter.lora.alpha", Value::F32(alpha));
    let plan = |name: String, shape: [u64; 2]| TensorPlan { name, shape: shape.into(), dtype: Dtype::F32 };
    let plans = adapter.pairs.iter().flat_map(|pair| {
        let name = pair.place.gguf();
        let a = plan(format!("{name}.weight.lora_a"), [pair.scale.rank, pair.inputs]);
        [a, plan(format!("{name}.weight.lora_b"), [pair.outputs, pair.scale.rank])]
    });
    let mut writer = GgufWriter::begin(out, &metadata, plans.collect())?;
    for pair in &adapter.pairs {
        let order = row_order(architecture, pair.place, heads, pair.outputs)?;
        let fold = if alpha == 0.0 { 1.0 } else { effective(pair) as f32 / alpha };
        let b: Vec<f32> =
            gather(&pair.b, &order, pair.scale.rank).into_iter().map(|value| value * fold).collect();
        writer.write_f32(&pair.a)?;
        writer.write_f32(&b)?;
    }
    writer.finish()
}

fn field<T>(value: Option<T>, key: &str) -> Result<T> {
    value.ok_or_else(|| Error::new(Kind::Missing, format!("`{key}`"), "this key", "a file without it"))
}

fn must_be(metadata: &Metadata, key: &str, wanted: &str) -> Result<()> {
    match metadata.string(key)? {
        Some(found) if found == wanted => Ok(()),
        found => Err(Error::new(Kind::Mismatch, format!("`{key}`"), wanted, found.unwrap_or("no such key"))),
    }
}

/// Reads a GGUF LoRA for a base with these heads.
///
/// # Errors
/// [`Kind::Mismatch`] for a file that is no LoRA or of another architecture, [`Kind::Unsupported`] for tensors outside
/// of projections, [`Kind::Missing`] for half a pair, [`Kind::Shape`] and [`Kind::Value`] for their contents.
pub fn read_gguf<R: Read + Seek>(source: Source<R>, architecture: &str, heads: Heads) -> Result<LoraAdapter> {
    let mut file = GgufFile::open(source)?;
    let name = file.name().to_owned();
    read(&mut file, architecture, heads).map_err(|e| e.in_file(&name))
}

fn read<R: Read + Seek>(file: &mut GgufFile<R>, architecture: &str, heads: Heads) -> Result<LoraAdapter> {
    let metadata = &file.header.metadata;
    must_be(metadata, "general.type", "adapter")?;
    must_be(metadata, "adapter.type", "lora")?;
    must_be(metadata, "general.architecture", architecture)?;
    let alpha = field(metadata.float("adapter.lora.alpha")?, "adapter.lora.alpha")?;
    if alpha.is_nan() || alpha.abs() > 1e6 {
        return Err(Error::new(
            Kind::Value,
            "`adapter.lora.alpha`",
            "a number from -1000000 to 1000000",
            alpha,
        ));
    }
    let mut places: BTreeMap<Place, [Option<TensorInfo>; 2]> = BTreeMap::new();
    for tensor in file.tensors() {
        let (path, side) =
            match (tensor.name.strip_suffix(".weight.lora_a"), tensor.name.strip_suffix(".weight.lora_b")) {
                (Some(path), _) => (path, 0),
                (_, Some(path)) => (path, 1),
                _ => (tensor.name.as_str(), 2),
            };
        let place = Place::from_gguf(architecture, path).filter(|_| side < 2);
        let place = place.ok_or_else(|| {
            let expected = "lora_a or lora_b of a projection";
            Error::new(Kind::Unsupported, format!("tensor `{}`", tensor.name), expected, "another tensor")
        })?;
        if let Some(slot) = places.entry(place).or_default().get_mut(side) {
            *slot = Some(tensor.clone());
        }
    }
    let mut checked = Vec::with_capacity(places.len());
    for (place, [a, b]) in places {
        let half =
            |part: &str| Error::new(Kind::Missing, place.gguf(), "lora_a and lora_b", format!("no {part}"));
        let (a, b) = (a.ok_or_else(|| half("lora_a"))?, b.ok_or_else(|| half("lora_b"))?);
        check(architecture, heads, place, &a, &b)?;
        checked.push((place, a, b));
    }
    let mut pairs = Vec::with_capacity(checked.len());
    for (place, a, b) in &checked {
        pairs.push(pair(file, architecture, heads, *place, alpha, a, b)?);
    }
    let first = pairs.first().map(|pair: &LoraPair| pair.scale);
    let scale = field(first, "tensors")?;
    let targets: std::collections::BTreeSet<&str> =
        pairs.iter().map(|pair| pair.place.projection.name()).collect();
    let mut config = AdapterConfig::lora("", &targets.into_iter().collect::<Vec<_>>(), scale, 0.0);
    let ranks = pairs.iter().filter(|pair| pair.scale.rank != scale.rank);
    let ranks: serde_json::Map<_, _> = ranks.map(|pair| (pair.place.hf(), pair.scale.rank.into())).collect();
    config.raw.insert("rank_pattern".into(), ranks.into());
    Ok(LoraAdapter { config, pairs, base: None })
}

/// Types and shapes, before any payload is read.
fn check(architecture: &str, heads: Heads, place: Place, a: &TensorInfo, b: &TensorInfo) -> Result<()> {
    for tensor in [a, b] {
        // A block type would grow sixteenfold in memory, and nobody quantizes what is so small.
        if !matches!(tensor.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            let field = format!("tensor `{}`", tensor.name);
            return Err(Error::new(Kind::Unsupported, field, "F32, F16 or BF16", tensor.dtype));
        }
    }
    let ([rank, _], [outputs, columns]) = (matrix(a)?, matrix(b)?);
    if rank != columns || rank == 0 || rank > limits::RANK {
        let expected = "lora_a [r, in] and lora_b [out, r]";
        let found = format!("{:?} and {:?}", a.shape, b.shape);
        return Err(Error::new(Kind::Shape, place.gguf(), expected, found));
    }
    turned_width(architecture, place, heads, outputs).map(|_| ())
}

fn pair<R: Read + Seek>(
    file: &mut GgufFile<R>,
    architecture: &str,
    heads: Heads,
    place: Place,
    alpha: f64,
    a: &TensorInfo,
    b: &TensorInfo,
) -> Result<LoraPair> {
    let ([rank, inputs], [outputs, _]) = (matrix(a)?, matrix(b)?);
    let (a, mut b) = (file.read_f32(a)?, file.read_f32(b)?);
    if let Some(width) = turned_width(architecture, place, heads, outputs)? {
        turn_back(&mut b, width as usize, rank as usize);
    }
    let scale = Scale { rank, alpha, by_root: false };
    Ok(LoraPair { place, scale, inputs, outputs, a, b, magnitude: None })
}

fn matrix(tensor: &TensorInfo) -> Result<[u64; 2]> {
    tensor.shape.as_slice().try_into().map_err(|_| {
        Error::new(
            Kind::Shape,
            format!("tensor `{}`", tensor.name),
            "a matrix",
            format!("{:?}", tensor.shape),
        )
    })
}
