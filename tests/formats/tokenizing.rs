//! Ids against Hugging Face's `tokenizers` (fixtures: `nasty.py`, `make_tokenizers.py`), and the crate itself.

use serde::Deserialize;
use smolder_formats::gguf::{Gguf, Metadata};
use smolder_formats::tokenizer::{Specials, Tokenizer, TokenizerConfig, learn};

use crate::{memory, read};

#[derive(Deserialize)]
struct Expected {
    /// Ids with control tokens recognised.
    parsed: Vec<u32>,
    /// Ids with control tokens as text, where they differ.
    plain: Option<Vec<u32>>,
    /// The text of `parsed` without control tokens, where it is not the string itself.
    decoded: Option<String>,
}

pub fn nasty() -> Vec<String> {
    serde_json::from_slice(&read("tokenizers/nasty.json")).unwrap()
}

fn expected(name: &str) -> Vec<Expected> {
    serde_json::from_slice(&read(&format!("tokenizers/{name}.ids.json"))).unwrap()
}

pub fn from_gguf(name: &str) -> Tokenizer {
    let header = Gguf::read(&mut memory(name, read(&format!("tokenizers/{name}.gguf")))).unwrap();
    Tokenizer::from_gguf(&header.metadata).unwrap()
}

pub fn from_json(name: &str) -> Tokenizer {
    Tokenizer::from_json(&read(&format!("tokenizers/{name}.json")), &TokenizerConfig::default()).unwrap()
}

fn ids_are_equal(tokenizer: &Tokenizer, name: &str) {
    let (nasty, expected) = (nasty(), expected(name));
    assert!(nasty.len() >= 300 && nasty.len() == expected.len());
    let mut encoder = tokenizer.encoder();
    for (text, want) in nasty.iter().zip(&expected) {
        let got = encoder.encode(text, Specials::AsTokens);
        assert_eq!(got, want.parsed, "{name}, control tokens parsed: {text:?}");
        let got = encoder.encode(text, Specials::AsText);
        assert_eq!(
            &got,
            want.plain.as_ref().unwrap_or(&want.parsed),
            "{name}, control tokens as text: {text:?}"
        );
        let got = tokenizer.decode(&want.parsed, true);
        assert_eq!(&got, want.decoded.as_ref().unwrap_or(text), "{name}, decoded: {text:?}");
    }
}

macro_rules! equal_ids {
    ($($test:ident: $from:ident($name:literal))*) => {$(
        #[test]
        fn $test() {
            ids_are_equal(&$from($name), $name);
        }
    )*};
}

equal_ids! {
    smollm2_from_gguf: from_gguf("smollm2")
    qwen2_from_gguf: from_gguf("qwen2")
    qwen2_from_json: from_json("qwen2")
    llama3_from_gguf: from_gguf("llama3")
    llama3_from_json: from_json("llama3")
    gpt2_from_gguf: from_gguf("gpt2")
    gpt2_from_json: from_json("gpt2")
    default_from_gguf: from_gguf("default")
    llama_from_gguf: from_gguf("llama")
    llama_from_json: from_json("llama")
    gemma_from_gguf: from_gguf("gemma")
    gemma_from_json: from_json("gemma")
}

#[test]
fn no_text_becomes_a_control_token() {
    for name in ["smollm2", "qwen2", "llama3", "gpt2", "default", "llama", "gemma"] {
        let tokenizer = from_gguf(name);
        for text in nasty() {
            let ids = tokenizer.encode_text(&text);
            // A character that no token spells is `<unk>`, which is a control token that orders nothing.
            let unknown = tokenizer.id("<unk>");
            let control = ids.iter().find(|id| tokenizer.is_special(**id) && Some(**id) != unknown);
            assert_eq!(control, None, "{name}: {text:?}");
        }
    }
}

#[test]
fn the_mask_follows_the_spans() {
    let tokenizer = from_gguf("smollm2");
    let text = "<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\nHello, caf\u{e9}!<|im_end|>\n";
    let start = text.rfind("Hello").unwrap();
    let end = text.rfind('\n').unwrap();
    let (ids, mask) =
        tokenizer.encoder().encode_masked(text, Specials::AsTokens, std::slice::from_ref(&(start..end)));
    let masked: Vec<u32> = ids.iter().zip(&mask).filter(|(_, m)| **m == 1).map(|(id, _)| *id).collect();
    assert_eq!(tokenizer.decode(&masked, false), &text[start..end]);
    assert_eq!(ids.len(), mask.len());
}

#[test]
fn spans_hold_through_normalization() {
    for name in ["qwen2", "llama", "gemma"] {
        let tokenizer = from_gguf(name);
        let text = "cafe\u{301} A\u{30a} B: two words and e\u{301}t\u{e9} end. tail";
        let start = text.find("two").unwrap();
        let end = text.find(" tail").unwrap();
        let (ids, mask) =
            tokenizer.encoder().encode_masked(text, Specials::AsText, std::slice::from_ref(&(start..end)));
        let masked: Vec<u32> = ids.iter().zip(&mask).filter(|(_, m)| **m == 1).map(|(id, _)| *id).collect();
        let got = tokenizer.decode(&masked, false).replace("e\u{301}", "\u{e9}");
        assert!(
            got.trim_start().starts_with("wo words") || got.trim_start().starts_with("two words"),
            "{name}: {got:?}"
        );
        assert!(got.trim_end().ends_with("t\u{e9} end."), "{name}: {got:?}");
    }
}

