//! A tokenizer from a GGUF's `tokenizer.ggml.*` keys.

use super::scores::{check_pieces, derive_merges};
use super::spec::{AddedToken, Prefix, Spec, Style, looks_like_control};
use super::split::Split;
use super::vocabulary::Vocabulary;
use super::{Tokenizer, sentencepiece};
use crate::error::{Error, Kind, Result};
use crate::gguf::{Metadata, Strings};

const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// llama.cpp's names of pre-tokenizers, the patterns they stand for, and whether BOS is put before every text where the
/// file does not say.
const PRE: [(&str, Split, bool); 17] = [
    ("default", Split::Default, false),
    ("gpt-2", Split::Gpt2, false),
    ("phi-2", Split::Gpt2, false),
    ("olmo", Split::Gpt2, false),
    ("smollm", Split::Smollm, false),
    ("starcoder", Split::Smollm, false),
    ("refact", Split::Smollm, false),
    ("command-r", Split::Smollm, false),
    ("codeshell", Split::Smollm, false),
    ("llama-bpe", Split::Llama3, true),
    ("llama3", Split::Llama3, true),
    ("llama-v3", Split::Llama3, true),
    ("falcon3", Split::Llama3, true),
    ("dbrx", Split::Llama3, false),
    ("smaug-bpe", Split::Llama3, false),
    ("qwen2", Split::Qwen2, false),
    ("deepseek-r1-qwen", Split::Qwen2, false),
];

impl Tokenizer {
    /// Reads the tokenizer that a GGUF's metadata describe.
    ///
    /// # Errors
    /// [`Kind::Missing`] or [`Kind::Type`] for the keys; [`Kind::Unsupported`] for a model other than `gpt2` and
    /// `llama` or an unknown pre-tokenizer; [`Kind::Mismatch`] for lists of different lengths and for merges that
    /// no token spells.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self> {
        let model = metadata.string("tokenizer.ggml.model")?;
        match model {
            Some("gpt2") => byte_level(metadata),
            Some("llama") => llama(metadata),
            Some(other) => {
                Err(Error::new(Kind::Unsupported, "`tokenizer.ggml.model`", "gpt2 or llama", other))
            }
            None => Err(missing("model")),
        }
    }
}

fn missing(key: &str) -> Error {
    Error::new(Kind::Missing, format!("`tokenizer.ggml.{key}`"), "this key", "a file without it")
}

fn tokens(metadata: &Metadata) -> Result<&Strings> {
    metadata.strings("tokenizer.ggml.tokens")?.ok_or_else(|| missing("tokens"))
}

/// The kind of each token; all normal where the file does not say.
fn token_types(metadata: &Metadata, tokens: usize) -> Result<Vec<i64>> {
    let key = "tokenizer.ggml.token_type";
    let types = metadata.integers(key)?.unwrap_or_else(|| vec![1; tokens]);
    same_length(key, tokens, types.len())?;
    Ok(types)
}

fn same_length(key: &str, tokens: usize, len: usize) -> Result<()> {
    if len == tokens {
        return Ok(());
    }
    Err(Error::new(Kind::Mismatch, format!("`{key}`"), format!("{tokens} elements, one a token"), len))
}

fn id(metadata: &Metadata, key: &str) -> Result<Option<u32>> {
    let key = format!("tokenizer.ggml.{key}");
    let Some(id) = metadata.integer(&key)? else { return Ok(None) };
    let wide = || Error::new(Kind::Value, format!("`{key}`"), "a token id of 32 bits", id);
    id.try_into().map(Some).map_err(|_| wide())
}

fn added(vocabulary: &Vocabulary, types: &[i64]) -> Result<Vec<AddedToken>> {
    let whole = |kind: &i64| matches!(*kind, UNKNOWN | CONTROL | USER_DEFINED);
    super::spec::check_added_count(types.iter().filter(|kind| whole(kind)).count())?;
    let token = |(id, (content, kind)): (usize, (&str, &i64))| AddedToken {
        id: id as u32,
        content: content.to_owned(),
        special: *kind != USER_DEFINED || looks_like_control(content),
        normalized: false,
        lstrip: false,
        rstrip: false,
    };
    let found = vocabulary.iter().zip(types).enumerate();
    Ok(found.filter(|(_, (text, kind))| whole(kind) && !text.is_empty()).map(token).collect())
}

fn spec(
    metadata: &Metadata,
    vocabulary: Vocabulary,
    types: &[i64],
    style: Style,
    add_bos: bool,
) -> Result<Spec> {
    let flag = |key: &str| metadata.boolean(&format!("tokenizer.ggml.{key}"));
    let bos = id(metadata, "bos_token_id")?;
    Ok(Spec {
        added: added(&vocabulary, types)?,
        late_spaces: false,
        style,
        bos,
        eos: id(metadata, "eos_token_id")?,
        pad: id(metadata, "padding_token_id")?,
        add_bos: flag("add_bos_token")?.unwrap_or(add_bos && bos.is_some()),
        add_eos: flag("add_eos_token")?.unwrap_or(false),
        vocabulary,
    })
}

