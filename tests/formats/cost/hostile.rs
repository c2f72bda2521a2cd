//! Inputs made to cost as much as they can: long chains, many of everything, and things that only meet each other.

use std::io::Cursor;

use smolder_formats::adapter::{AdapterConfig, Heads, LoraAdapter, PeftAdapter, read_gguf};
use smolder_formats::dataset::{Dataset, Mapping};
use smolder_formats::gguf::{GgufFile, GgufWriter, Metadata, SplitGguf, TensorPlan, Value};
use smolder_formats::limits::{self, TEMPLATE_BYTES};
use smolder_formats::model::ModelConfig;
use smolder_formats::safetensors::{Entry, write};
use smolder_formats::template::{ChatTemplate, Message, Options, TrainOn};
use smolder_formats::tokenizer::{Specials, Tokenizer, TokenizerConfig};
use smolder_formats::{Dtype, Kind, Result, Source};

use super::{bounded, fixture, gguf, open_gguf, strings, turn};

/// Bytes of a long text: as long as a row may be, less where nothing is optimised.
const LONG: usize = if cfg!(debug_assertions) { 1 << 16 } else { 1 << 20 };

fn text(value: &str) -> Vec<u8> {
    [&(value.len() as u64).to_le_bytes()[..], value.as_bytes()].concat()
}

fn integers(values: impl ExactSizeIterator<Item = i32>) -> Vec<u8> {
    let mut out = 5_u32.to_le_bytes().to_vec();
    out.extend((values.len() as u64).to_le_bytes());
    out.extend(values.flat_map(i32::to_le_bytes));
    out
}

/// A byte-level tokenizer whose further tokens are all control tokens.
fn controls(tokens: Vec<String>) -> Vec<u8> {
    let mut all: Vec<String> = ('!'..='~').map(String::from).chain(["Ġ".to_owned()]).collect();
    let letters = all.len();
    all.extend(tokens);
    let types =
        integers((0..all.len()).map(|at| if at < letters { 1 } else { 3 }).collect::<Vec<_>>().into_iter());
    gguf(&[
        ("tokenizer.ggml.model", 8, text("gpt2")),
        ("tokenizer.ggml.pre", 8, text("gpt-2")),
        ("tokenizer.ggml.tokens", 9, strings(all.into_iter())),
        ("tokenizer.ggml.token_type", 9, types),
        ("tokenizer.ggml.merges", 9, strings(std::iter::empty())),
    ])
}

fn tokenizer(bytes: &[u8]) -> Result<Tokenizer> {
    Tokenizer::from_gguf(&open_gguf(bytes)?.metadata)
}

/// Reads a tokenizer within the bounds; it may be refused.
fn read(what: &str, bytes: &[u8]) -> Result<Tokenizer> {
    bounded(what, bytes.len(), || tokenizer(bytes))
}

#[test]
fn vocabularies_of_control_tokens() {
    let _turn = turn();
    let tokens = |count| controls((0..count).map(|n| format!("<|{n:0124x}|>")).collect());
    assert!(read("60,000 long control tokens", &tokens(60_000)).is_ok());
    let error = read("half a million control tokens", &tokens(500_000)).unwrap_err();
    assert_eq!(error.kind, Kind::Limit, "{error}");
}

#[test]
fn long_pieces() {
    let _turn = turn();
    let short: Vec<String> = (0..60_000).map(|n| format!("{n:0128}")).collect();
    for (tokens, want) in [(short, None), (vec!["a".repeat(1 << 20)], Some(Kind::Limit))] {
        let scores: Vec<u8> = (0..tokens.len()).flat_map(|_| 0_f32.to_le_bytes()).collect();
        let scores = [&6_u32.to_le_bytes()[..], &(tokens.len() as u64).to_le_bytes(), &scores].concat();
        let bytes = gguf(&[
            ("tokenizer.ggml.model", 8, text("llama")),
            ("tokenizer.ggml.tokens", 9, strings(tokens.into_iter())),
            ("tokenizer.ggml.scores", 9, scores),
        ]);
        assert_eq!(read("long SentencePiece tokens", &bytes).err().map(|error| error.kind), want);
    }
}

