//! `smolder inspect` and `smolder data`: what a model is, and what training will see.

use crate::program::{Folder, fails, fixtures, model, prints, run};
use serde_json::Value;
use smolder_formats::gguf::GgufFile;
use smolder_formats::safetensors::{Entry, Safetensors, write};
use smolder_formats::template::ChatTemplate;
use smolder_formats::tokenizer::Tokenizer;
use smolder_formats::{Sha256Hash, Source, TensorInfo, TensorSource};
use smolder_protocol::TrainConfig;
use smolder_trainer::data::{Data, Examples};
use smolder_trainer::{load_rows, today};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

/// SmolLM2's metadata, without its tensors.
fn smollm2() -> String {
    fixtures().join("formats/tokenizers/smollm2.gguf").to_str().unwrap().to_owned()
}

#[test]
fn a_report_for_people_and_one_for_programs() {
    let path = model("llama/f32.gguf");
    let text = prints(&["inspect", &path]);
    for words in [
        "architecture    llama",
        "licence         ",
        " × F32",
        "parameters      ",
        "tokenizer       ",
        "chat template   ",
        "memory          ",
        "of key-value cache",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let report: Value = serde_json::from_str(&prints(&["inspect", &path, "--json"])).unwrap();
    let file = Sha256Hash::of(&fs::read(&path).unwrap()).to_string();
    assert_eq!((&report["sha256"][0], &report["model"]["architecture"]), (&file.into(), &"llama".into()));
    assert!(report["memory"]["weights"].as_u64() <= report["bytes"].as_u64());
    assert!(!prints(&["inspect", &path, "--no-hash"]).contains("\nsha256 "));
    assert!(
        prints(&["inspect", &smollm2()])
            .contains("tensors         none: this is a tokenizer without a model")
    );
}

/// A folder of the model that `f32.gguf` holds, with a card; the tokenizers differ in form.
#[test]
fn a_folder_has_the_same_report_as_a_file() {
    let folder = Folder::new("inspect");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(model(&format!("llama/{name}")), folder.path(name)).unwrap();
    }
    fs::write(folder.path("README.md"), "---\nlicense: apache-2.0\n---\n").unwrap();
    let path = folder.text("");
    let text = prints(&["inspect", &path]);
    for words in
        [", safetensors\n", "licence         apache-2.0", "tokenizer       byte-level BPE, 131 tokens"]
    {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let report =
        |path: &str| -> Value { serde_json::from_str(&prints(&["inspect", path, "--json"])).unwrap() };
    let (ours, file) = (report(&path), report(&model("llama/f32.gguf")));
    for same in ["model", "types", "parameters", "memory", "parts", "template"] {
        assert_eq!(ours[same], file[same], "{same}");
    }
    let keys = |report: &Value| report.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&ours), keys(&file));
    let weights = fs::read(folder.path("model.safetensors")).unwrap();
    assert_eq!(ours["sha256"], serde_json::json!([Sha256Hash::of(&weights).to_string()]));
    assert_eq!(ours["bytes"], weights.len());
    fs::write(folder.path("chat_template.jinja"), "{{ messages[0].content }}").unwrap();
    assert_eq!(report(&path)["template"]["source"], "{{ messages[0].content }}");
    fs::remove_file(folder.path("tokenizer.json")).unwrap();
    fails(&["inspect", &path], &["tokenizer.json: expected this file"]);
}

