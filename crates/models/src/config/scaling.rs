//! How a model's description says that its rotary embedding was stretched.

use crate::description::Description;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::Scaling;

/// The scalings that are computed, and what to do about others.
const KNOWN: &str = "none, linear, llama3 or yarn (others: take the model's file with its original context)";
/// What changes `YaRN` and is not computed: a GGUF's key and `config.json`'s.
const OTHER_YARNS: [(&str, &str); 4] = [
    ("rope.scaling.yarn_log_multiplier", "mscale"),
    ("rope.scaling.yarn_ext_factor", "mscale_all_dim"),
    ("rope.scaling.yarn_attn_factor", ""),
    ("rope.scaling.attn_factor", ""),
];

/// The scaling below `path` of a `config.json`, or in a GGUF's own keys.
///
/// # Errors
/// [`Kind::Unsupported`] for one that is not known, [`Kind::Missing`] and [`Kind::Value`] for its numbers; those of
/// [`Description`].
pub(crate) fn scaling(description: Description, path: &str) -> Result<Scaling> {
    let (from, keys) =
        (Numbers { description, path }, ["rope_type", "type"].map(|key| format!("{path}.{key}")));
    let kind = description.string("rope.scaling.type", &keys[0])?.or(description.string("", &keys[1])?);
    match kind.as_deref() {
        // What llama.cpp takes a factor for where a file does not say.
        None if description.number("rope.scaling.factor", "")?.is_some() => linear(from),
        None | Some("none" | "default") => Ok(Scaling::None),
        Some("linear") => linear(from),
        Some("llama3") => Ok(Scaling::Llama3 {
            factor: from.factor()?,
            low: from.required("", "low_freq_factor")?,
            high: from.required("", "high_freq_factor")?,
            original_context: from.original_context()?,
        }),
        Some("yarn") => yarn(from),
        Some(other) => {
            let field = description.field("rope.scaling.type", &keys[0]);
            Err(Error::new(Kind::Unsupported, field, KNOWN, other))
        }
    }
}

fn linear(from: Numbers) -> Result<Scaling> {
    Ok(Scaling::Linear { factor: from.factor()? })
}

/// The amplitude is `0.1·ln(factor) + 1` unless the file states one.
fn yarn(from: Numbers) -> Result<Scaling> {
    for (gguf, json) in OTHER_YARNS {
        if from.stated(gguf, json)?.is_some() {
            let field = from.description.field(gguf, &from.at(json));
            return Err(Error::new(Kind::Unsupported, field, "yarn without this", "this"));
        }
    }
    let truncate = format!("{}.truncate", from.path);
    if from.description.flag(&truncate)? == Some(false) {
        return Err(Error::new(Kind::Unsupported, format!("`{truncate}`"), "true", false));
    }
    let factor = from.factor()?;
    Ok(Scaling::Yarn {
        factor,
        original_context: from.original_context()?,
        fast: from.stated("rope.scaling.yarn_beta_fast", "beta_fast")?.unwrap_or(32.0),
        slow: from.stated("rope.scaling.yarn_beta_slow", "beta_slow")?.unwrap_or(1.0),
        amplitude: from.stated("", "attention_factor")?.unwrap_or(0.1 * factor.max(1.0).ln() + 1.0),
    })
}

/// Numbers of a scaling, each above 0.
#[derive(Clone, Copy)]
struct Numbers<'a> {
    description: Description<'a>,
    path: &'a str,
}

impl Numbers<'_> {
    fn factor(self) -> Result<f32> {
        self.required("rope.scaling.factor", "factor")
    }

    fn original_context(self) -> Result<u32> {
        let keys = ("rope.scaling.original_context_length", "original_max_position_embeddings");
        Ok(self.required(keys.0, keys.1)? as u32)
    }

    fn required(self, gguf: &str, json: &str) -> Result<f32> {
        let missing = || {
            let field = self.description.field(gguf, &self.at(json));
            Error::new(Kind::Missing, field, "a number above 0 for this RoPE scaling", "none")
        };
        self.stated(gguf, json)?.ok_or_else(missing)
    }

    fn stated(self, gguf: &str, json: &str) -> Result<Option<f32>> {
        let Some(value) = self.description.number(gguf, &self.at(json))? else { return Ok(None) };
        if value.is_finite() && value > 0.0 {
            return Ok(Some(value as f32));
        }
        let field = self.description.field(gguf, &self.at(json));
        Err(Error::new(Kind::Value, field, "a number above 0 for this RoPE scaling", value))
    }

    /// Where `config.json` has a number; nowhere for an empty name.
    fn at(self, json: &str) -> String {
        if json.is_empty() { String::new() } else { format!("{}.{json}", self.path) }
    }
}
