//! `smolder merge` and `smolder export`: what is written computes what base and adapter compute.

use crate::adapters::{ENDS, peft, trained};
use crate::program::{Folder, assert_logits, fails, fixtures, json, prints};
use serde_json::Value;
use smolder_formats::adapter::{LoraAdapter, LoraPair, Module};
use smolder_formats::gguf::{Gguf, GgufFile};
use smolder_formats::safetensors::Safetensors;
use smolder_formats::{Dtype, Source, TensorSource};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

const LLAMA: &str = "llama-lora/start-padded";
const QWEN: &str = "qwen2-lora/start-padded";

/// Merges a run's adapter into `merged.gguf` of a folder.
fn merged(run: &str, kind: &[&str]) -> Folder {
    let (model, _, adapter) = trained(run);
    let folder = Folder::new(&format!("merge-{}-{}", run.replace('/', "-"), kind.concat()));
    let (file, adapter) = (folder.text("merged.gguf"), adapter.to_str().unwrap());
    let base = ["merge", "--model", &model, "--adapter", adapter, "--out", &file, "--no-loss"];
    let said = prints(&[&base[..], kind].concat());
    assert!(said.starts_with(&file), "{said}");
    folder
}

/// Compares what a merged model computes with what PEFT computes.
fn computes(run: &str, kind: &[&str], tolerance: f32) {
    let (_, ids, adapter) = trained(run);
    let folder = merged(run, kind);
    let (file, out) = (folder.text("merged.gguf"), folder.text("logits"));
    prints(&["logits", "--model", &file, "--ids", &ids, "--device", "cpu", "--out", &out]);
    assert_logits(Path::new(&out), &adapter.join("logits.safetensors"), tolerance);
}

fn open(folder: &Folder) -> GgufFile<File> {
    let file = File::open(folder.path("merged.gguf")).unwrap();
    GgufFile::open(Source::new("merged", file).unwrap()).unwrap()
}

/// A tensor's numbers.
fn numbers(file: &mut GgufFile<File>, name: &str) -> Vec<f32> {
    let info = file.require(name).unwrap().clone();
    file.read_f32(&info).unwrap()
}

fn header(file: &Path) -> Gguf {
    Gguf::read(&mut Source::new("merged", File::open(file).unwrap()).unwrap()).unwrap()
}

fn types(gguf: &Gguf) -> BTreeMap<&str, Dtype> {
    gguf.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.dtype)).collect()
}

#[test]
fn a_merged_model_computes_what_base_and_adapter_compute() {
    computes(LLAMA, &["--type", "f32"], 5e-5);
    computes(QWEN, &["--type", "f32"], 5e-5);
    // Eleven bits of logits up to 10, two layers deep.
    computes(LLAMA, &["--type", "f16"], 3e-2);
}

/// A pair's change of its table `[vocabulary, width]`: s·B·A for a head, s·(B·A)ᵀ for an embedding.
fn change(pair: &LoraPair) -> Vec<f32> {
    let (rank, inputs) = (pair.scale.rank as usize, pair.inputs as usize);
    let product = |out: usize, at: usize| {
        let terms = (0..rank).map(|k| f64::from(pair.b[out * rank + k]) * f64::from(pair.a[k * inputs + at]));
        (terms.sum::<f64>() * pair.scale.factor()) as f32
    };
    let (outputs, head) = (pair.outputs as usize, pair.module == Module::Head);
    let [rows, cols] = if head { [outputs, inputs] } else { [inputs, outputs] };
    let at = |row, col| if head { product(row, col) } else { product(col, row) };
    (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))).map(|(row, col)| at(row, col)).collect()
}

/// How far a number may be from the one that was stored, for the largest of its block: half a step of the type, and the
/// scale's 16 bits; `Q4_0` has a step less on one side.
fn rounding(dtype: Dtype) -> f32 {
    let steps = match dtype {
        Dtype::Q4_0 => 1.0 / 8.0,
        Dtype::Q8_0 => 0.5 / 127.0,
        Dtype::F16 => 0.0,
        other => panic!("{other}"),
    };
    steps + 5e-4
}

