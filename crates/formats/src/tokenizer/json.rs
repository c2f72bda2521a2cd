//! A tokenizer from a `tokenizer.json`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Tokenizer;
use super::config::TokenizerConfig;
use super::gguf::ids;
use super::json_lists::{Added, MergeList, RawAdded, Vocab};
use super::json_parts::{self, BosEos};
use super::spec::{AddedToken, Spec, Style, looks_like_control};
use super::vocabulary::Vocabulary;
use crate::error::{Error, Kind, Result};
use crate::gguf::Strings;
use crate::json::Object;
use crate::limits;

#[derive(Deserialize)]
struct File<'a> {
    #[serde(default)]
    added_tokens: Added,
    #[serde(borrow, default)]
    normalizer: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pre_tokenizer: Option<&'a RawValue>,
    #[serde(borrow, default)]
    post_processor: Option<&'a RawValue>,
    model: Object<Model>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Model {
    r#type: Option<String>,
    dropout: Option<f32>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    vocab: Vocab,
    merges: MergeList,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`; BOS and EOS come from its `tokenizer_config.json`.
    ///
    /// # Errors
    /// [`Kind::Syntax`] for what is not such a file; [`Kind::Unsupported`] for a model, normalizer or pre-tokenizer
    /// other than those of the styles here; the errors of [`Tokenizer::from_gguf`] for contradictions.
    pub fn from_json(json: &[u8], config: &TokenizerConfig) -> Result<Self> {
        let file: File<'_> = crate::json::typed(json, limits::TOKENIZER_BYTES, "a tokenizer's JSON")
            .map_err(|error| other_model(json).unwrap_or(error))?;
        let model = file.model.0;
        json_parts::only_bpe(model.r#type.as_deref(), model.dropout)?;
        json_parts::no_affix("continuing_subword_prefix", model.continuing_subword_prefix.as_deref())?;
        json_parts::no_affix("end_of_word_suffix", model.end_of_word_suffix.as_deref())?;
        let vocabulary = place(&model.vocab, &file.added_tokens.0)?;
        let unknown = model.unk_token.as_deref().map(|token| named(&vocabulary, "unk_token", token));
        let unknown = unknown.transpose()?;
        let mut style = json_parts::style(file.normalizer, file.pre_tokenizer, model.ignore_merges)?;
        if let Style::SentencePiece { byte_fallback, unknown: unk, fuse_unknown, .. } = &mut style {
            (*byte_fallback, *unk, *fuse_unknown) = (model.byte_fallback, unknown, model.fuse_unk);
        }
        let merges = resolve(&vocabulary, &model.merges.0)?;
        let around = json_parts::post_processor(file.post_processor)?;
        let added = file.added_tokens.0.into_iter().map(added).collect::<Result<_>>()?;
        let mut spec = with_ends(vocabulary, style, added, &around, config)?;
        spec.late_spaces = json_parts::spells_late(file.pre_tokenizer)?;
        Self::new(spec, merges)
    }
}

/// What is wrong with a file that is not of the form of ours, where it names another model.
fn other_model(json: &[u8]) -> Option<Error> {
    #[derive(Deserialize)]
    struct Named {
        r#type: Option<String>,
    }
    #[derive(Deserialize)]
    struct OfModel {
        model: Named,
    }
    let file = serde_json::from_slice::<OfModel>(json).ok()?;
    json_parts::only_bpe(file.model.r#type.as_deref(), None).err()
}

/// The token that `field` names.
fn named(vocabulary: &Vocabulary, field: &str, token: &str) -> Result<u32> {
    let absent = || Error::new(Kind::Missing, field, "a token of the vocabulary", format!("`{token}`"));
    vocabulary.id(token).ok_or_else(absent)
}

#[allow(clippy::similar_names, reason = "BOS and EOS are the names that everybody uses")]
fn with_ends(
    vocabulary: Vocabulary,
    style: Style,
    added: Vec<AddedToken>,
    around: &BosEos,
    config: &TokenizerConfig,
) -> Result<Spec> {
    let find = |field: &str, token: Option<&String>| token.map(|t| named(&vocabulary, field, t)).transpose();
    let bos = find("bos_token", config.bos.as_ref().or(around.bos.as_ref()))?;
    let eos = find("eos_token", config.eos.as_ref().or(around.eos.as_ref()))?;
    let padding = find("pad_token", config.pad.as_ref())?;
    let add_bos = config.add_bos.unwrap_or(around.bos.is_some());
    let add_eos = config.add_eos.unwrap_or(around.eos.is_some());
    Ok(Spec { vocabulary, style, added, late_spaces: false, bos, eos, pad: padding, add_bos, add_eos })
}

fn added(raw: RawAdded) -> Result<AddedToken> {
    if raw.single_word {
        let field = format!("added token `{}`", raw.content);
        return Err(Error::new(Kind::Unsupported, field, "single_word false", "true"));
    }
    let RawAdded { id, content, lstrip, rstrip, normalized, special, .. } = raw;
    let special = special || looks_like_control(&content);
    Ok(AddedToken { id, content, special, normalized, lstrip, rstrip })
}

/// Tokens in the order of their ids; ids that no token has become empty tokens.
fn place(vocab: &Vocab, added: &[RawAdded]) -> Result<Vocabulary> {
    let ids = vocab.ids.iter().copied().chain(added.iter().map(|token| token.id));
    let texts = vocab.tokens.iter().chain(added.iter().map(|token| token.content.as_str()));
    let highest = ids.clone().max().unwrap_or_default() as usize;
    if highest >= limits::VOCABULARY {
        let expected = format!("ids below {}", limits::VOCABULARY);
        return Err(Error::new(Kind::Limit, "vocabulary", expected, highest));
    }
    let mut slots: Vec<Option<&str>> = vec![None; highest + 1];
    for (id, token) in ids.zip(texts) {
        let Some(slot) = slots.get_mut(id as usize) else { continue };
        match slot {
            Some(other) if *other != token => {
                let found = format!("`{other}` and `{token}`");
                return Err(Error::new(Kind::Duplicate, format!("id {id}"), "one token", found));
            }
            _ => *slot = Some(token),
        }
    }
    check_added_ids(vocab, added)?;
    Vocabulary::new(Strings::copied(slots.iter().map(|slot| slot.unwrap_or_default())))
}

/// Hugging Face's tokenizers do not take an added token's id from the file: it has that of the vocabulary or else the next
/// behind all. Where the file says another, it is not clear which the model knows.
fn check_added_ids(vocab: &Vocab, added: &[RawAdded]) -> Result<()> {
    let mut known: HashMap<&str, Option<u32>> =
        added.iter().map(|token| (token.content.as_str(), None)).collect();
    for (token, id) in vocab.tokens.iter().zip(&vocab.ids) {
        known.entry(token).and_modify(|known| *known = Some(*id));
    }
    let mut next = vocab.ids.len() as u32;
    for token in added {
        let Some(known) = known.get_mut(token.content.as_str()) else { continue };
        let reason = if known.is_some() { "the one it has already" } else { "the next one" };
        let id = *known.get_or_insert(next);
        if id != token.id {
            let field = format!("added token `{}`", token.content);
            return Err(Error::new(Kind::Mismatch, field, format!("id {id}, {reason}"), token.id));
        }
        next = next.max(id.saturating_add(1));
    }
    Ok(())
}

fn resolve(vocabulary: &Vocabulary, merges: &Strings) -> Result<Vec<(u32, u32, u32)>> {
    let pairs = (0..merges.len() / 2)
        .filter_map(|rank| Some((rank, merges.get(2 * rank)?, merges.get(2 * rank + 1)?)));
    pairs.map(|(rank, left, right)| ids(vocabulary, &format!("merge {rank}"), left, right)).collect()
}
