//! LoRA: W' = W + s·B·A with A `[r, in]`, B `[out, r]` (Hu et al., 2021; arXiv 2106.09685). The embedding's table
//! `[vocabulary, width]` becomes E + s·(B·A)ᵀ with A `[r, vocabulary]`, B `[width, r]`.

use std::collections::BTreeMap;

use super::config::{AdapterConfig, Scale};
use super::identity::BaseIdentity;
use super::meant::Meant;
use super::module::Module;
use super::peft::{AdapterTensor, PeftAdapter};
use crate::error::{Error, Kind, Result};

/// One module's pair.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraPair {
    /// Where it belongs.
    pub module: Module,
    /// Rank, alpha and their rule.
    pub scale: Scale,
    /// Columns of A.
    pub inputs: u64,
    /// Rows of B.
    pub outputs: u64,
    /// A, row by row.
    pub a: Vec<f32>,
    /// B, row by row.
    pub b: Vec<f32>,
    /// `DoRA`'s magnitudes, one a row of the weight.
    pub magnitude: Option<Vec<f32>>,
}

/// A LoRA, every pair complete and of the shapes that its rank asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraAdapter {
    /// The config that it came with, or that it is written with.
    pub config: AdapterConfig,
    /// The pairs: the embedding's, those of each layer, the head's.
    pub pairs: Vec<LoraPair>,
    /// The base model, where the file says.
    pub base: Option<BaseIdentity>,
}

#[derive(Default)]
struct Parts {
    a: Option<AdapterTensor>,
    b: Option<AdapterTensor>,
    magnitude: Option<AdapterTensor>,
}

fn unsupported(tensor: &AdapterTensor) -> Error {
    let expected = "a pair on a projection of a layer, the embedding or the head";
    Error::new(Kind::Unsupported, format!("tensor `{}`", tensor.key()), expected, &tensor.part)
}

impl LoraAdapter {
    /// Pairs up a PEFT adapter's tensors.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for another method, for tensors of other modules and for one change that embedding and head
    /// share, [`Kind::Missing`] for half a pair, [`Kind::Mismatch`] or [`Kind::Missing`] where config and tensors
    /// disagree on modules, layers or magnitudes, [`Kind::Shape`] for shapes that contradict the rank or each other.
    pub fn from_peft(adapter: PeftAdapter) -> Result<Self> {
        if adapter.config.method != "LORA" {
            return Err(Error::new(Kind::Unsupported, "`peft_type`", "LORA", &adapter.config.method));
        }
        let mut modules: BTreeMap<Module, Parts> = BTreeMap::new();
        for tensor in adapter.tensors {
            let Some(module) = tensor.target.module() else { return Err(unsupported(&tensor)) };
            let parts = modules.entry(module).or_default();
            let [a, b] = module.parts();
            match tensor.part.as_str() {
                part if part == a => parts.a = Some(tensor),
                part if part == b => parts.b = Some(tensor),
                "lora_magnitude_vector" => parts.magnitude = Some(tensor),
                _ => return Err(unsupported(&tensor)),
            }
        }
        refuse_shared_ends(&adapter.config, modules.keys())?;
        Meant::by(&adapter.config)?.check(&modules)?;
        let pairs = modules
            .into_iter()
            .map(|(module, parts)| pair(&adapter.config, module, parts))
            .collect::<Result<_>>()?;
        Ok(Self { config: adapter.config, pairs, base: adapter.base })
    }

    /// The same tensors under PEFT's keys.
    pub fn to_peft(&self) -> PeftAdapter {
        let mut tensors = Vec::with_capacity(self.pairs.len() * 2);
        for pair in &self.pairs {
            let mut put = |part: &str, shape: &[u64], values: &[f32]| {
                let target = pair.module.into();
                tensors.push(AdapterTensor {
                    target,
                    part: part.into(),
                    shape: shape.into(),
                    values: values.into(),
                });
            };
            let [a, b] = pair.module.parts();
            put(a, &[pair.scale.rank, pair.inputs], &pair.a);
            put(b, &[pair.outputs, pair.scale.rank], &pair.b);
            pair.magnitude.iter().for_each(|m| put("lora_magnitude_vector", &[pair.outputs], m));
        }
        PeftAdapter { config: self.config.clone(), tensors, base: self.base.clone() }
    }