#[test]
fn an_embedding_that_was_the_head_becomes_two_tables() {
    for run in ENDS {
        let ((base, _, adapter), folder) = (trained(run), merged(run, &["--type", "f32"]));
        let lora = LoraAdapter::from_peft(peft(&adapter)).unwrap();
        let mut base = GgufFile::open(Source::new("base", File::open(base).unwrap()).unwrap()).unwrap();
        let mut merged = open(&folder);
        for (module, name) in [(Module::Embedding, "token_embd.weight"), (Module::Head, "output.weight")] {
            let pair = lora.pairs.iter().find(|pair| pair.module == module).unwrap();
            let from = base.find(name).map_or("token_embd.weight", |_| name);
            let before = numbers(&mut base, from);
            let expected: Vec<f32> = before.iter().zip(change(pair)).map(|(old, new)| old + new).collect();
            let found = numbers(&mut merged, name);
            let rounding = rounding(merged.require(name).unwrap().dtype);
            let width = pair.outputs.min(pair.inputs) as usize;
            let misses = |found: &[f32]| {
                let rows = found.chunks(width).zip(expected.chunks(width));
                let blocks = rows.flat_map(|(found, expected)| found.chunks(32).zip(expected.chunks(32)));
                let missed = |(found, expected): (&[f32], &[f32])| {
                    let largest = expected.iter().fold(0.0_f32, |best, value| best.max(value.abs()));
                    found.iter().zip(expected).filter(|(a, b)| (*a - *b).abs() > largest * rounding).count()
                };
                blocks.map(missed).sum::<usize>()
            };
            assert_eq!(misses(&found), 0, "{run} {name}");
            assert!(misses(&before) > 0, "{run} {name}: the change is seen");
        }
    }
    // F16 keeps eleven bits of tables whose logits end at 5.
    computes(ENDS[2], &["--type", "f32"], 5e-3);
}

#[test]
fn the_loss_that_storing_costs_is_measured() {
    let (model, _, adapter) = trained(LLAMA);
    let folder = Folder::new("merge-data");
    let (file, data) = (folder.text("merged.gguf"), folder.text("data.jsonl"));
    fs::write(&data, "{\"text\": \"one and the sea\"}\n{\"text\": \"the end of the land\"}\n").unwrap();
    let adapter = adapter.to_str().unwrap();
    let base = ["merge", "--model", &model, "--adapter", adapter, "--out", &file, "--device", "cpu"];
    let said = |kind| prints(&[&base[..], &["--data", &data, "--type", kind]].concat());
    let exact = said("f32");
    assert!(exact.contains(&format!("loss on {data}: ")) && exact.contains("0.0000)"), "{exact}");
    assert!(!said("q4_0").contains("0.0000)"), "four bits cost something");
    let said = prints(&[&base[..], &["--type", "q4_0"]].concat());
    assert!(said.contains("loss on instructions-en: "), "{said}");
    let said = prints(&[&base[..], &["--no-loss"]].concat());
    assert!(!said.contains("loss"), "{said}");
}

#[test]
fn quantized_weights_are_the_nearest_to_the_merged_ones() {
    let (exact, quantized) = (merged(LLAMA, &["--type", "f32"]), merged(LLAMA, &["--type", "q8_0"]));
    let (mut exact, mut quantized) = (open(&exact), open(&quantized));
    let tensors = quantized.tensors().to_vec();
    let quantized_tensors =
        tensors.iter().filter(|one| one.dtype == Dtype::Q8_0 && one.name.starts_with("blk."));
    let mut compared = 0;
    for tensor in quantized_tensors {
        let (found, expected) = (numbers(&mut quantized, &tensor.name), numbers(&mut exact, &tensor.name));
        for (found, expected) in found.chunks(32).zip(expected.chunks(32)) {
            let largest = expected.iter().fold(0.0_f32, |best, value| best.max(value.abs()));
            // Half a step, and the step itself rounded to 16 bits.
            let allowed = largest / 127.0 * 0.5 + largest * 5e-4;
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= allowed), "{}", tensor.name);
        }
        compared += 1;
    }
    assert!(compared >= 14, "{compared}");
}

