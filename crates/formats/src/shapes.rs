//! Whether a model's tensors are those that its sizes ask for.

use std::collections::HashMap;

use crate::error::{Error, Kind, Result};
use crate::model::ModelConfig;
use crate::names::{Place, Projection, known, to_gguf, to_hf};
use crate::tensor::{TensorInfo, TensorSource};

/// A model's tensors by GGUF's names, whichever names its files have.
struct Table<'s> {
    source: &'s dyn TensorSource,
    architecture: &'s str,
    tensors: HashMap<String, &'s TensorInfo>,
    /// Whether the files have Hugging Face's names.
    hf: bool,
}

impl<'s> Table<'s> {
    fn new(source: &'s dyn TensorSource, architecture: &'s str) -> Self {
        let hf = source.tensors().iter().any(|tensor| tensor.name.starts_with("model."));
        let named = |tensor: &'s TensorInfo| {
            let translated = if hf { to_gguf(architecture, &tensor.name) } else { None };
            (translated.unwrap_or_else(|| tensor.name.clone()), tensor)
        };
        Self { source, architecture, tensors: source.tensors().iter().map(named).collect(), hf }
    }

    /// An error that calls the tensor by the name that it has in this model's files.
    fn error(&self, kind: Kind, name: &str, expected: impl Into<String>, found: String) -> Error {
        let theirs = if self.hf { to_hf(self.architecture, name) } else { None };
        let field = format!("tensor `{}`", theirs.as_deref().unwrap_or(name));
        Error::new(kind, field, expected, found).in_file(self.source.name())
    }

    fn require(&self, name: &str) -> Result<&TensorInfo> {
        let found = || format!("{} tensors without it", self.tensors.len());
        self.tensors
            .get(name)
            .copied()
            .ok_or_else(|| self.error(Kind::Missing, name, "a tensor of this name", found()))
    }

    fn expect(&self, name: &str, shape: &[u64]) -> Result<()> {
        let tensor = self.require(name)?;
        let found = || format!("{:?}", tensor.shape);
        let wrong = || self.error(Kind::Shape, name, format!("the shape {shape:?}"), found());
        if tensor.shape == shape { Ok(()) } else { Err(wrong()) }
    }
}

impl ModelConfig {
    /// Checks that a model's tensors, under GGUF's names or Hugging Face's, are all there in the shapes that the sizes
    /// ask for.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for an architecture not in [`crate::names::ARCHITECTURES`]; [`Kind::Missing`] or [`Kind::Shape`] naming
    /// the tensor; [`Kind::Mismatch`] where the vocabulary has another size than the embedding, or where there are
    /// more layers than stated.
    pub fn check_tensors(&self, source: &dyn TensorSource) -> Result<()> {
        known(&self.architecture).map_err(|error| error.in_file(source.name()))?;
        let table = Table::new(source, &self.architecture);
        let embedding = "token_embd.weight";
        let rows = table.require(embedding)?.shape.first().copied().unwrap_or_default();
        if let Some(tokens) = self.vocabulary.filter(|tokens| *tokens != rows) {
            let expected = format!("{tokens} rows, one a token of the vocabulary");
            return Err(table.error(Kind::Mismatch, embedding, expected, rows.to_string()));
        }
        table.expect(embedding, &[rows, self.width])?;
        table.expect("output_norm.weight", &[self.width])?;
        if self.tied == Some(false) || table.tensors.contains_key("output.weight") {
            table.expect("output.weight", &[rows, self.width])?;
        }
        let shapes = self.layer_shapes();
        (0..self.layers).try_for_each(|layer| {
            shapes.iter().try_for_each(|(name, shape)| table.expect(&format!("blk.{layer}.{name}"), shape))
        })?;
        let behind = format!("blk.{}.attn_norm.weight", self.layers);
        if table.tensors.contains_key(&behind) {
            let expected = format!("{} layers", self.layers);
            return Err(table.error(Kind::Mismatch, &behind, expected, "one more".into()));
        }
        Ok(())
    }

    /// The shape `[out, in]` of the weight at a place; `None` where the model has none.
    pub fn weight(&self, place: Place) -> Option<[u64; 2]> {
        self.shape(place.projection).filter(|_| u64::from(place.layer) < self.layers)
    }

    fn shape(&self, projection: Projection) -> Option<[u64; 2]> {
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let (width, inner) = (self.width, self.feed_forward);
        let shape = match projection {
            Projection::Q => [q, width],
            Projection::K | Projection::V => [kv, width],
            Projection::O => [width, q],
            Projection::Gate | Projection::Up => [inner, width],
            Projection::Down => [width, inner],
            Projection::Qkv => [q + 2 * kv, width],
            Projection::GateUp => [2 * inner, width],
        };
        Projection::of(&self.architecture).contains(&projection).then_some(shape)
    }

    /// The tensors of a block and their shapes.
    fn layer_shapes(&self) -> Vec<(String, Vec<u64>)> {
        let named = |name: &str, shape: &[u64]| (name.to_owned(), shape.to_vec());
        let projections = Projection::of(&self.architecture).iter();
        let mut shapes: Vec<_> = projections
            .filter_map(|one| Some(named(&format!("{}.weight", one.gguf()), &self.shape(*one)?)))
            .collect();
        let norm = |name: &str, width: u64| named(&format!("{name}.weight"), &[width]);
        shapes.extend(["attn_norm", "ffn_norm"].map(|name| norm(name, self.width)));
        if matches!(self.architecture.as_str(), "qwen3" | "gemma3") {
            shapes.extend(["attn_q_norm", "attn_k_norm"].map(|name| norm(name, self.head_dim)));
        }
        if self.architecture == "gemma3" {
            shapes.extend(["post_attention_norm", "post_ffw_norm"].map(|name| norm(name, self.width)));
        }
        if self.architecture == "qwen2" {
            let rows = |one| self.shape(one).map_or(0, |[rows, _]| rows);
            let biased = [Projection::Q, Projection::K, Projection::V];
            shapes.extend(biased.map(|one| named(&format!("{}.bias", one.gguf()), &[rows(one)])));
        }
        shapes
    }
}
