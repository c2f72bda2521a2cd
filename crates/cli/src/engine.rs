//! A model on a device, ready to compute: what `generate`, `chat` and `logits` share.

use crate::interrupt::{Interrupt, Stopped};
use crate::library::resolve;
use crate::output::{remark, tell};
use crate::progress::percent;
use crate::whole::spare;
use crate::{adapter, open};
use anyhow::{Context, Error, Result, anyhow};
use smolder_formats::template::ChatTemplate;
use smolder_formats::tokenizer::Tokenizer;
use smolder_kernels::burn::tensor::Device;
use smolder_kernels::gpu::{Gpu, GpuError, LimitsWanted};
use smolder_models::generate::GenerateError;
use smolder_models::peft::{self, Adapter, Base};
use smolder_models::{LoadError, Model, Opened};
use smolder_trainer::compute::Compute;
use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Instant;

/// Which model, and where it computes.
#[derive(clap::Args)]
pub struct Options {
    /// A GGUF file, a folder in Hugging Face's layout, a name from `smolder models`, or organisation/repository at the hub.
    #[arg(long)]
    model: PathBuf,
    /// An adapter for it: PEFT's folder, a safetensors file that carries its config, or a GGUF LoRA.
    #[arg(long)]
    adapter: Option<PathBuf>,
    /// Use the adapter even if it was trained on another model, where its shapes fit.
    #[arg(long, requires = "adapter")]
    force: bool,
    /// Where to compute; auto takes a GPU, unless there is none but a software renderer.
    #[arg(long, value_enum, default_value = "auto")]
    device: Wanted,
}

impl Options {
    /// A model, perhaps with an adapter that is known to fit.
    pub fn new(model: PathBuf, adapter: Option<PathBuf>, device: Wanted) -> Self {
        Self { model, force: adapter.is_some(), adapter, device }
    }

    /// Refuses to write over what they name.
    pub fn spare(&self, target: &Path) -> Result<()> {
        let (model, adapter) = (resolve(&self.model)?, self.adapter.as_deref().unwrap_or(&self.model));
        spare(target, &[&model, adapter])
    }
}

/// Where to compute.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Wanted {
    Auto,
    Gpu,
    Cpu,
}

/// A loaded model.
pub struct Engine {
    pub model: Model,
    pub adapter: Box<dyn Adapter>,
    pub tokenizer: Tokenizer,
    pub template: ChatTemplate,
    /// Tokens that end a text or an answer.
    pub ends: Vec<u32>,
    pub interrupt: Interrupt,
    gpu: Option<Gpu>,
}

impl Engine {
    /// Opens and loads a model, and says where.
    pub fn start(options: &Options) -> Result<Self> {
        let start = Instant::now();
        let mut opened = open::weights(&options.model)?;
        let interrupt = Interrupt::watch()?;
        let file = options.adapter.as_ref().map(|path| adapter::read(path, &mut opened, options.force));
        let file = file.transpose()?;
        let opening = start.elapsed().as_secs_f64();
        let (device, gpu) = choose(options.device)?;
        let choosing = start.elapsed().as_secs_f64() - opening;
        let (model, adapter) = attempt(gpu.as_ref(), || {
            let model = load(&mut opened, &device, &interrupt)?;
            let adapter = file.map_or_else(|| Ok(Box::new(Base) as _), |file| peft::load(&file, &model));
            let name = options.adapter.as_deref().map(Path::to_string_lossy).unwrap_or_default();
            Ok((model, adapter.map_err(|error| error.in_file(&name))?))
        })?;
        let loading = start.elapsed().as_secs_f64() - opening - choosing;
        remark(&format!(
            "Model opened in {opening:.2} s, device in {choosing:.2} s, loaded in {loading:.2} s."
        ));
        let Opened { tokenizer, template, ends, .. } = opened;
        Ok(Self { model, adapter, tokenizer, template, ends, interrupt, gpu })
    }