#[test]
fn only_projections_are_stored_in_the_type_that_is_asked_for() {
    let folder = merged(LLAMA, &["--type", "q8_0"]);
    let merged = header(&folder.path("merged.gguf"));
    let (model, ..) = trained(LLAMA);
    let base = header(Path::new(&model));
    for (name, dtype) in types(&merged) {
        let projection = name.starts_with("blk.") && !name.contains("norm");
        assert_eq!(dtype, if projection { Dtype::Q8_0 } else { types(&base)[name] }, "{name}");
    }
    assert_eq!(merged.metadata.integer("general.file_type"), Ok(Some(7)));
    let keys = |gguf: &Gguf| gguf.metadata.iter().filter(|(key, _)| *key != "general.file_type").count();
    assert_eq!(keys(&merged), keys(&base));
}

#[test]
fn without_a_type_only_what_cannot_be_written_changes_it() {
    let folder = merged(QWEN, &[]);
    let merged = header(&folder.path("merged.gguf"));
    let (model, ..) = trained(QWEN);
    let (base, merged) = (header(Path::new(&model)), types(&merged));
    for (name, dtype) in types(&base) {
        let expected = if dtype == Dtype::Q5_0 && name.starts_with("blk.") { Dtype::Q8_0 } else { dtype };
        assert_eq!(merged[name], expected, "{name}");
    }
    assert!(merged.values().any(|dtype| *dtype == Dtype::Q8_0));
}

#[test]
fn what_cannot_be_merged_is_refused_and_leaves_nothing() {
    let (model, _, adapter) = trained("llama-prompt/start-padded");
    let folder = Folder::new("merge-refused");
    let out = folder.text("merged.gguf");
    let merge = |model: &str, adapter: &Path, words: &[&str]| {
        let adapter = adapter.to_str().unwrap();
        fails(&["merge", "--model", model, "--adapter", adapter, "--out", &out], words);
    };
    merge(&model, &adapter, &["`peft_type`", "PROMPT_TUNING", "virtual tokens", "no place in the weights"]);
    let (other, ..) = trained(QWEN);
    merge(&other, &trained(LLAMA).2, &["as in the base model"]);
    let hf = fixtures().join("models/llama");
    merge(hf.to_str().unwrap(), &trained(LLAMA).2, &["a GGUF model"]);
    assert_eq!(folder.names(), [""; 0]);
}

/// Exports a run's adapter and returns the folder with what was written as `out`.
fn exported(run: &str, to: &str, more: &[&str]) -> Folder {
    let (_, _, adapter) = trained(run);
    let folder = Folder::new(&format!("export-{}-{to}", run.replace('/', "-")));
    let base = ["export", "--adapter", adapter.to_str().unwrap(), "--to", to, "--out"];
    assert_eq!(prints(&[&base[..], &[&folder.text("out")], more].concat()).trim_end(), folder.text("out"));
    folder
}

#[test]
fn peft_and_gguf_exports_compute_the_same() {
    for run in [LLAMA, QWEN] {
        let (model, ids, adapter) = trained(run);
        for (to, more) in [("peft", &[][..]), ("gguf", &["--model", &model])] {
            let folder = exported(run, to, more);
            let (out, logits) = (folder.text("out"), folder.text("logits"));
            let base = ["logits", "--model", &model, "--device", "cpu", "--ids", &ids];
            prints(&[&base[..], &["--adapter", &out, "--out", &logits]].concat());
            assert_logits(Path::new(&logits), &adapter.join("logits.safetensors"), 1e-4);
        }
    }
}