#[test]
fn control_tokens_that_nearly_match() {
    let _turn = turn();
    let nearly = |end: &str| "a".repeat(127) + end;
    let tokenizer = tokenizer(&controls(vec![nearly("b"), nearly("c")])).unwrap();
    let long = "a".repeat(LONG);
    bounded("two control tokens that nearly match", long.len(), || {
        tokenizer.encoder().encode(&long, Specials::AsTokens).len()
    });
}

#[test]
fn long_texts_of_every_kind() {
    let _turn = turn();
    let pieces = [
        " ",
        "\n",
        " \n",
        "'",
        "'s",
        "1",
        "1a",
        "é",
        "e\u{301}",
        "\u{301}\u{316}",
        "中",
        "👩‍👩‍👧",
        "<|im_end",
        "\0",
        "\u{200d}",
        "a ",
        " a",
        "\u{3000}",
        "🏽",
        "ſ",
        "a\u{300}\u{315}\u{316}",
    ];
    for name in ["smollm2", "qwen2", "llama3", "gpt2", "default", "llama", "gemma"] {
        let tokenizer = tokenizer(&fixture(&format!("tokenizers/{name}.gguf"))).unwrap();
        for piece in pieces {
            let long = piece.repeat(LONG / piece.len());
            bounded(&format!("{name}, {piece:?} repeated"), long.len(), || {
                tokenizer.encode_text(&long).len()
            });
        }
    }
}

fn template(source: &str) -> Option<ChatTemplate> {
    ChatTemplate::new(Some(source)).ok()
}

fn message(role: &str, content: &str) -> Message {
    [("role", role), ("content", content)]
        .map(|(key, value)| (key.to_owned(), value.into()))
        .into_iter()
        .collect()
}

#[test]
fn long_templates_of_every_kind() {
    let _turn = turn();
    let tokenizer = tokenizer(&fixture("tokenizers/gpt2.gguf")).unwrap();
    let chain = |start: &str, link: &str, end: &str| {
        start.to_owned()
            + &link.repeat((LONG.min(TEMPLATE_BYTES) - start.len() - end.len()) / link.len())
            + end
    };
    let templates = [
        ("tags", chain("", "{{a}}", "")),
        ("blocks", chain("", "{%set a=1%}", "")),
        ("comments", chain("", "{#a#}", "")),
        ("sums", chain("{{a", "+a", "}}")),
        ("joins", chain("{{a", "~a", "}}")),
        ("attributes", chain("{{a", ".a", "}}")),
        ("subscripts", chain("{{a", "[0]", "}}")),
        ("slices", chain("{{a", "[1:]", "}}")),
        ("filters", chain("{{a", "|trim", "}}")),
        ("calls", chain("{{a", "()", "}}")),
        ("nots", chain("{{", "not ", "a}}")),
        ("minus", chain("{{", "-", "a}}")),
        ("powers", chain("{{a", "**a", "}}")),
        ("ands", chain("{{a", " and a", "}}")),
        ("comparisons", chain("{{a", "<a", "}}")),
        ("choices", chain("{{a", " if a else a", "}}")),
        ("tests", chain("{{a", " is defined", "}}")),
        ("lists", chain("{{[a", ",a", "]}}")),
        ("ifs", chain("", "{%if a%}", "")),
        ("closed ifs", "{%if a%}".repeat(14_000) + &"{%endif%}".repeat(14_000)),
        ("elifs", chain("{%if a%}", "{%elif a%}", "{%endif%}")),
        ("fors", "{%for a in a%}".repeat(10_000) + &"{%endfor%}".repeat(10_000)),
        ("literal", chain("{{'", "a", "'}}")),
        ("strings", chain("{{a", "'a'", "}}")),
        ("open", chain("{{", "(", "")),
        ("open tags", chain("", "{{", "")),
        ("open strings", chain("", "{{'", "")),
        ("raws", chain("", "{%raw%}", "")),
        ("generations", chain("", "{%generation%}", "")),
    ];
    for (name, source) in templates {
        bounded(&format!("a template of {name}"), source.len(), || {
            template(&source).map(|template| {
                template.render(&tokenizer, &[message("user", "hi")], true, &Options::default()).is_ok()
            })
        });
    }
}