/// A shard, or a download without its folder: what it holds is said, and what a model is opened by.
#[test]
fn a_file_of_weights_alone_is_shown() {
    let path = model("llama/model.safetensors");
    let text = prints(&["inspect", &path]);
    let source = Safetensors::open(open(&path)).unwrap();
    let count = source.tensors().len();
    for words in [
        &format!("tensors         {count} × F32\n"),
        "parameters      31800\n",
        ", safetensors\nsha256          ",
        "a model is opened by the folder that has config.json",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let report = |path: &str| -> Value {
        serde_json::from_str(&prints(&["inspect", path, "--json", "--no-hash"])).unwrap()
    };
    let (alone, folder) = (report(&path), report(&model("llama")));
    for same in ["types", "parameters", "bytes", "table_sha256"] {
        assert_eq!(alone[same], folder[same], "{same}");
    }
    assert_eq!((&alone["sha256"], &alone["holds"]), (&serde_json::json!([]), &"weights".into()));
    fails(&["data", &path, "--model", &path], &["a safetensors file: a model in this form is opened by"]);

    let lone = Folder::new("weights");
    let (adapter, broken) = (lone.text("adapter_model.safetensors"), lone.text("broken.safetensors"));
    let tensor = Entry::f32("base_model.model.model.norm.ln_tuning_layers.weight", &[2], &[1.0, 2.0]);
    let config = ("smolder.adapter_config".to_owned(), "{}".to_owned());
    for (metadata, holds) in [(&[][..], "the folder that has adapter_config.json"), (&[config], "this file")]
    {
        write(File::create(&adapter).unwrap(), metadata, std::slice::from_ref(&tensor)).unwrap();
        let text = prints(&["inspect", &adapter]);
        assert!(text.contains(&format!("--adapter takes {holds}")), "{text}");
    }
    fs::write(&broken, &fs::read(&path).unwrap()[..2_000]).unwrap();
    fails(&["inspect", &broken], &["broken.safetensors: ", "expected"]);
    fs::write(&broken, "GGUF\x03\0\0\0").unwrap();
    fails(&["inspect", &broken], &["expected a safetensors file, found a GGUF file"]);
}

#[test]
fn a_folder_in_shards_is_one_model() {
    let folder = Folder::new("shards");
    for name in ["config.json", "tokenizer.json"] {
        fs::copy(model(&format!("llama/{name}")), folder.path(name)).unwrap();
    }
    write_shards(&folder, &model("llama/model.safetensors"));
    let path = folder.text("");
    let report: Value = serde_json::from_str(&prints(&["inspect", &path, "--json"])).unwrap();
    assert_eq!((&report["parts"], report["sha256"].as_array().unwrap().len()), (&2.into(), 2));
    let text = prints(&["inspect", &path, "--no-hash"]);
    assert!(text.contains(" in 2 files, safetensors\n"), "{text}");
    fs::remove_file(folder.path("model-00002-of-00002.safetensors")).unwrap();
    fails(&["inspect", &path], &["model-00002-of-00002.safetensors: expected this file"]);
}

/// A file's tensors in two files, and the index of them.
fn write_shards(folder: &Folder, file: &str) {
    let mut source = Safetensors::open(open(file)).unwrap();
    let mut index = serde_json::Map::new();
    let tensors = source.tensors().to_vec();
    for (number, tensors) in (1..).zip(tensors.chunks(tensors.len().div_ceil(2))) {
        let name = format!("model-{number:05}-of-00002.safetensors");
        let entry = |tensor: &TensorInfo| {
            index.insert(tensor.name.clone(), name.as_str().into());
            let bytes = source.read_tensor(tensor).unwrap();
            Entry { name: tensor.name.clone(), dtype: tensor.dtype, shape: tensor.shape.clone(), bytes }
        };
        let entries: Vec<Entry> = tensors.iter().map(entry).collect();
        write(File::create(folder.path(&name)).unwrap(), &[], &entries).unwrap();
    }
    let index = serde_json::json!({"weight_map": index}).to_string();
    fs::write(folder.path("model.safetensors.index.json"), index).unwrap();
}

fn open(path: &str) -> Source<File> {
    Source::new(path, File::open(path).unwrap()).unwrap()
}

/// The ids are transformers' string through `tokenizers`.
#[test]
fn rows_are_dumped_as_training_sees_them() {
    let folder = Folder::new("data");
    let (data, dump) = (folder.text("rows.csv"), folder.text("rows.jsonl"));
    fs::write(&data, "\u{feff}question,answer\r\nOne and one?,Two.\r\nNothing,\r\n").unwrap();
    let map = ["--map", "question=prompt", "--map", "answer=completion"];
    let more = ["--preview", "1", "--dump", &dump];
    let text = prints(&[&["data", &data, "--model", &smollm2()][..], &map, &more].concat());
    assert!(text.contains("line 2: 38 tokens, 3 learned\n<|im_start|>|system|⏎|\n"), "{text}");
    assert!(text.contains("[Two][.][<|im_end|>]⏎|\n"), "{text}");
    for words in [
        "format          prompt and completion",
        "rows kept       1\nrows dropped    1\n  1 × `completion`: expected a text (first: line 3: an empty one)",
        "missing EOS     0",
        "longest row     38 tokens",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let row: Value = serde_json::from_str(fs::read_to_string(&dump).unwrap().trim_end()).unwrap();
    let ids = [
        1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407, 19712,
        8182, 2, 198, 1, 4093, 198, 2705, 284, 582, 47, 2, 198, 1, 520, 9531, 198, 10345, 30, 2, 198,
    ];
    let mask = [vec![0; 34], vec![1, 1, 1, 0]].concat();
    assert_eq!(row, serde_json::json!({"ids": ids.as_slice(), "mask": mask}));
}

#[test]
fn a_dump_never_takes_the_place_of_the_examples() {
    let folder = Folder::new("data-itself");
    let data = folder.text("rows.jsonl");
    let examples = "{\"prompt\": \"a\", \"completion\": \"b\"}\n".repeat(8);
    fs::write(&data, &examples).unwrap();
    fails(
        &["data", &data, "--model", &smollm2(), "--dump", &data],
        &["--dump would write over", "rows.jsonl"],
    );
    assert_eq!(fs::read_to_string(&data).unwrap(), examples);
    assert_eq!(folder.names(), ["rows.jsonl"], "nothing is left beside it");
}

/// Nor that of any other file: only dumps and empty files are written anew, named by a person or not.
#[test]
fn a_dump_replaces_nothing_but_dumps() {
    let folder = Folder::new("data-others");
    let (data, dump) = (folder.text("rows.jsonl"), folder.text("seen.jsonl"));
    fs::write(&data, "{\"prompt\": \"a\", \"completion\": \"b\"}\n".repeat(8)).unwrap();
    let model = smollm2();
    let arguments = ["data", &data, "--model", &model, "--eval-split", "0.5", "--dump", &dump];
    for name in ["seen.jsonl", "seen.eval.jsonl", "seen.jsonl.part", "seen.eval.jsonl.part"] {
        let other = folder.path(name);
        fs::write(&other, "{\"mine\": 1}\n").unwrap();
        fails(&arguments, &[name, "is there already, and --dump did not write it"]);
        assert_eq!(fs::read_to_string(&other).unwrap(), "{\"mine\": 1}\n");
        assert_eq!(folder.names().len(), 2, "{:?}", folder.names());
        fs::remove_file(other).unwrap();
    }
    fs::write(&dump, "").unwrap();
    for _ in 0..2 {
        prints(&arguments);
        assert_eq!(folder.names(), ["rows.jsonl", "seen.eval.jsonl", "seen.jsonl"]);
        assert_eq!(fs::read_to_string(&dump).unwrap().lines().count(), 4);
    }
}

#[test]
fn a_pipe_hears_how_far_reading_is() {
    let folder = Folder::new("data-long");
    let (data, row) = (folder.text("rows.jsonl"), "{\"prompt\": \"a\", \"completion\": \"b\"}\n");
    let mut rows = 20_000;
    let ended = loop {
        fs::write(&data, row.repeat(rows)).unwrap();
        let start = Instant::now();
        let ended = run(&["data", &data, "--model", &smollm2(), "--packing"]);
        if start.elapsed() > Duration::from_secs(2) {
            break ended;
        }
        rows *= 2;
    };
    let read: Vec<_> = ended.err.lines().filter(|line| line.starts_with("rendering ")).collect();
    assert!(!read.is_empty() && read.iter().all(|line| line.ends_with(" %")), "{ended:?}");
    assert!(ended.err.contains(&format!("packing {rows} documents\n")), "{ended:?}");
    assert!(!ended.err.contains('\r'), "{ended:?}");
}

/// Ids and mask of each document that training sees, row by row.
type Seen = Vec<Vec<(Vec<u64>, Vec<u64>)>>;

fn seen(data: &Data) -> Seen {
    let document = |one: &smolder_trainer::data::Sequence| {
        (one.ids.iter().map(|id| u64::from(*id)).collect(), one.mask.iter().map(|m| u64::from(*m)).collect())
    };
    data.documents().map(|row| row.iter().map(document).collect()).collect()
}

/// The same from a file that `--dump` wrote; without `starts`, a row is one document.
fn dumped(path: &Path) -> Seen {
    let numbers = |value: &Value| -> Vec<u64> {
        value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
    };
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let (ids, mask) = (numbers(&row["ids"]), numbers(&row["mask"]));
        let starts = row.get("starts").map_or_else(|| vec![0], numbers);
        let ends = starts.iter().skip(1).copied().chain([ids.len() as u64]);
        let range = |(start, end): (&u64, u64)| *start as usize..end as usize;
        let documents = starts.iter().zip(ends).map(range);
        documents.map(|range| (ids[range.clone()].to_vec(), mask[range].to_vec())).collect()
    };
    fs::read_to_string(path).unwrap().lines().map(row).collect()
}

/// Two dozen pairs, of which one cannot be used.
fn pairs() -> String {
    let pair = |n: usize| {
        let (asked, answered) = ("Why? ".repeat(n % 5 + 1), "So. ".repeat(n % 7));
        serde_json::json!({"prompt": format!("{n} {asked}"), "completion": answered}).to_string()
    };
    (1..=24).filter(|n| n % 7 > 0 || *n == 7).map(pair).collect::<Vec<_>>().join("\n")
}

#[test]
fn splits_and_packed_rows_are_those_of_training() {
    let folder = Folder::new("splits");
    let (data, dump) = (folder.text("rows.jsonl"), folder.text("seen.jsonl"));
    fs::write(&data, pairs()).unwrap();
    let config = TrainConfig {
        raw: true,
        seq_len: 48,
        packing: true,
        eval_split: Some(0.25),
        seed: 3,
        ..TrainConfig::default()
    };
    let metadata = GgufFile::open(open(&smollm2())).unwrap().header.metadata;
    let (tokenizer, template) = (Tokenizer::from_gguf(&metadata).unwrap(), ChatTemplate::new(None).unwrap());
    let (rows, _) = load_rows(open(&data), (&tokenizer, &template), &config, today()).unwrap();
    let Examples { train, eval } = Examples::new(rows.rows.clone(), None, &config).unwrap();
    let eval = eval.unwrap();

    let base = ["data", &data, "--model", &smollm2(), "--raw", "--seq-len", "48"];
    let more = ["--packing", "--eval-split", "0.25", "--dump", &dump, "--seed"];
    let text = prints(&[&base[..], &more, &["3"]].concat());
    let (packed, kept_back) = (dumped(Path::new(&dump)), dumped(&folder.path("seen.eval.jsonl")));
    assert_eq!((&packed, &kept_back), (&seen(&train), &seen(&eval)));
    assert!(packed.len() * 2 < packed.concat().len(), "{} rows are no packing", packed.len());
    for line in [
        format!(
            "packed          {} documents into {} rows of 48 tokens, ",
            packed.concat().len(),
            packed.len()
        ),
        format!(
            "to train on     {} rows, {} tokens, of which {} learned",
            train.rows(),
            train.tokens(),
            train.labels()
        ),
        format!("to evaluate on  5 rows, {} tokens, of which {} learned", eval.tokens(), eval.labels()),
    ] {
        assert!(text.contains(&line), "{line:?} is not in {text}");
    }
    let report: Value =
        serde_json::from_str(&prints(&[&base[..], &more, &["3", "--json"]].concat())).unwrap();
    assert_eq!(report["train"]["documents"], packed.concat().len());
    assert_eq!((&report["eval"]["rows"], &report["audit"]["kept"]), (&5.into(), &21.into()));

    prints(&[&base[..], &more, &["4"]].concat());
    assert_ne!(dumped(&folder.path("seen.eval.jsonl")), kept_back, "another seed keeps other rows back");
    prints(&[&base[..], &["--dump", &dump]].concat());
    let [mut whole, mut divided] =
        [dumped(Path::new(&dump)).concat(), [packed.concat(), kept_back.concat()].concat()];
    whole.sort_unstable();
    divided.sort_unstable();
    assert_eq!(whole, divided, "no document is lost");

    let apart = Examples::new(rows.rows, None, &TrainConfig { packing: false, ..config }).unwrap();
    prints(&[&base[..], &["--eval-split", "0.25", "--seed", "3", "--dump", &dump]].concat());
    assert_eq!(dumped(Path::new(&dump)), seen(&apart.train));
    assert_eq!(dumped(&folder.path("seen.eval.jsonl")), seen(&apart.eval.unwrap()));
    assert!(!folder.path("seen.jsonl.part").exists());
}

#[test]
fn settings_that_cannot_train_are_refused_as_there() {
    let folder = Folder::new("settings");
    let data = folder.text("rows.jsonl");
    fs::write(&data, pairs()).unwrap();
    for (flags, words) in [
        (["--eval-split", "1.5"], "eval_split: expected more than 0 and less than 1, found 1.5"),
        (["--seq-len", "1"], "seq_len: expected 2 or more"),
    ] {
        fails(&[&["data", &data, "--model", &smollm2()][..], &flags].concat(), &[words]);
    }
    let ended = run(&["data", &data, "--model", &model("llama")]);
    assert!(ended.err.contains("rows have at most 128 tokens"), "{ended:?}");
}

#[test]
fn a_preview_shows_both_sides_of_a_pair() {
    let folder = Folder::new("pairs");
    let data = folder.text("pairs.jsonl");
    fs::write(&data, r#"{"prompt":"a","chosen":"yes","rejected":"no"}"#).unwrap();
    let text = prints(&["data", &data, "--model", &smollm2(), "--preview", "1"]);
    assert!(text.contains("line 1, chosen: ") && text.contains("[yes][<|im_end|>]"), "{text}");
    assert!(text.contains("line 1, rejected: ") && text.contains("[no][<|im_end|>]"), "{text}");
}

#[test]
fn a_folder_reads_like_a_file() {
    let folder = Folder::new("folders");
    let data = folder.text("rows.jsonl");
    fs::write(&data, r#"{"text":"one two"}"#).unwrap();
    let ended = run(&["data", &data, "--model", &model("llama")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("the built-in ChatML is used"), "{ended:?}");
}

#[test]
fn rows_that_cannot_be_split_and_folders_are_told_of() {
    let folder = Folder::new("single");
    let data = folder.text("rows.jsonl");
    fs::write(&data, "{}\n{\"text\":\"one two three\"}\n").unwrap();
    let text = prints(&["data", &data, "--model", &smollm2(), "--eval-split", "0.5"]);
    for words in ["1 × columns: expected", "(first: line 1: none)", "to evaluate on  none: a single row"] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    fails(&["data", &folder.text(""), "--model", &smollm2()], &["is a folder: a file is read here"]);
}

#[test]
fn columns_that_say_nothing_are_to_be_mapped() {
    let folder = Folder::new("columns");
    let data = folder.text("rows.jsonl");
    fs::write(&data, r#"{"question":"a","answer":"b"}"#).unwrap();
    fails(
        &["data", &data, "--model", &smollm2()],
        &["rows.jsonl: columns: ", "found question, answer", "--map question=prompt"],
    );
}
