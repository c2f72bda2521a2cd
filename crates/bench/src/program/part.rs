//! One part, measured in this process.

use super::{Arguments, What, Where};
use anyhow::{Context, Result};
use pollster::block_on;
use smolder_bench::{Loaded, Part, SIZES, Timing, generate, kernels, row, start, train};
use smolder_formats::{Error, Source};
use smolder_kernels::burn::tensor::Device;
use smolder_kernels::compute_on_this_thread;
use smolder_kernels::gpu::{Gpu, LimitsWanted};
use smolder_models::Opened;
use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

/// Measures and prints it as JSON.
pub fn run(arguments: &Arguments) -> Result<()> {
    compute_on_this_thread();
    let what = arguments.only.first().context("--part needs --only")?;
    let place = arguments.device.first().context("--part needs --device")?;
    let mut part = measure(arguments, *what, *place)?;
    part.hardware = if *place == Where::Cpu { processor() } else { part.hardware };
    println!("{}", serde_json::to_string(&part)?);
    Ok(())
}

fn measure(arguments: &Arguments, what: What, place: Where) -> Result<Part> {
    if what == What::Kernels {
        let wanted = |name: &str| arguments.sizes.is_empty() || arguments.sizes.iter().any(|one| one == name);
        let sizes: Vec<_> = SIZES.into_iter().filter(|sizes| wanted(sizes.name)).collect();
        let place = open(place)?;
        let each = &mut |timing: &Timing| eprint!("    {}", row(timing));
        let part = block_on(kernels(&place.device, &sizes, each))?;
        place.check()?;
        return Ok(Part { hardware: place.name, ..part });
    }
    let (loaded, place) = ready(&arguments.model, place)?;
    let part = match what {
        What::Generate => block_on(generate(&loaded, fs::metadata(&arguments.model)?.len()))?,
        _ => block_on(train(&loaded))?,
    };
    place.check()?;
    Ok(Part { hardware: place.name, ..part })
}

fn ready(model: &Path, place: Where) -> Result<(Loaded, Opening)> {
    let begun = Instant::now();
    let opened = opened(model)?;
    let file = begun.elapsed().as_secs_f64();
    let place = open(place)?;
    let opening = begun.elapsed().as_secs_f64() - file;
    let before = [("opening the file", file), ("opening the device", opening)];
    Ok((block_on(start(opened, &place.device, &before))?, place))
}

/// A GGUF of one file.
fn opened(path: &Path) -> Result<Opened<File>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().context("--model names no file")?.to_string_lossy();
    let mut find = |name: &str| {
        let file = File::open(folder.join(name)).map_err(|error| Error::io("file", &error).in_file(name))?;
        Source::new(name, file).map(Some)
    };
    Ok(Opened::gguf(&name, &mut find)?)
}

/// A device that is measured.
struct Opening {
    device: Device,
    /// A GPU's.
    name: String,
    gpu: Option<Gpu>,
}

impl Opening {
    /// What a GPU refused it did not compute: such times are none.
    fn check(&self) -> Result<()> {
        self.gpu.as_ref().map_or(Ok(()), Gpu::check).context("the GPU did not do what was measured")
    }
}

fn open(place: Where) -> Result<Opening> {
    match place {
        Where::Cpu => Ok(Opening { device: Device::flex(), name: String::new(), gpu: None }),
        Where::Gpu => {
            let gpu = block_on(Gpu::open(LimitsWanted::Adapter))?;
            Ok(Opening { device: gpu.device.clone(), name: gpu.info.name.clone(), gpu: Some(gpu) })
        }
    }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("a processor", |(_, name)| name).to_owned()
}