#[test]
fn an_embedding_that_is_the_head_is_for_peft_alone() {
    let [tied, untied, _] = ENDS;
    let (model, ids, adapter) = trained(untied);
    let folder = exported(untied, "gguf", &["--model", &model]);
    let (out, logits) = (folder.text("out"), folder.text("logits"));
    let base = ["logits", "--model", &model, "--device", "cpu", "--ids", &ids];
    prints(&[&base[..], &["--adapter", &out, "--out", &logits]].concat());
    assert_logits(Path::new(&logits), &adapter.join("logits.safetensors"), 1e-4);
    let folder = exported(untied, "mlx", &["--model", &model]);
    let config = json(&folder.path("out/adapter_config.json"));
    assert_eq!(
        config["lora_parameters"]["keys"],
        serde_json::json!(["lm_head", "mlp.down_proj", "model.embed_tokens", "self_attn.q_proj"])
    );
    let (model, _, adapter) = trained(tied);
    let (folder, adapter) = (Folder::new("export-tied"), adapter.to_str().unwrap());
    for (to, program) in [("gguf", "llama.cpp"), ("mlx", "mlx-lm")] {
        let out = folder.text("out");
        let arguments = ["export", "--adapter", adapter, "--to", to, "--out", &out, "--model", &model];
        fails(&arguments, &["model.embed_tokens", program, "merge the adapter instead"]);
    }
    fails(&["export", "--adapter", adapter, "--to", "mlx", "--out", &folder.text("out")], &["--model"]);
}

#[test]
fn mlx_gets_its_own_names_and_shapes() {
    let folder = exported(LLAMA, "mlx", &[]);
    let config = json(&folder.path("out/adapter_config.json"));
    let (_, _, adapter) = trained(LLAMA);
    let peft_config = json(&adapter.join("adapter_config.json"));
    let [rank, alpha] = ["r", "lora_alpha"].map(|key| peft_config[key].as_f64().unwrap());
    let scale = Value::from(alpha / rank);
    assert_eq!((&config["fine_tune_type"], &config["num_layers"]), (&"lora".into(), &(-1).into()));
    let parameters = &config["lora_parameters"];
    assert_eq!((&parameters["rank"], &parameters["scale"]), (&peft_config["r"], &scale));
    let keys: Vec<&str> =
        parameters["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    assert!(keys.contains(&"self_attn.q_proj") && keys.contains(&"mlp.down_proj"), "{keys:?}");

    let open = |path: &Path| Safetensors::open(Source::new("a", File::open(path).unwrap()).unwrap()).unwrap();
    let mut mlx = open(&folder.path("out/adapters.safetensors"));
    let mut peft = open(&adapter.join("adapter_model.safetensors"));
    let table = peft.tensors().to_vec();
    assert_eq!(mlx.tensors().len(), table.len());
    for theirs in table {
        let path = theirs.name.strip_prefix("base_model.model.").unwrap();
        let name = path.replace("lora_A.weight", "lora_a").replace("lora_B.weight", "lora_b");
        let ours = mlx.require(&name).unwrap().clone();
        let [rows, cols] = theirs.shape[..] else { panic!("{path} is no matrix") };
        assert_eq!(ours.shape, [cols, rows], "{name}");
        let (ours, theirs) = (mlx.read_f32(&ours).unwrap(), peft.read_f32(&theirs).unwrap());
        let (rows, cols) = (rows as usize, cols as usize);
        let same = |at: usize| ours[at % cols * rows + at / cols].to_bits() == theirs[at].to_bits();
        assert!((0..rows * cols).all(same), "{name}");
    }
}

#[test]
fn exports_say_what_they_need() {
    let (_, _, adapter) = trained(LLAMA);
    let folder = Folder::new("export-refused");
    let (adapter, out) = (adapter.to_str().unwrap(), folder.text("out"));
    fails(&["export", "--adapter", adapter, "--to", "gguf", "--out", &out], &["--model"]);
    let (_, _, prompt) = trained("llama-prompt/start-padded");
    let prompt = prompt.to_str().unwrap();
    fails(&["export", "--adapter", prompt, "--to", "mlx", "--out", &out], &["PROMPT_TUNING"]);
    let gguf = exported(QWEN, "gguf", &["--model", &trained(QWEN).0]);
    let words = ["GGUF LoRA", "--model"];
    fails(&["export", "--adapter", &gguf.text("out"), "--to", "peft", "--out", &out], &words);
    fs::remove_dir_all(folder.path("")).unwrap();
}
