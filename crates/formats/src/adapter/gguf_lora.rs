//! GGUF LoRA as llama.cpp reads it: `blk.N.attn_q.weight.lora_a` and `.lora_b`, one alpha for all. A of the embedding is
//! transposed, `[vocabulary, r]`, so that a token's numbers are a row of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, Write};

use serde_json::Value as Json;

use super::config::{AdapterConfig, Scale};
use super::lora::{LoraAdapter, LoraPair};
use super::meant::Meant;
use super::module::Module;
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

/// The order of the rows of a module's B.
fn b_order(architecture: &str, module: Module, heads: Heads, rows: u64) -> Result<Vec<u64>> {
    match module {
        Module::Projection(place) => row_order(architecture, place, heads, rows),
        Module::Embedding | Module::Head => Ok((0..rows).collect()),
    }
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

/// The columns of a matrix with rows of `len`, as rows.
fn transposed(values: &[f32], len: u64) -> Vec<f32> {
    let len = (len as usize).max(1);
    (0..len).flat_map(|column| values.iter().skip(column).step_by(len)).copied().collect()
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

/// The largest alpha that is read, up or down.
const LARGEST_ALPHA: f64 = 1e6;

/// Writes a LoRA in 32-bit floats. Scales that differ from pair to pair are folded into B, since the file has one
/// alpha; so is a scale of 0, since llama.cpp takes an alpha of 0 for a scale of 1.
///
/// # Errors
/// [`Kind::Unsupported`] for `DoRA` magnitudes, which the format cannot hold; [`Kind::Shape`] for rows that do not fit
/// `heads`; [`Kind::Value`] for a scale that makes B infinite; those of [`GgufWriter`].
pub fn write_gguf<W: Write>(adapter: &LoraAdapter, architecture: &str, heads: Heads, out: W) -> Result<W> {
    if let Some(pair) = adapter.pairs.iter().find(|pair| pair.magnitude.is_some()) {
        return Err(Error::new(Kind::Unsupported, pair.module.hf(), "a plain LoRA", "DoRA magnitudes"));
    }
    let effective = |pair: &LoraPair| pair.scale.factor() * pair.scale.rank as f64;
    // The largest, so that B grows nowhere; nothing can be divided by 0.
    let largest = adapter.pairs.iter().map(effective).max_by(|a, b| a.abs().total_cmp(&b.abs()));
    let largest = largest.map(|alpha| alpha.clamp(-LARGEST_ALPHA, LARGEST_ALPHA) as f32);
    let alpha = largest.filter(|alpha| *alpha != 0.0).unwrap_or(1.0);
    let mut metadata = Metadata::new();
    metadata.set("general.type", Value::String("adapter".into()));
    metadata.set("general.architecture", Value::String(architecture.into()));
    metadata.set("adapter.type", Value::String("lora".into()));
    metadata.set("adapter.lora.alpha", Value::F32(alpha));
    let plan = |name: String, shape: [u64; 2]| TensorPlan { name, shape: shape.into(), dtype: Dtype::F32 };
    let plans = adapter.pairs.iter().flat_map(|pair| {
        let name = pair.module.gguf();
        let a = [pair.scale.rank, pair.inputs];
        let a = if pair.module == Module::Embedding { [a[1], a[0]] } else { a };
        let a = plan(format!("{name}.weight.lora_a"), a);
        [a, plan(format!("{name}.weight.lora_b"), [pair.outputs, pair.scale.rank])]
    });
    let mut writer = GgufWriter::begin(out, &metadata, plans.collect())?;
    for pair in &adapter.pairs {
        let order = b_order(architecture, pair.module, heads, pair.outputs)?;
        // Rounded as alpha is, so that B stays as it is where alpha says it all.
        let fold = f64::from(effective(pair) as f32) / f64::from(alpha);
        let folded = |value: f32| (f64::from(value) * fold) as f32;
        let b: Vec<f32> = gather(&pair.b, &order, pair.scale.rank).into_iter().map(folded).collect();
        if !b.iter().all(|value| value.is_finite()) {
            let found = format!("a scale of {}", pair.scale.factor());
            return Err(Error::new(
                Kind::Value,
                pair.module.hf(),
                "a scale that B can hold in 32 bits",
                found,
            ));
        }
        match pair.module {
            Module::Embedding => writer.write_f32(&transposed(&pair.a, pair.inputs))?,
            Module::Projection(_) | Module::Head => writer.write_f32(&pair.a)?,
        }
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

/// Reads a GGUF LoRA for a base with these heads, of any type of tensors.
///
/// # Errors
/// [`Kind::Mismatch`] for a file that is no LoRA or of another architecture, [`Kind::Unsupported`] for tensors of
/// other modules and for one that tokens switch on, [`Kind::Limit`] for blocks that would take too much memory as floats,
/// [`Kind::Missing`] for half a pair, [`Kind::Shape`] and [`Kind::Value`] for their contents.
pub fn read_gguf<R: Read + Seek>(source: Source<R>, architecture: &str, heads: Heads) -> Result<LoraAdapter> {
    let mut file = GgufFile::open(source)?;
    let name = file.name().to_owned();
    read(&mut file, architecture, heads).map_err(|e| e.in_file(&name))
}

/// Where llama.cpp's activated LoRA has the tokens from which on it acts.
const ALORA: &str = "adapter.alora.invocation_tokens";

fn read<R: Read + Seek>(file: &mut GgufFile<R>, architecture: &str, heads: Heads) -> Result<LoraAdapter> {
    let metadata = &file.header.metadata;
    must_be(metadata, "general.type", "adapter")?;
    must_be(metadata, "adapter.type", "lora")?;
    must_be(metadata, "general.architecture", architecture)?;
    if metadata.get(ALORA).is_some() {
        return Err(Error::new(Kind::Unsupported, format!("`{ALORA}`"), "none", "tokens that switch it on"));
    }
    let alpha = field(metadata.float("adapter.lora.alpha")?, "adapter.lora.alpha")?;
    if alpha.is_nan() || alpha.abs() > LARGEST_ALPHA {
        return Err(Error::new(
            Kind::Value,
            "`adapter.lora.alpha`",
            "a number from -1000000 to 1000000",
            alpha,
        ));
    }
    let mut modules: BTreeMap<Module, [Option<TensorInfo>; 2]> = BTreeMap::new();
    for tensor in file.tensors() {
        let (path, side) =
            match (tensor.name.strip_suffix(".weight.lora_a"), tensor.name.strip_suffix(".weight.lora_b")) {
                (Some(path), _) => (path, 0),
                (_, Some(path)) => (path, 1),
                _ => (tensor.name.as_str(), 2),
            };
        let module = Module::from_gguf(architecture, path).filter(|_| side < 2);
        let module = module.ok_or_else(|| {
            let expected = "lora_a or lora_b of a projection, the embedding or the head";
            Error::new(Kind::Unsupported, format!("tensor `{}`", tensor.name), expected, "another tensor")
        })?;
        if let Some(slot) = modules.entry(module).or_default().get_mut(side) {
            *slot = Some(tensor.clone());
        }
    }
    let mut checked = Vec::with_capacity(modules.len());
    for (module, [a, b]) in modules {
        let half =
            |part: &str| Error::new(Kind::Missing, module.gguf(), "lora_a and lora_b", format!("no {part}"));
        let (a, b) = (a.ok_or_else(|| half("lora_a"))?, b.ok_or_else(|| half("lora_b"))?);
        checked.push(Checked::new(architecture, heads, module, a, b)?);
    }
    check_memory(file)?;
    let mut pairs = Vec::with_capacity(checked.len());
    for one in &checked {
        pairs.push(one.read(file, alpha)?);
    }
    Ok(LoraAdapter { config: config_of(&pairs)?, pairs, base: None })
}

/// Block types grow up to sixteenfold as floats; others, at most twofold, always fit.
fn check_memory<R: Read + Seek>(file: &GgufFile<R>) -> Result<()> {
    let floats: u64 = file.tensors().iter().map(|tensor| tensor.elements().saturating_mul(4)).sum();
    let most = file.len().saturating_mul(2).saturating_add(limits::ADAPTER_BYTES);
    if floats > most {
        let expected = format!("at most {most} bytes as 32-bit floats");
        return Err(Error::new(Kind::Limit, "tensors", expected, floats));
    }
    Ok(())
}

/// A config that means these pairs: by the names of their modules, or by paths where layers differ.
fn config_of(pairs: &[LoraPair]) -> Result<AdapterConfig> {
    let scale = field(pairs.first().map(|pair| pair.scale), "tensors")?;
    let found: BTreeMap<Module, &LoraPair> = pairs.iter().map(|pair| (pair.module, pair)).collect();
    let names: BTreeSet<&str> = found.keys().map(|module| module.name()).collect();
    let mut config = AdapterConfig::lora("", &names.into_iter().collect::<Vec<_>>(), scale, 0.0);
    if Meant::by(&config)?.check(&found).is_err() {
        let paths: Vec<String> = found.keys().map(|module| module.hf()).collect();
        config = AdapterConfig::lora("", &paths.iter().map(String::as_str).collect::<Vec<_>>(), scale, 0.0);
    }
    let differing = |differs: &dyn Fn(&LoraPair) -> Option<Json>| -> serde_json::Map<String, Json> {
        pairs.iter().filter_map(|pair| Some((pair.module.hf(), differs(pair)?))).collect()
    };
    let ranks = differing(&|pair| (pair.scale.rank != scale.rank).then(|| pair.scale.rank.into()));
    let alphas = differing(&|pair| {
        let differs = pair.scale.alpha.to_bits() != scale.alpha.to_bits();
        differs.then(|| pair.scale.alpha.into())
    });
    config.raw.insert("rank_pattern".into(), ranks.into());
    config.raw.insert("alpha_pattern".into(), alphas.into());
    Ok(config)
}

/// A pair in the file, of types and shapes that can be read.
struct Checked {
    module: Module,
    a: TensorInfo,
    b: TensorInfo,
    rank: u64,
    inputs: u64,
    outputs: u64,
    /// Of the heads that B's rows turn in.
    width: Option<u64>,
}

impl Checked {
    fn new(architecture: &str, heads: Heads, module: Module, a: TensorInfo, b: TensorInfo) -> Result<Self> {
        let ([first, second], [outputs, columns]) = (matrix(&a)?, matrix(&b)?);
        let (rank, inputs, form) = match module {
            Module::Embedding => (second, first, "[in, r]"),
            Module::Projection(_) | Module::Head => (first, second, "[r, in]"),
        };
        if rank != columns || rank == 0 || rank > limits::RANK {
            let expected = format!("lora_a {form} and lora_b [out, r]");
            let found = format!("{:?} and {:?}", a.shape, b.shape);
            return Err(Error::new(Kind::Shape, module.gguf(), expected, found));
        }
        let width = match module {
            Module::Projection(place) => turned_width(architecture, place, heads, outputs)?,
            Module::Embedding | Module::Head => None,
        };
        Ok(Self { module, a, b, rank, inputs, outputs, width })
    }

    fn read<R: Read + Seek>(&self, file: &mut GgufFile<R>, alpha: f64) -> Result<LoraPair> {
        let Self { module, rank, inputs, outputs, .. } = *self;
        let (mut a, mut b) = (file.read_f32(&self.a)?, file.read_f32(&self.b)?);
        if module == Module::Embedding {
            a = transposed(&a, rank);
        }
        if let Some(width) = self.width {
            turn_back(&mut b, width as usize, rank as usize);
        }
        // As in llama.cpp, an alpha of 0 is none: the scale is 1.
        let alpha = if alpha == 0.0 { rank as f64 } else { alpha };
        let scale = Scale { rank, alpha, by_root: false };
        Ok(LoraPair { module, scale, inputs, outputs, a, b, magnitude: None })
    }
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
