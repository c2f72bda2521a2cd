//! Opening a GPU with limits that we choose, and hearing of its errors.

use burn::tensor::Device;
use burn::tensor::wgpu::WgpuSetup;
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::Shared;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Which limits to ask the adapter for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitsWanted {
    /// All that the adapter offers.
    Adapter,
    /// WebGPU's defaults, so that a kernel which fits here fits every browser. Tests use these.
    WebGpuDefault,
}

/// Why there is no GPU to work with.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The platform offers no adapter.
    #[error("no GPU adapter: {0}")]
    NoAdapter(String),
    /// The adapter gave no device.
    #[error("the GPU refused to open: {0}")]
    DeviceRefused(String),
}

/// What went wrong on an open GPU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// The device is gone: reset driver, removed GPU, closed browser tab.
    #[error("the GPU was lost: {0}")]
    Lost(String),
    /// What was asked for does not fit.
    #[error("the GPU has not enough memory for this")]
    OutOfMemory,
    /// WebGPU rejected what we asked for: a fault of ours.
    #[error("the GPU rejected a command: {0}")]
    Rejected(String),
}

/// An open GPU.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// Where burn's tensors live.
    pub device: Device,
    /// Who made it and how it is driven.
    pub info: wgpu::AdapterInfo,
    /// What our kernels may use.
    pub limits: wgpu::Limits,
    /// Optional abilities in use.
    pub features: wgpu::Features,
    handle: wgpu::Device,
    lost: Lost,
    rejected: Rejected,
}

type Lost = Shared<oneshot::Receiver<String>>;
/// The first complaint, or that memory ran out: one failure leads to thousands.
type Rejected = Arc<Mutex<Option<GpuError>>>;

/// Whether the device that was opened last is a software one whose shaders can pass numbers between the lanes of a
/// subgroup: of such burn does not tell.
static SOFTWARE_SUBGROUPS: AtomicBool = AtomicBool::new(false);

pub(crate) fn has_software_subgroups() -> bool {
    SOFTWARE_SUBGROUPS.load(Ordering::Relaxed)
}

impl Gpu {
    /// Asks for the fastest adapter and opens it.
    ///
    /// # Errors
    /// [`OpenError`] where the platform has no adapter or the adapter gives no device.
    pub async fn open(wanted: LimitsWanted) -> Result<Self, OpenError> {
        let setup = request(wanted).await?;
        let (adapter, handle) = (setup.adapter.clone(), setup.device.clone());
        let device = Device::wgpu_options()
            .setup(setup)
            .init()
            .map_err(|error| OpenError::DeviceRefused(error.to_string()))?;
        let (lost, rejected) = (watch_loss(&handle), watch_errors(&handle));
        let (limits, features) = (handle.limits(), handle.features());
        let info = adapter.get_info();
        // A browser wants a line in the shader for it, which wgpu's own compiler does not know.
        let software = info.device_type == wgpu::DeviceType::Cpu && cfg!(not(target_family = "wasm"));
        SOFTWARE_SUBGROUPS.store(software && features.contains(wgpu::Features::SUBGROUP), Ordering::Relaxed);
        Ok(Self { device, info, limits, features, handle, lost, rejected })
    }

    /// What went wrong since the last call, a lost device before all others.
    ///
    /// WebGPU reports errors after the fact, and natively burn keeps what a launch was refused for with the tensors that
    /// it was to write: read a result back first, which then fails too.
    ///
    /// # Errors
    /// [`GpuError`], the first rejection since the last call, a lost device each time.
    pub fn check(&self) -> Result<(), GpuError> {
        if let Some(reason) = self.loss() {
            return Err(GpuError::Lost(reason));
        }
        let complaint = self.rejected.lock().unwrap_or_else(PoisonError::into_inner).take();
        complaint.map_or(Ok(()), Err)
    }

    /// Waits until the browser has looked at all that was asked of the device, and said what it thinks of it: an error
    /// scope is answered after everything before it. Natively what there is to hear has been said.
    pub async fn settle(&self) {
        if cfg!(target_family = "wasm") {
            let _ = self.handle.push_error_scope(wgpu::ErrorFilter::Validation).pop().await;
            crate::turn().await;
        }
    }

    /// Natively burn holds the device's only lost-device callback, so its own record is what there is.
    #[cfg(not(target_family = "wasm"))]
    fn loss(&self) -> Option<String> {
        // The driver tells of a loss only when polled.
        let _ = self.handle.poll(wgpu::PollType::Poll);
        self.device.sync().err().map(|error| error.to_string())
    }

    #[cfg(target_family = "wasm")]
    fn loss(&self) -> Option<String> {
        self.lost.clone().now_or_never()?.ok()
    }

    /// Waits until the browser says that the device is lost, and gives its reason. Pending forever natively, where
    /// [`Gpu::check`] asks.
    pub fn lost(&self) -> impl Future<Output = String> + use<> {
        self.lost.clone().then(|reason| async {
            match reason {
                Ok(reason) => reason,
                Err(oneshot::Canceled) => std::future::pending().await,
            }
        })
    }

    /// Gives the device and its memory up; every later operation on it fails.
    pub fn destroy(&self) {
        self.handle.destroy();
    }
}

async fn request(wanted: LimitsWanted) -> Result<WgpuSetup, OpenError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    let adapter =
        instance.request_adapter(&options).await.map_err(|error| OpenError::NoAdapter(error.to_string()))?;
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("smolder"),
        required_features: features(&adapter),
        required_limits: limits(&adapter, wanted),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    };
    let (device, queue) = adapter
        .request_device(&descriptor)
        .await
        .map_err(|error| OpenError::DeviceRefused(error.to_string()))?;
    let backend = adapter.get_info().backend;
    Ok(WgpuSetup { instance, adapter, device, queue, backend })
}

/// All that burn's own kernels believe to have: burn asks the adapter, not the device, what it may use.
fn features(adapter: &wgpu::Adapter) -> wgpu::Features {
    let slow_or_unstable = wgpu::Features::MAPPABLE_PRIMARY_BUFFERS | wgpu::Features::all_experimental_mask();
    adapter.features() - slow_or_unstable
}

fn limits(adapter: &wgpu::Adapter, wanted: LimitsWanted) -> wgpu::Limits {
    match wanted {
        LimitsWanted::Adapter => adapter.limits(),
        LimitsWanted::WebGpuDefault => wgpu::Limits::default().or_worse_values_from(&adapter.limits()),
    }
}

/// A browser calls every callback; natively ours would silence burn's, which keeps it from using the device.
fn watch_loss(device: &wgpu::Device) -> Lost {
    let (sender, receiver) = oneshot::channel();
    if cfg!(target_family = "wasm") {
        let sender = Mutex::new(Some(sender));
        device.set_device_lost_callback(move |reason, message| {
            if let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // Nobody listens any more when the receiver is gone.
                let _ = sender.send(format!("{reason:?}: {message}"));
            }
        });
    }
    receiver.shared()
}

/// Replaces burn's own handler, which panics.
fn watch_errors(device: &wgpu::Device) -> Rejected {
    let rejected = Rejected::default();
    let seen = rejected.clone();
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            wgpu::Error::OutOfMemory { .. } => *seen = Some(GpuError::OutOfMemory),
            other => drop(seen.get_or_insert_with(|| GpuError::Rejected(other.to_string()))),
        }
    }));
    rejected
}