#[test]
fn chats_of_many_turns() {
    let _turn = turn();
    let tokenizer = tokenizer(&fixture("tokenizers/smollm2.gguf")).unwrap();
    for turns in [500, 20_000] {
        let messages: Vec<Message> = (0..turns)
            .map(|n| message(if n % 2 == 0 { "user" } else { "assistant" }, &format!("{n}")))
            .collect();
        for name in
            ["smollm2", "qwen3", "llama3_2", "gemma3", "mistral", "deepseek_r1_distill", "llama3_training"]
        {
            let source = String::from_utf8(fixture(&format!("templates/{name}.jinja"))).unwrap();
            let template = template(&source).unwrap();
            bounded(&format!("{name} with {turns} turns"), 40 * turns, || {
                let rendered = template.render_training(
                    &tokenizer,
                    &messages,
                    TrainOn::Assistant,
                    &Options::of(&tokenizer),
                );
                rendered.map(|rendered| rendered.encode(&mut tokenizer.encoder()).0.len()).ok()
            });
        }
    }
}

/// A template that is slow only where it is asked for a part of the conversation.
#[test]
fn templates_that_are_slow_for_each_turn() {
    let _turn = turn();
    let tokenizer = tokenizer(&fixture("tokenizers/gpt2.gguf")).unwrap();
    let role = |n| if n % 2 == 0 { "user" } else { "assistant" };
    let messages: Vec<Message> = (0..60).map(|n| message(role(n), &format!("a{n}"))).collect();
    for slow in ["'x' in l", "l|sort|length", "l == l|reverse|list", "l|map('string')|list"] {
        let source = format!(
            "{{% if messages|length < 60 %}}{{% set l = range(90000)|list %}}{{% for i in range(2000) %}}\
             {{% if {slow} %}}{{% endif %}}{{% endfor %}}{{% endif %}}{{% for m in messages %}}<{{{{ m.role }}}}>\
             {{{{ m.content }}}}{{% endfor %}}"
        );
        let template = template(&source).unwrap();
        let turns = bounded(&format!("{slow} for each turn"), 2_000, || {
            let options = Options::default();
            template
                .render_training(&tokenizer, &messages, TrainOn::Assistant, &options)
                .map(|r| r.spans().len())
        });
        assert_eq!(turns.unwrap(), 30, "{slow}");
    }
}

/// Nothing but people's text: it is one stretch to the tokenizer, whatever is learned of it.
#[test]
fn chats_without_control_tokens() {
    let _turn = turn();
    let turns = if cfg!(debug_assertions) { 4_000 } else { 20_000 };
    for (name, text) in
        [("llama", "a b"), ("gemma", "a b"), ("qwen2", "e\u{301}"), ("qwen2", "\u{301}"), ("smollm2", "<|")]
    {
        let tokenizer = tokenizer(&fixture(&format!("tokenizers/{name}.gguf"))).unwrap();
        let role = |n| if n % 2 == 0 { "user" } else { "assistant" };
        let messages: Vec<Message> = (0..turns).map(|n| message(role(n), &text.repeat(10))).collect();
        for marks in ["", "{% generation %}"] {
            let end = marks.replace("gen", "endgen");
            let source = format!("{{% for m in messages %}}{marks}{{{{ m.content }}}}{end}{{% endfor %}}");
            let template = template(&source).unwrap();
            bounded(&format!("{name}, {turns} turns of {text:?} {marks}"), 80 * turns, || {
                let options = Options::default();
                let rendered = template.render_training(&tokenizer, &messages, TrainOn::Assistant, &options);
                rendered.map(|rendered| rendered.encode(&mut tokenizer.encoder()).0.len()).ok()
            });
        }
    }
}

