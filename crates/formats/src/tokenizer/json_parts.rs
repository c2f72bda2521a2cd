//! The parts of a `tokenizer.json` that are known by their exact settings.

use serde_json::Value;
use serde_json::value::RawValue;

use super::sentencepiece::SPACE;
use super::spec::{Prefix, Style};
use super::split::Split;
use crate::error::{Error, Kind, Result};

/// A part larger than this is none of the known ones.
const PART_BYTES: u64 = 64 << 10;

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

fn unsupported(field: &str, expected: &str, found: &Value) -> Error {
    Error::new(Kind::Unsupported, format!("`{field}`"), expected, found)
}

fn part(field: &str, raw: Option<&RawValue>) -> Result<Value> {
    let Some(raw) = raw else { return Ok(Value::Null) };
    crate::json::value(raw.get().as_bytes(), PART_BYTES).map_err(|e| e.within(&format!("`{field}`")))
}

pub(super) fn only_bpe(kind: Option<&str>, dropout: Option<f32>) -> Result<()> {
    match (kind, dropout) {
        (None | Some("BPE"), None | Some(0.0)) => Ok(()),
        (None | Some("BPE"), Some(p)) => {
            Err(Error::new(Kind::Unsupported, "`model.dropout`", "no dropout", p))
        }
        (Some(other), _) => Err(Error::new(Kind::Unsupported, "`model.type`", "BPE", other)),
    }
}

pub(super) fn no_affix(field: &str, value: Option<&str>) -> Result<()> {
    match value {
        None | Some("") => Ok(()),
        Some(other) => Err(Error::new(Kind::Unsupported, format!("`model.{field}`"), "none", other)),
    }
}

/// The steps of a `Sequence`, or the one step, or none.
fn steps<'v>(value: &'v Value, inner: &str) -> Vec<&'v Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Object(map) if kind(value) == "Sequence" => {
            map.get(inner).and_then(Value::as_array).into_iter().flatten().collect()
        }
        other => vec![other],
    }
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn flag(value: &Value, key: &str, default: bool) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(default)
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What a normalizer does: nothing, NFC, or spelling spaces.
#[derive(PartialEq)]
enum Normal {
    Nothing,
    Nfc,
    Spaces { prepend: bool },
}

fn normal(value: &Value) -> Result<Normal> {
    let known = |step: &&Value| match kind(step) {
        "NFC" => Some(Normal::Nfc),
        "Prepend" if text(step, "prepend") == SPACE => Some(Normal::Spaces { prepend: true }),
        "Replace" if replaces_space(step) => Some(Normal::Spaces { prepend: false }),
        _ => None,
    };
    let found: Vec<Option<Normal>> = steps(value, "normalizers").iter().map(known).collect();
    match found.as_slice() {
        [] => Ok(Normal::Nothing),
        [Some(Normal::Nfc)] => Ok(Normal::Nfc),
        [Some(Normal::Spaces { prepend: false })] => Ok(Normal::Spaces { prepend: false }),
        [Some(Normal::Spaces { prepend: true }), Some(Normal::Spaces { prepend: false })] => {
            Ok(Normal::Spaces { prepend: true })
        }
        _ => Err(unsupported("normalizer", "none, NFC, or spaces spelled ▁", value)),
    }
}

fn replaces_space(step: &Value) -> bool {
    let pattern = step.get("pattern").and_then(|p| p.get("String")).and_then(Value::as_str);
    pattern == Some(" ") && text(step, "content") == SPACE
}