#[test]
fn streaming_never_splits_a_character() {
    for name in ["smollm2", "llama", "gemma", "qwen2"] {
        let tokenizer = from_gguf(name);
        for text in nasty().iter().filter(|t| !t.contains('\u{fffd}')) {
            let ids = tokenizer.encode_text(text);
            let mut stream = tokenizer.incremental(false);
            let mut out = String::new();
            for id in &ids {
                let piece = stream.push(*id);
                assert!(!piece.contains('\u{fffd}'), "{name}: {text:?} gave {piece:?}");
                out.push_str(&piece);
            }
            out.push_str(&stream.finish());
            assert_eq!(out, tokenizer.decode(&ids, false), "{name}");
        }
    }
}

#[test]
fn a_cut_character_is_shown_as_one_replacement() {
    let tokenizer = from_gguf("smollm2");
    let mut ids = tokenizer.encode_text("\u{1fae8}");
    assert!(ids.len() > 1, "an emoji of several tokens");
    ids.pop();
    assert_eq!(tokenizer.decode(&ids, false), "\u{fffd}");
}

#[test]
fn both_files_give_the_same_tokenizer() {
    for name in ["qwen2", "llama3", "llama", "gemma"] {
        let (gguf, json) = (from_gguf(name), from_json(name));
        assert_eq!(gguf.vocabulary_len(), json.vocabulary_len(), "{name}");
        assert_eq!(gguf.spec().style, json.spec().style, "{name}");
        assert_eq!(gguf.merges_len(), json.merges_len(), "{name}");
        assert_eq!(gguf.spec().add_bos, json.spec().add_bos, "{name}");
    }
}

/// Random strings from the pieces of the corpus, against the crate in this process.
#[test]
fn random_strings_give_the_crates_ids() {
    let nasty = nasty();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for name in ["qwen2", "llama3", "gpt2", "llama", "gemma"] {
        let ours = from_json(name);
        let theirs = tokenizers::Tokenizer::from_bytes(read(&format!("tokenizers/{name}.json"))).unwrap();
        let mut encoder = ours.encoder();
        for _ in 0..1500 {
            let mut text = String::new();
            for _ in 0..=random(4) {
                let piece: Vec<char> = nasty[random(nasty.len())].chars().collect();
                let from = random(piece.len() + 1);
                let to = from + random(piece.len() - from + 1);
                text.extend(&piece[from..to]);
            }
            let want = theirs.encode(text.as_str(), false).unwrap();
            assert_eq!(encoder.encode(&text, Specials::AsTokens), want.get_ids(), "{name}: {text:?}");
        }
    }
}

/// A text with ties, words of all kinds and a word that no pair repeats.
const LEARNED_FROM: &str = "the cat and the hat; the rat, the mat: 12 rats, 123 hats!\n\nThat's the cat's hat, isn't it? \
    Caf\u{e9}s and caf\u{e9}s, na\u{ef}ve \u{4f60}\u{597d}\u{4f60}\u{597d}   spaces  end zq";

#[test]
fn a_learned_vocabulary_is_the_crates() {
    use tokenizers::models::bpe::{BPE, BpeTrainer};
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;
    use tokenizers::{AddedToken, TokenizerBuilder};

    let ours = learn([LEARNED_FROM].into_iter(), &["<|endoftext|>", "<|im_end|>"], 310);
    let mut trainer = BpeTrainer::builder()
        .vocab_size(310)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(["<|endoftext|>", "<|im_end|>"].map(|token| AddedToken::from(token, true)).to_vec())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut theirs = TokenizerBuilder::<
        BPE,
        tokenizers::NormalizerWrapper,
        ByteLevel,
        tokenizers::PostProcessorWrapper,
        tokenizers::DecoderWrapper,
    >::new()
    .with_model(BPE::default())
    .with_pre_tokenizer(Some(ByteLevel::new(false, false, true)))
    .build()
    .unwrap();
    theirs.train(&mut trainer, [LEARNED_FROM].into_iter()).unwrap();
    let token = |id: usize| theirs.id_to_token(id as u32).unwrap();
    assert_eq!(ours.tokens, (0..theirs.get_vocab_size(true)).map(token).collect::<Vec<_>>());
    assert!(ours.merges.len() > 20, "{} merges", ours.merges.len());

    let mut metadata = Metadata::new();
    ours.write(&mut metadata, 0, 1);
    let ours = Tokenizer::from_gguf(&metadata).unwrap();
    let encoded = theirs.encode(LEARNED_FROM, false).unwrap();
    assert_eq!(ours.encode_text(LEARNED_FROM), encoded.get_ids());
    assert_eq!(ours.spec().eos, Some(1));
}