    /// Compares the pairs with the base's [shapes](Module::shape).
    ///
    /// # Errors
    /// [`Kind::Missing`] for a module that the base does not have, [`Kind::Shape`] for one of another shape.
    pub fn check_shapes(&self, shape: impl Fn(Module) -> Option<[u64; 2]>) -> Result<()> {
        self.pairs.iter().try_for_each(|pair| {
            let field = pair.module.hf();
            let ours = [pair.outputs, pair.inputs];
            match shape(pair.module) {
                Some(theirs) if theirs == ours => Ok(()),
                Some(theirs) => Err(Error::new(
                    Kind::Shape,
                    field,
                    format!("{theirs:?}, as in the base model"),
                    format!("{ours:?}"),
                )),
                None => Err(Error::new(Kind::Missing, field, "a module of the base model", "none")),
            }
        })
    }

    /// For programs that look tokens up and make logits with one table where the base has no head of its own: they would
    /// apply to both what was trained for one.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for a change of such a base's embedding or head.
    pub fn check_ends(&self, tied: bool, program: &str) -> Result<()> {
        match self.pairs.iter().find(|pair| tied && !matches!(pair.module, Module::Projection(_))) {
            Some(pair) => {
                let expected = format!("a base model with a head of its own, as {program} needs here");
                let found = "one whose embedding is its head; merge the adapter instead";
                Err(Error::new(Kind::Unsupported, pair.module.hf(), expected, found))
            }
            None => Ok(()),
        }
    }
}

/// With `ensure_weight_tying`, PEFT computes the head of a tied model with the embedding's pair.
fn refuse_shared_ends<'a>(
    config: &AdapterConfig,
    mut modules: impl Iterator<Item = &'a Module>,
) -> Result<()> {
    if config.flag("ensure_weight_tying")? && modules.any(|module| !matches!(module, Module::Projection(_))) {
        let expected = "false beside a LoRA on the embedding or the head";
        return Err(Error::new(Kind::Unsupported, "`ensure_weight_tying`", expected, true));
    }
    Ok(())
}

fn pair(config: &AdapterConfig, module: Module, parts: Parts) -> Result<LoraPair> {
    let (path, names) = (module.hf(), module.parts().map(|part| part.trim_end_matches(".weight")));
    let half = |at: usize| {
        let expected = format!("{} and {}", names[0], names[1]);
        Error::new(Kind::Missing, &path, expected, format!("no {}", names[at]))
    };
    let a = parts.a.ok_or_else(|| half(0))?;
    let b = parts.b.ok_or_else(|| half(1))?;
    let scale = config.scale(&path)?;
    let (Some(inputs), Some(outputs)) = (columns(&a, scale.rank), rows(&b, scale.rank)) else {
        let expected = format!("{1} [{0}, in] and {2} [out, {0}]", scale.rank, names[0], names[1]);
        return Err(Error::new(Kind::Shape, path, expected, format!("{:?} and {:?}", a.shape, b.shape)));
    };
    if let Some(m) = parts.magnitude.as_ref().filter(|m| m.values.len() as u64 != outputs) {
        return Err(Error::new(Kind::Shape, path, format!("{outputs} magnitudes"), m.values.len()));
    }
    let magnitude = parts.magnitude.map(|m| m.values);
    match (config.flag("use_dora")?, &magnitude) {
        (true, None) => {
            let expected = "lora_magnitude_vector, as use_dora says";
            return Err(Error::new(Kind::Missing, path, expected, "none"));
        }
        (false, Some(_)) => {
            let found = "lora_magnitude_vector without it";
            return Err(Error::new(Kind::Mismatch, path, "use_dora beside magnitudes", found));
        }
        _ => {}
    }
    Ok(LoraPair { module, scale, inputs, outputs, a: a.values, b: b.values, magnitude })
}

fn columns(a: &AdapterTensor, rank: u64) -> Option<u64> {
    if let [r, inputs] = a.shape.as_slice() { Some(*inputs).filter(|_| *r == rank) } else { None }
}

fn rows(b: &AdapterTensor, rank: u64) -> Option<u64> {
    if let [outputs, r] = b.shape.as_slice() { Some(*outputs).filter(|_| *r == rank) } else { None }
}
