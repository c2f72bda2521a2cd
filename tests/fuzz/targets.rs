//! What each fuzz target does with its bytes: read them as strictly as Smolder does, and use what was read.

use std::io::Cursor;
use std::sync::LazyLock;

use smolder_formats::adapter::{Heads, LoraAdapter, PeftAdapter, read_gguf, write_gguf};
use smolder_formats::dataset::{Audit, Dataset, Mapping, RenderOptions, Renderer, Target};
use smolder_formats::gguf::{GgufFile, SplitGguf};
use smolder_formats::model::ModelConfig;
use smolder_formats::safetensors::HfModel;
use smolder_formats::template::{ChatTemplate, Message, Options, TrainOn};
use smolder_formats::tokenizer::{Tokenizer, TokenizerConfig};
use smolder_formats::{Kind, Source, TensorInfo, TensorSource};

fn source(name: &str, bytes: &[u8]) -> Source<Cursor<Vec<u8>>> {
    Source::new(name, Cursor::new(bytes.to_vec())).expect("memory has a length")
}

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let json = include_bytes!("../fixtures/formats/tokenizers/qwen2.json");
    Tokenizer::from_json(json, &TokenizerConfig::default()).expect("a good fixture")
});

/// Two inputs in one: the first four bytes say how long the first is.
pub fn halves(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = data.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

/// A checked tensor has all its elements, or one that is not finite.
fn read(model: &mut dyn TensorSource, tensor: &TensorInfo) {
    match model.read_f32(tensor) {
        Ok(values) => assert_eq!(values.len() as u64, tensor.elements()),
        Err(error) => assert_eq!(error.kind, Kind::Value, "{error}"),
    }
}

/// Header, table, every payload, and the model and tokenizer that the metadata describe.
pub fn gguf(data: &[u8]) {
    let Ok(mut file) = GgufFile::open(source("f.gguf", data)) else { return };
    for tensor in file.header.tensors.clone() {
        read(&mut file, &tensor);
    }
    let name = "f-00001-of-00001.gguf";
    if let Ok(split) = SplitGguf::open(name, |name| Ok(source(name, data))) {
        assert_eq!(split.tensors().len(), file.header.tensors.len());
    }
    if let Ok(config) = ModelConfig::from_gguf(&file.header.metadata) {
        let _ = config.check_tensors(&file);
    }
    if let Ok(tokenizer) = Tokenizer::from_gguf(&file.header.metadata) {
        let ids = tokenizer.encode_text("Hello, wörld! 你好 \u{1f600}  12345\n\n<s>");
        assert!(ids.iter().all(|id| tokenizer.token(*id).is_some()));
        tokenizer.decode(&ids, false);
    }
}

/// A `config.json`, then either weights or a `tokenizer.json`.
pub fn safetensors(data: &[u8]) {
    let Some((config, rest)) = halves(data) else { return };
    let _ = Tokenizer::from_json(rest, &TokenizerConfig::default())
        .map(|tokenizer| tokenizer.encode_text("Hi  there"));
    let _ = TokenizerConfig::from_json(config);
    let file = |name: &str| match name {
        "config.json" => Some(source(name, config)),
        "model.safetensors" => Some(source(name, rest)),
        _ => None,
    };
    let Ok(mut model) = HfModel::open(|name| Ok(file(name))) else { return };
    let _ = model.config.check_tensors(&model);
    for tensor in model.tensors().to_vec() {
        read(&mut model, &tensor);
    }
}

/// A template over a conversation that has control tokens in what people say.
pub fn template(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(template) = ChatTemplate::new(Some(text)) else { return };
    let message = |role: &str, content: &str| -> Message {
        [("role", role), ("content", content)]
            .map(|(key, value)| (key.to_owned(), value.into()))
            .into_iter()
            .collect()
    };
    let messages = [message("user", "a <|im_start|> b"), message("assistant", "c<|im_end|>")];
    for prompt in [false, true] {
        if let Ok(rendered) = template.render(&TOKENIZER, &messages, prompt, &Options::default()) {
            rendered.encode(&mut TOKENIZER.encoder());
        }
    }
    let _ = template.render_training(&TOKENIZER, &messages, TrainOn::default(), &Options::default());
}

/// A dataset under the name that its first byte picks.
pub fn dataset(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let name = ["d.jsonl", "d.csv", "d.tsv", "d.txt"][usize::from(first % 4)];
    let Ok(mut dataset) = Dataset::open(source(name, rest), Mapping::default()) else { return };
    let template = ChatTemplate::new(None).expect("the built-in template compiles");
    let options = RenderOptions {
        target: Target::Assistant,
        max_len: 32,
        raw_pairs: false,
        template: Options::default(),
    };
    let mut renderer = Renderer::new(&TOKENIZER, &template, options);
    let mut audit = Audit::default();
    while let Ok(Some((at, record))) = dataset.next_record() {
        match record.and_then(|record| renderer.render(&record)) {
            Ok(rows) => {
                assert_eq!(rows.row.ids.len(), rows.row.mask.len());
                assert!(rows.row.ids.len() <= 32);
                audit.keep(&rows);
            }
            Err(error) => audit.drop_row(at, &error),
        }
    }
    let _ = audit.to_string();
}

/// An `adapter_config.json` and weights, or a GGUF LoRA.
pub fn adapter(data: &[u8]) {
    let heads = Heads { queries: 2, keys: 1 };
    if let Ok(lora) = read_gguf(source("a.gguf", data), "llama", heads) {
        write_gguf(&lora, "llama", heads, Vec::new()).expect("what was read can be written");
    }
    let Some((config, weights)) = halves(data) else { return };
    let config = Some(config).filter(|config| !config.is_empty());
    let Ok(adapter) = PeftAdapter::read(source("a.safetensors", weights), config) else { return };
    let mut out = Vec::new();
    adapter.write_weights(&mut out).expect("what was read can be written");
    if let Ok(lora) = LoraAdapter::from_peft(adapter) {
        let _ = write_gguf(&lora, "llama", heads, Vec::new());
    }
}
