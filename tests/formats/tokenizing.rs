//! Ids against Hugging Face's `tokenizers` (fixtures: `nasty.py`, `make_tokenizers.py`), and the crate itself.

use serde::Deserialize;
use serde_json::Value as Json;
use smolder_formats::Kind;
use smolder_formats::gguf::{Gguf, Metadata, Value};
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

/// DeepSeek's files do not call the tokens special that open a turn.
#[test]
fn tokens_spelled_like_control_are_control() {
    let json = String::from_utf8(read("tokenizers/qwen2.json")).unwrap();
    for (text, control) in [("<｜User｜>", true), ("<|end|>", true), ("<think>", false)] {
        let json = json.replace("<think>", text);
        let tokenizer = Tokenizer::from_json(json.as_bytes(), &TokenizerConfig::default()).unwrap();
        let id = tokenizer.id(text).unwrap();
        assert_eq!(tokenizer.is_special(id), control, "{text}");
        assert_eq!(tokenizer.encoder().encode(text, Specials::AsTokens), [id]);
        assert_eq!(tokenizer.encode_text(text).contains(&id), !control, "{text}");
    }
}

/// As in llama.cpp: SmolLM3's GGUF says `smaug-bpe`, has a BOS token, and wants none.
#[test]
fn bos_is_put_before_a_text_where_the_pre_tokenizer_asks_for_it() {
    let header = Gguf::read(&mut memory("llama3", read("tokenizers/llama3.gguf"))).unwrap();
    for (pre, want) in [("llama-bpe", true), ("smaug-bpe", false), ("dbrx", false), ("qwen2", false)] {
        let mut metadata = header.metadata.clone();
        metadata.set("tokenizer.ggml.pre", Value::String(pre.into()));
        assert_eq!(Tokenizer::from_gguf(&metadata).unwrap().spec().add_bos, want, "{pre}");
        metadata.set("tokenizer.ggml.add_bos_token", Value::Bool(!want));
        assert_eq!(Tokenizer::from_gguf(&metadata).unwrap().spec().add_bos, !want, "{pre}");
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
fn many_spans_are_where_each_of_them_is() {
    let turn = "user:e\u{301} a\u{fdd2}<\n\u{fdd2}\u{301}中文e\u{301} b\u{308}c 각\u{1100}\u{1161}d\n";
    let text = turn.repeat(40);
    let spans: Vec<_> = text.match_indices("\n\u{fdd2}").map(|(at, _)| at + 1..at + 30).collect();
    assert!(spans.len() == 40 && spans.iter().all(|span| text.get(span.clone()).is_some()));
    for name in ["qwen2", "llama", "gemma", "smollm2"] {
        let tokenizer = from_gguf(name);
        let mut encoder = tokenizer.encoder();
        let mut mask = |spans: &[_]| encoder.encode_masked(&text, Specials::Guarded('\u{fdd2}'), spans).1;
        let all = mask(&spans);
        let mut each = vec![0; all.len()];
        for span in &spans {
            mask(std::slice::from_ref(span)).iter().zip(&mut each).for_each(|(one, each)| *each |= one);
        }
        assert!(all.contains(&1) && all.contains(&0), "{name}");
        assert_eq!(all, each, "{name}");
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

/// Numbers below a limit, the same each time: xorshift.
fn random() -> impl FnMut(usize) -> usize {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    }
}

/// Blocks with marks and compositions, of which many are younger than the tables that Hugging Face's tokenizers have.
const MARKS: [(u32, u32); 24] = [
    (0x0300, 0x036f),
    (0x0483, 0x0487),
    (0x0591, 0x05c7),
    (0x0610, 0x065f),
    (0x06d6, 0x06ed),
    (0x0890, 0x08ff),
    (0x0c3c, 0x0c56),
    (0x0dca, 0x0ddf),
    (0x1100, 0x11ff),
    (0x1a7f, 0x1aff),
    (0x1cd0, 0x1cff),
    (0x1dc0, 0x1dff),
    (0x20d0, 0x20ff),
    (0xa8c4, 0xa8f1),
    (0xac00, 0xac20),
    (0xfe20, 0xfe2f),
    (0x1_05c0, 0x1_05e8),
    (0x1_0d24, 0x1_0d6d),
    (0x1_0ea8, 0x1_0f85),
    (0x1_1300, 0x1_13e2),
    (0x1_1930, 0x1_1943),
    (0x1_6100, 0x1_6130),
    (0x1_6d60, 0x1_6d70),
    (0x1_e2a0, 0x1_e94a),
];

/// Marks in every order, old and new, on letters that some of them join.
#[test]
fn composed_characters_give_the_crates_ids() {
    let ours = from_json("qwen2");
    let theirs = tokenizers::Tokenizer::from_bytes(read("tokenizers/qwen2.json")).unwrap();
    let (mut random, mut encoder) = (random(), ours.encoder());
    let mut character = || {
        let (first, last) = MARKS[random(MARKS.len())];
        let mark = char::from_u32(first + random((last - first + 1) as usize) as u32).unwrap();
        let letter = ['a', 'e', 'A', ' ', '\u{e9}', '\u{627}', '\u{1100}', '\u{ac00}'][random(8)];
        if random(3) == 0 { letter } else { mark }
    };
    for length in (2..10).cycle().take(6000) {
        let text: String = (0..length).map(|_| character()).collect();
        let want = theirs.encode(text.as_str(), false).unwrap();
        assert_eq!(encoder.encode(&text, Specials::AsTokens), want.get_ids(), "{text:?}");
    }
}

/// Random strings from the pieces of the corpus, against the crate in this process.
#[test]
fn random_strings_give_the_crates_ids() {
    let (nasty, mut random) = (nasty(), random());
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

/// A fixture's `tokenizer.json`, changed.
fn edited(name: &str, edit: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut json: Json = serde_json::from_slice(&read(&format!("tokenizers/{name}.json"))).unwrap();
    edit(&mut json);
    serde_json::to_vec(&json).unwrap()
}

fn add(json: &mut Json, id: usize, content: &str, normalized: bool, strip: bool) {
    let token = serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": strip,
        "rstrip": strip, "normalized": normalized, "special": false});
    json["added_tokens"].as_array_mut().unwrap().push(token);
}

fn vocabulary_len(json: &Json) -> usize {
    json["model"]["vocab"].as_object().unwrap().len()
}

/// `Metaspace` is a pre-tokenizer: it spells spaces in what added tokens leave.
#[test]
fn metaspace_comes_behind_added_tokens() {
    for (scheme, strip) in
        ["always", "first", "never"].iter().flat_map(|scheme| [(scheme, false), (scheme, true)])
    {
        let bytes = edited("llama", |json| {
            let end = vocabulary_len(json);
            json["normalizer"] = Json::Null;
            json["pre_tokenizer"] = serde_json::json!({"type": "Metaspace", "replacement": "\u{2581}",
                "prepend_scheme": scheme, "split": false});
            let added = ["hello world", "\u{2581}lo", "<T>", "T> a"];
            for (n, content) in added.into_iter().enumerate() {
                add(json, end + n, content, n != 2, strip);
            }
        });
        let ours = Tokenizer::from_json(&bytes, &TokenizerConfig::default()).unwrap();
        let theirs = tokenizers::Tokenizer::from_bytes(&bytes).unwrap();
        let (mut random, mut encoder) = (random(), ours.encoder());
        let pieces =
            ["hello world", " ", "say", "<T> a", "now", "\u{2581}lo", "lo", "<T>", "\n", "hello", "T> a"];
        for length in (1..6).cycle().take(500) {
            let text: String = (0..length).map(|_| pieces[random(pieces.len())]).collect();
            let want = theirs.encode(text.as_str(), false).unwrap();
            assert_eq!(
                encoder.encode(&text, Specials::AsTokens),
                want.get_ids(),
                "{scheme}, {strip}: {text:?}"
            );
        }
    }
}

/// The crate gives added tokens ids of its own where the file's leave a gap or differ from the vocabulary's.
#[test]
fn added_tokens_have_the_crates_ids_or_are_refused() {
    for (content, id, fine) in
        [("<T>", None, true), ("<T>", Some(1), false), ("a", Some(0), false), ("<T>", Some(500), false)]
    {
        let mut stated = 0;
        let bytes = edited("gpt2", |json| {
            let ids =
                json["added_tokens"].as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap());
            let end = vocabulary_len(json).max(ids.max().unwrap() as usize + 1);
            stated = end + id.unwrap_or(0);
            add(json, stated, content, false, false);
        });
        let theirs = tokenizers::Tokenizer::from_bytes(&bytes).unwrap().token_to_id(content);
        assert_eq!(theirs == Some(stated as u32), fine, "{content} {stated}: {theirs:?}");
        match Tokenizer::from_json(&bytes, &TokenizerConfig::default()) {
            Ok(ours) => assert_eq!((ours.id(content), fine), (theirs, true)),
            Err(error) => {
                let sentence = error.to_string();
                assert!(!fine && sentence.contains(&format!("id {}", theirs.unwrap())), "{sentence}");
                assert_eq!(error.kind, Kind::Mismatch);
            }
        }
    }
}

/// What people write is no control token, also where that is looked for in normalized text.
#[test]
fn normalized_control_tokens_are_guarded() {
    let mark = '\u{fdd2}';
    for name in ["qwen2", "gemma"] {
        let bytes = edited(name, |json| {
            let ids =
                json["added_tokens"].as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap());
            let end = vocabulary_len(json).max(ids.max().unwrap() as usize + 1);
            add(json, end, "<|x|>", true, false);
        });
        let ours = Tokenizer::from_json(&bytes, &TokenizerConfig::default()).unwrap();
        let id = ours.id("<|x|>").unwrap();
        let text = format!("a<{mark}|x|>b");
        assert!(!ours.encoder().encode(&text, Specials::Guarded(mark)).contains(&id), "{name}");
        assert!(ours.encoder().encode("a<|x|>b", Specials::Guarded(mark)).contains(&id), "{name}");
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