fn byte_level(metadata: &Metadata) -> Result<Tokenizer> {
    let tokens = tokens(metadata)?;
    let types = token_types(metadata, tokens.len())?;
    let vocabulary = Vocabulary::new(tokens.clone())?;
    let merges = metadata.strings("tokenizer.ggml.merges")?.ok_or_else(|| missing("merges"))?;
    let merges = merges
        .iter()
        .enumerate()
        .map(|(rank, merge)| resolve(&vocabulary, rank, merge))
        .collect::<Result<_>>()?;
    let (split, add_bos) = pre_tokenizer(metadata)?;
    let style = Style::ByteLevel { split, nfc: split == Split::Qwen2, ignore_merges: split == Split::Llama3 };
    let spec = spec(metadata, vocabulary, &types, style, add_bos)?;
    Tokenizer::new(spec, merges)
}

fn pre_tokenizer(metadata: &Metadata) -> Result<(Split, bool)> {
    let name = metadata.string("tokenizer.ggml.pre")?.unwrap_or("default");
    let known = PRE.iter().find(|row| row.0 == name).map(|row| (row.1, row.2));
    known.ok_or_else(|| {
        let names: Vec<&str> = PRE.iter().map(|row| row.0).collect();
        Error::new(Kind::Unsupported, "`tokenizer.ggml.pre`", format!("one of {}", names.join(", ")), name)
    })
}

/// `"a b"` as the ids of `a`, `b` and `ab`.
fn resolve(vocabulary: &Vocabulary, rank: usize, merge: &str) -> Result<(u32, u32, u32)> {
    let field = || format!("merge {rank}");
    // A token may itself start with a space, never end in one.
    let space = merge.char_indices().skip(1).find(|(_, c)| *c == ' ').map(|(at, _)| at);
    let parts = space.and_then(|at| Some((merge.get(..at)?, merge.get(at + 1..)?)));
    let (left, right) =
        parts.ok_or_else(|| Error::new(Kind::Syntax, field(), "two tokens with a space between", merge))?;
    ids(vocabulary, &field(), left, right)
}

/// The ids of two tokens and of both together.
pub(super) fn ids(vocabulary: &Vocabulary, field: &str, left: &str, right: &str) -> Result<(u32, u32, u32)> {
    let find = |token: &str| {
        let absent = || Error::new(Kind::Mismatch, field, "tokens of the vocabulary", format!("`{token}`"));
        vocabulary.id(token).filter(|_| !token.is_empty()).ok_or_else(absent)
    };
    Ok((find(left)?, find(right)?, find(&format!("{left}{right}"))?))
}

fn llama(metadata: &Metadata) -> Result<Tokenizer> {
    let gemma = metadata.string("general.architecture")?.is_some_and(|name| name.starts_with("gemma"));
    let tokens = tokens(metadata)?;
    let types = token_types(metadata, tokens.len())?;
    let scores = metadata.floats("tokenizer.ggml.scores")?.ok_or_else(|| missing("scores"))?;
    same_length("tokenizer.ggml.scores", tokens.len(), scores.len())?;
    if let Some(at) = scores.iter().position(|score| score.is_nan()) {
        return Err(Error::new(Kind::Value, format!("score of token {at}"), "a number", "NaN"));
    }
    // Gemma files spell runs of spaces as spaces, and order merges by position, not by score.
    let respelled = |t: &str| t.len() > 1 && t.bytes().all(|b| b == b' ');
    let vocabulary = if gemma {
        let spell = |t: &str| if respelled(t) { t.replace(' ', sentencepiece::SPACE) } else { t.to_owned() };
        Vocabulary::new(tokens.iter().map(spell).collect())?
    } else {
        Vocabulary::new(tokens.clone())?
    };
    let by_position: Vec<f32> =
        if gemma { (0..tokens.len()).map(|at| -(at as f32)).collect() } else { Vec::new() };
    check_pieces(&vocabulary)?;
    let merges = derive_merges(&vocabulary, if gemma { &by_position } else { scores });
    let add_prefix = metadata.boolean("tokenizer.ggml.add_space_prefix")?.unwrap_or(!gemma);
    let style = Style::SentencePiece {
        prefix: if add_prefix { Prefix::Stretches } else { Prefix::Never },
        byte_fallback: true,
        unknown: unknown(metadata, &types)?,
        fuse_unknown: true,
    };
    let spec = spec(metadata, vocabulary, &types, style, true)?;
    Tokenizer::new(spec, merges)
}

fn unknown(metadata: &Metadata, types: &[i64]) -> Result<Option<u32>> {
    let stated = id(metadata, "unknown_token_id")?;
    Ok(stated.or_else(|| types.iter().position(|kind| *kind == UNKNOWN).map(|id| id as u32)))
}