/// Reads normalizer and pre-tokenizer together: only known pairs have a meaning here.
pub(super) fn style(
    normalizer: Option<&RawValue>,
    pre_tokenizer: Option<&RawValue>,
    ignore_merges: bool,
) -> Result<Style> {
    let normal = normal(&part("normalizer", normalizer)?)?;
    let value = part("pre_tokenizer", pre_tokenizer)?;
    let piece =
        |prefix| Style::SentencePiece { prefix, byte_fallback: false, unknown: None, fuse_unknown: false };
    if let Some(split) = byte_level(&value) {
        return match normal {
            Normal::Nothing | Normal::Nfc => {
                Ok(Style::ByteLevel { split, nfc: normal == Normal::Nfc, ignore_merges })
            }
            Normal::Spaces { .. } => {
                Err(unsupported("pre_tokenizer", "none, after spaces are spelled ▁", &value))
            }
        };
    }
    if ignore_merges {
        let (field, expected) = ("`model.ignore_merges`", "false, where spaces are spelled ▁");
        return Err(Error::new(Kind::Unsupported, field, expected, true));
    }
    match (normal, metaspace(&value), is_idle(&value)) {
        (Normal::Spaces { prepend }, _, true) => {
            Ok(piece(if prepend { Prefix::Stretches } else { Prefix::Never }))
        }
        (Normal::Nothing, Some(prefix), _) => Ok(piece(prefix)),
        _ => Err(unsupported(
            "pre_tokenizer",
            "that of GPT-2, SmolLM, Llama 3, Qwen 2, Llama 2 or Gemma",
            &value,
        )),
    }
}

fn byte_level(value: &Value) -> Option<Split> {
    let last = |step: &Value, use_regex: bool| {
        kind(step) == "ByteLevel"
            && !flag(step, "add_prefix_space", true)
            && flag(step, "use_regex", true) == use_regex
    };
    match steps(value, "pretokenizers").as_slice() {
        [only] if last(only, true) => Some(Split::Gpt2),
        [digits, bytes]
            if kind(digits) == "Digits" && flag(digits, "individual_digits", false) && last(bytes, true) =>
        {
            Some(Split::Smollm)
        }
        [split, bytes] if is_isolated(split) && last(bytes, false) => {
            match split.get("pattern").and_then(|p| p.get("Regex")).and_then(Value::as_str)? {
                LLAMA3 => Some(Split::Llama3),
                QWEN2 => Some(Split::Qwen2),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_isolated(step: &Value) -> bool {
    kind(step) == "Split" && text(step, "behavior") == "Isolated" && !flag(step, "invert", false)
}

fn metaspace(value: &Value) -> Option<Prefix> {
    if kind(value) != "Metaspace" || text(value, "replacement") != SPACE || flag(value, "split", true) {
        return None;
    }
    match text(value, "prepend_scheme") {
        "always" => Some(Prefix::StretchesWithout),
        "first" => Some(Prefix::Start),
        "never" => Some(Prefix::Never),
        _ => None,
    }
}

/// Whether spaces are spelled by a pre-tokenizer: behind added tokens, also those that a normalizer comes before.
pub(super) fn spells_late(pre_tokenizer: Option<&RawValue>) -> Result<bool> {
    part("pre_tokenizer", pre_tokenizer).map(|value| metaspace(&value).is_some())
}

/// No pre-tokenizer, or one that splits at the spaces that the normalizer has already spelled.
fn is_idle(value: &Value) -> bool {
    let splits_spaces = kind(value) == "Split"
        && value.get("pattern").and_then(|p| p.get("String")).and_then(Value::as_str) == Some(" ")
        && !flag(value, "invert", false);
    value.is_null() || splits_spaces
}

/// The tokens that a post-processor puts around a text.
#[derive(Default)]
pub(super) struct BosEos {
    pub(super) bos: Option<String>,
    pub(super) eos: Option<String>,
}

pub(super) fn post_processor(raw: Option<&RawValue>) -> Result<BosEos> {
    let value = part("post_processor", raw)?;
    let mut around = BosEos::default();
    for step in steps(&value, "processors") {
        match kind(step) {
            "ByteLevel" => {}
            "TemplateProcessing" => around = template(step)?,
            _ => return Err(unsupported("post_processor", "ByteLevel or TemplateProcessing", step)),
        }
    }
    Ok(around)
}

fn template(step: &Value) -> Result<BosEos> {
    let refused = || unsupported("post_processor", "at most one token on each side of the text", step);
    let mut around = BosEos::default();
    let mut behind = false;
    for item in step.get("single").and_then(Value::as_array).into_iter().flatten() {
        let special = item.get("SpecialToken").and_then(|t| t.get("id")).and_then(Value::as_str);
        let side = if behind { &mut around.eos } else { &mut around.bos };
        match special {
            Some(token) if side.is_none() => *side = Some(token.to_owned()),
            None if item.get("Sequence").is_some() && !behind => behind = true,
            _ => return Err(refused()),
        }
    }
    if behind { Ok(around) } else { Err(refused()) }
}