#[test]
fn people_s_text_full_of_almost_control() {
    let _turn = turn();
    let many = controls((0..5_000).map(|n| format!("<|{n:x}|>")).collect());
    let many = tokenizer(&many).unwrap();
    let few = tokenizer(&fixture("tokenizers/smollm2.gguf")).unwrap();
    let template = ChatTemplate::new(None).unwrap();
    for (name, tokenizer) in [("few", few), ("many", many)] {
        for piece in ["<", "<|", "|>", "<|1|>", "<|im_end|>"] {
            let messages = [message("user", &piece.repeat(LONG / piece.len()))];
            bounded(&format!("{name} control tokens, {piece} repeated"), LONG, || {
                let rendered = template.render(&tokenizer, &messages, false, &Options::default());
                rendered.map(|rendered| rendered.encode(&mut tokenizer.encoder()).0.len()).ok()
            });
        }
    }
}

fn rows(name: &str, bytes: &[u8]) -> usize {
    let source = Source::new(name, Cursor::new(bytes)).unwrap();
    let Ok(mut dataset) = Dataset::open(source, Mapping::default()) else { return 0 };
    let mut rows = 0;
    while let Ok(Some(_)) = dataset.next_record() {
        rows += 1;
    }
    rows
}

#[test]
fn tables_of_every_kind() {
    let _turn = turn();
    let columns: Vec<String> = (0..150_000).map(|n| format!("{n}")).collect();
    let tables = [
        ("columns", columns.join(",") + "\n1\n"),
        ("quotes", "text\n\"".to_owned() + &"\"\"".repeat(500_000) + "\"\n"),
        ("commas", "text\n".to_owned() + &",".repeat(1_000_000) + "\n"),
        ("empty records", "text\n".to_owned() + &"\n".repeat(10_000_000)),
    ];
    for (name, table) in tables {
        bounded(&format!("a table of {name}"), table.len(), || rows("d.csv", table.as_bytes()));
    }
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"{n}\":0")).collect();
    let row = format!("{{{}}}\n", keys.join(","));
    bounded("a row of 100,000 keys", row.len(), || rows("d.jsonl", row.as_bytes()));
}

#[test]
fn loras_of_every_type() {
    let _turn = turn();
    for (architecture, projection, dtype, rows, want) in [
        ("llama", "attn_q", Dtype::F16, 1 << 20, None),
        ("llama", "attn_k", Dtype::F32, 1 << 20, None),
        ("qwen2", "attn_q", Dtype::F16, 1 << 20, None),
        ("qwen2", "attn_q", Dtype::Q8_0, 7 << 16, None),
        ("llama", "attn_q", Dtype::Q4_0, 7 << 16, None),
        ("qwen2", "attn_q", Dtype::Q4_0, 1 << 20, Some(Kind::Limit)),
    ] {
        let mut metadata = Metadata::new();
        for (key, value) in
            [("general.type", "adapter"), ("general.architecture", architecture), ("adapter.type", "lora")]
        {
            metadata.set(key, Value::String(value.into()));
        }
        metadata.set("adapter.lora.alpha", Value::F32(1.0));
        let plan = |side: &str, shape: [u64; 2]| TensorPlan {
            name: format!("blk.0.{projection}.weight.lora_{side}"),
            shape: shape.into(),
            dtype,
        };
        let plans = vec![plan("a", [32, 32]), plan("b", [rows, 32])];
        let mut writer = GgufWriter::begin(Vec::new(), &metadata, plans).unwrap();
        writer.write_f32(&[0.5; 32 * 32]).unwrap();
        writer.write_f32(&vec![0.25; rows as usize * 32]).unwrap();
        let bytes = writer.finish().unwrap();
        let read = bounded(&format!("a LoRA for {architecture} in {dtype}"), bytes.len(), || {
            let source = Source::new("l.gguf", Cursor::new(&bytes)).unwrap();
            read_gguf(source, architecture, Heads { queries: 2, keys: 1 }).map(|lora| lora.pairs.len())
        });
        assert_eq!(read.err().map(|error| error.kind), want);
    }
}