    /// Where the model is.
    pub fn compute(&self) -> Compute {
        self.gpu.clone().map_or_else(Compute::cpu, Compute::gpu)
    }

    /// Computes with the model; where that fails, the GPU's own report goes before what it led to.
    pub fn attempt<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        attempt(self.gpu.as_ref(), work)
    }
}

fn load(opened: &mut Opened<File>, device: &Device, interrupt: &Interrupt) -> Result<Model> {
    let config = opened.config.clone();
    let mut show = percent("loading");
    let mut progress = |done, total| {
        show(done, total);
        interrupt.flow()
    };
    let loaded = pollster::block_on(Model::load(opened.weights.source(), config, device, &mut progress));
    loaded.map_err(|error| match error {
        LoadError::Cancelled => Error::new(Stopped),
        other => other.into(),
    })
}

/// The device to use, and the GPU behind it.
fn choose(wanted: Wanted) -> Result<(Device, Option<Gpu>)> {
    let gpu = match wanted {
        Wanted::Cpu => None,
        Wanted::Gpu => Some(open_gpu().context("try --device cpu, or `smolder devices` for advice")?),
        Wanted::Auto => usable(open_gpu()),
    };
    Ok((gpu.as_ref().map_or_else(Device::flex, |gpu| gpu.device.clone()), gpu))
}

fn open_gpu() -> Result<Gpu> {
    attempt(None, || Ok(pollster::block_on(Gpu::open(LimitsWanted::Adapter))?))
}

/// The GPU, if it is faster than the CPU: a software renderer is not.
fn usable(opened: Result<Gpu>) -> Option<Gpu> {
    match opened {
        Ok(gpu) if gpu.info.device_type != wgpu::DeviceType::Cpu => {
            tell!("Computing on the GPU: {}.", gpu.info.name);
            Some(gpu)
        }
        Ok(gpu) => {
            tell!("Computing on the CPU: {} is a software renderer and slower.", gpu.info.name);
            None
        }
        Err(error) => {
            tell!("Computing on the CPU: {error:#}.");
            None
        }
    }
}

/// Does work that may fail on the GPU, which reports what went wrong apart from results, or inside burn, which panics.
fn attempt<T>(gpu: Option<&Gpu>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = caught(work).and_then(|result| result).map_err(with_advice);
    match gpu.map(|gpu| caught(|| gpu.check())) {
        Some(Ok(Err(reason))) => Err(advised(&reason)),
        Some(Err(broken)) => result.and(Err(broken)),
        Some(Ok(Ok(()))) | None => result,
    }
}

/// What helps where memory is short.
const LESS: &str = "close other programs, take a smaller model, fewer prompts or fewer tokens";

fn with_advice(error: Error) -> Error {
    match error.downcast_ref() {
        Some(GenerateError::Memory { .. }) => anyhow!("{error}\n{LESS}"),
        Some(GenerateError::Device(_)) => anyhow!("{error}\n{LESS}, or use --device cpu"),
        _ => error,
    }
}

fn advised(error: &GpuError) -> Error {
    let advice = match error {
        GpuError::Lost(_) => "try again; if it happens again, update its driver",
        GpuError::OutOfMemory => LESS,
        GpuError::Rejected(_) => "this is a fault of Smolder's, please report it",
    };
    anyhow!("{error}\n{advice}, or use --device cpu")
}

/// Turns a panic into an error, without what Rust prints of it.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    static SILENCE: Once = Once::new();
    static LAST: Mutex<String> = Mutex::new(String::new());
    SILENCE.call_once(|| {
        let loud = std::env::var_os("RUST_BACKTRACE").is_some().then(panic::take_hook);
        panic::set_hook(Box::new(move |info| {
            *LAST.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
            if let Some(hook) = &loud {
                hook(info);
            }
        }));
    });
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let what = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        anyhow!("an operation failed inside: {what}\nthis is a fault of Smolder's or of a driver, please report it")
    })
}
