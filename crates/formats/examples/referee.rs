//! Writes files for software that shares no code with this crate; `tests/fixtures/formats/adapters.py` runs it.
//!
//! `referee adapter IN OUT ARCHITECTURE HEADS KV_HEADS` reads an adapter and writes it in another form: a PEFT
//! directory, one `.safetensors` file, or a `.gguf` file. `referee floats IN.gguf OUT.gguf` writes a model's weights
//! as 32-bit floats.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use smolder_formats::adapter::{BaseIdentity, Heads, LoraAdapter, PeftAdapter, read_gguf, write_gguf};
use smolder_formats::gguf::{GgufFile, GgufWriter, TensorPlan};
use smolder_formats::{Dtype, Sha256Hash, Source, TensorSource};

type Outcome<T> = Result<T, Box<dyn Error>>;

const WEIGHTS: &str = "adapter_model.safetensors";
const CONFIG: &str = "adapter_config.json";

fn source(path: &Path) -> Outcome<Source<File>> {
    Ok(Source::new(path.display().to_string(), File::open(path)?)?)
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn read(path: &Path, architecture: &str, heads: Heads) -> Outcome<LoraAdapter> {
    if is(path, "gguf") {
        return Ok(read_gguf(source(path)?, architecture, heads)?);
    }
    let peft = if is(path, "safetensors") {
        PeftAdapter::read(source(path)?, None)?
    } else {
        PeftAdapter::read(source(&path.join(WEIGHTS))?, Some(&fs::read(path.join(CONFIG))?))?
    };
    Ok(LoraAdapter::from_peft(peft)?)
}

fn write(adapter: &mut LoraAdapter, path: &Path, architecture: &str, heads: Heads) -> Outcome<()> {
    if is(path, "gguf") {
        write_gguf(adapter, architecture, heads, BufWriter::new(File::create(path)?))?;
        return Ok(());
    }
    let [file, table, tokenizer, template] = [&b"f"[..], b"t", b"k", b"c"].map(Sha256Hash::of);
    adapter.base.get_or_insert_with(|| BaseIdentity::new("a base model", file, table, tokenizer, template));
    let peft = adapter.to_peft();
    if is(path, "safetensors") {
        return Ok(peft.write_weights(BufWriter::new(File::create(path)?))?);
    }
    fs::create_dir_all(path)?;
    fs::write(path.join(CONFIG), adapter.config.to_json())?;
    Ok(peft.write_weights(BufWriter::new(File::create(path.join(WEIGHTS))?))?)
}

fn floats(from: &Path, to: &Path) -> Outcome<()> {
    let mut model = GgufFile::open(source(from)?)?;
    let tensors = model.tensors().to_vec();
    let plan = |tensor: &smolder_formats::TensorInfo| TensorPlan {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        dtype: Dtype::F32,
    };
    let out = BufWriter::new(File::create(to)?);
    let mut writer = GgufWriter::begin(out, &model.header.metadata, tensors.iter().map(plan).collect())?;
    for tensor in &tensors {
        writer.write_f32(&model.read_f32(tensor)?)?;
    }
    writer.finish()?;
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["adapter", from, to, architecture, queries, keys] => {
            let heads = Heads { queries: queries.parse()?, keys: keys.parse()? };
            let mut adapter = read(Path::new(from), architecture, heads)?;
            write(&mut adapter, Path::new(to), architecture, heads)
        }
        ["floats", from, to] => floats(Path::new(from), Path::new(to)),
        _ => {
            Err("referee adapter IN OUT ARCHITECTURE HEADS KV_HEADS | referee floats IN.gguf OUT.gguf".into())
        }
    }
}