#[test]
fn patterns_for_many_modules() {
    let _turn = turn();
    let patterns: Vec<String> = (0..60_000).map(|n| format!("\"{n}.q_proj\":1")).collect();
    let config = format!(
        "{{\"peft_type\":\"LORA\",\"target_modules\":[\"q_proj\"],\"r\":1,\"lora_alpha\":1,\"rank_pattern\":{{{}}}}}",
        patterns.join(",")
    );
    let mut entries = Vec::new();
    for layer in 0..30_000 {
        let module = format!("base_model.model.model.layers.{layer}.self_attn.q_proj");
        entries.push(Entry::f32(format!("{module}.lora_A.weight"), &[1, 1], &[1.0]));
        entries.push(Entry::f32(format!("{module}.lora_B.weight"), &[1, 1], &[1.0]));
    }
    let mut bytes = Vec::new();
    write(&mut bytes, &[], &entries).unwrap();
    AdapterConfig::from_json(config.as_bytes()).unwrap();
    bounded("30,000 pairs and 60,000 patterns", bytes.len() + config.len(), || {
        let source = Source::new("a.safetensors", Cursor::new(&bytes)).unwrap();
        let adapter = PeftAdapter::read(source, Some(config.as_bytes())).and_then(LoraAdapter::from_peft);
        adapter.map(|adapter| adapter.pairs.len()).ok()
    });
}

/// A table of F32 tensors of one element, all at their own offset.
fn table(names: &[String], architecture: &str) -> Vec<u8> {
    let key = |key: &str| format!("{architecture}.{key}");
    let number = |value: u32| value.to_le_bytes().to_vec();
    let keys = [
        "block_count",
        "embedding_length",
        "feed_forward_length",
        "context_length",
        "attention.head_count",
        "attention.head_count_kv",
    ]
    .map(key);
    let mut pairs: Vec<(&str, u32, Vec<u8>)> = vec![("general.architecture", 8, text(architecture))];
    pairs.extend(
        keys.iter().map(|key| (key.as_str(), 4, number(if key.ends_with("block_count") { 1024 } else { 1 }))),
    );
    let mut out = gguf(&pairs);
    out[8..16].copy_from_slice(&(names.len() as u64).to_le_bytes());
    for (index, name) in names.iter().enumerate() {
        out.extend(text(name));
        let norm = name.contains("norm");
        out.extend(if norm { 1_u32 } else { 2 }.to_le_bytes());
        out.extend(std::iter::repeat_n(1_u64.to_le_bytes(), if norm { 1 } else { 2 }).flatten());
        out.extend(0_u32.to_le_bytes());
        out.extend((index as u64 * 32).to_le_bytes());
    }
    out.resize(out.len().next_multiple_of(32) + names.len() * 32, 0);
    out
}

#[test]
fn a_table_of_many_tensors_for_many_layers() {
    let _turn = turn();
    let parts = [
        "attn_norm",
        "attn_q",
        "attn_k",
        "attn_v",
        "attn_output",
        "ffn_norm",
        "ffn_gate",
        "ffn_up",
        "ffn_down",
    ];
    let mut names: Vec<String> = (0..56_000).map(|n| format!("blk.0000.attn_{n:05}.weight")).collect();
    names.extend(["token_embd.weight", "output_norm.weight"].map(String::from));
    names.extend((0..1024).flat_map(|layer| parts.map(|part| format!("blk.{layer}.{part}.weight"))));
    let bytes = table(&names, "llama");
    bounded("65,000 tensors in 1,024 layers", bytes.len(), || {
        let file = GgufFile::open(Source::new("m.gguf", Cursor::new(&bytes)).unwrap()).unwrap();
        ModelConfig::from_gguf(&file.header.metadata).unwrap().check_tensors(&file).unwrap();
        file.header.table_sha256()
    });
}

#[test]
fn names_that_are_most_of_the_file() {
    let _turn = turn();
    let names: Vec<String> = (0..1_500).map(|n| format!("{n:065000}")).collect();
    let bytes = table(&names, "llama");
    bounded("1,500 names of 65,000 bytes", bytes.len(), || {
        let open = |name: &str| Source::new(name, Cursor::new(&bytes));
        SplitGguf::open("m.gguf", open).unwrap().table_sha256()
    });
}

/// With the file itself, whose ids are in no order.
#[test]
fn a_tokenizer_json_as_large_as_may_be() {
    let _turn = turn();
    let count = limits::VOCABULARY as u64;
    let token = |id: u64| format!("\"{id:063}\":{}", id * 5 % count);
    let tokens: Vec<String> = (0..count).map(token).collect();
    let json = format!("{{\"model\":{{\"vocab\":{{{}}},\"merges\":[]}}}}", tokens.join(","));
    let bytes = json.len() as u64;
    assert!(bytes > limits::TOKENIZER_BYTES * 9 / 10 && bytes <= limits::TOKENIZER_BYTES, "{bytes}");
    drop(tokens);
    bounded("the largest tokenizer.json", json.len(), || {
        let mut source = Source::new("tokenizer.json", Cursor::new(json.as_bytes())).unwrap();
        let bytes = source.read_all(limits::TOKENIZER_BYTES).unwrap();
        Tokenizer::from_json(&bytes, &TokenizerConfig::default()).is_ok()
    });
}

/// A list is no merge, however long it is.
#[test]
fn a_tokenizer_json_of_one_endless_merge() {
    let _turn = turn();
    for element in ["1,", "[],", "\"\",", "{},"] {
        let list = element.repeat((30 << 20) / element.len());
        for json in [
            format!("{{\"model\":{{\"vocab\":{{\"a\":0}},\"merges\":[[{list}1]]}}}}"),
            format!("{{\"model\":{{\"vocab\":{{\"a\":0}},\"more\":[{list}1],\"merges\":[]}}}}"),
            format!("{{\"added_tokens\":[[{list}1]],\"model\":{{}}}}"),
        ] {
            bounded(&format!("a list of {element} where none belongs"), json.len(), || {
                Tokenizer::from_json(json.as_bytes(), &TokenizerConfig::default()).is_ok()
            });
        }
    }
}

/// Gemma 3's has 1.1 MB, most of it a list of tokens that is not read.
#[test]
fn a_tokenizer_config_of_many_tokens() {
    let _turn = turn();
    let token =
        |id: u32| format!("\"{id}\":{{\"content\":\"<unused{id}>\",\"lstrip\":false,\"special\":false}}");
    for count in [20_000, 200_000] {
        let listed: Vec<String> = (0..count).map(token).collect();
        let json = format!(
            "{{\"added_tokens_decoder\":{{{}}},\"bos_token\":{{\"content\":\"<bos>\"}},\"add_bos_token\":true}}",
            listed.join(",")
        );
        assert!(json.len() > 1 << 20, "{}", json.len());
        let config = bounded(&format!("settings with {count} tokens"), json.len(), || {
            TokenizerConfig::from_json(json.as_bytes()).unwrap()
        });
        assert_eq!((config.bos.as_deref(), config.add_bos, config.eos), (Some("<bos>"), Some(true), None));
    }
}

#[test]
fn a_tokenizer_json_of_many_added_tokens() {
    let _turn = turn();
    let added: Vec<String> =
        (0..60_000).map(|n| format!("{{\"id\":{n},\"content\":\"<|{n}|>\",\"special\":true}}")).collect();
    let json = format!(
        "{{\"added_tokens\":[{}],\"model\":{{\"type\":\"BPE\",\"vocab\":{{}},\"merges\":[]}}}}",
        added.join(",")
    );
    bounded("60,000 added tokens", json.len(), || {
        Tokenizer::from_json(json.as_bytes(), &TokenizerConfig::default()).is_ok()
    });
}
