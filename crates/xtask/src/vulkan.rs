//! A Vulkan driver for the GPU tests, in software where the machine has none.

use crate::apt;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

const PACKAGES: [&str; 2] = ["mesa-vulkan-drivers", "libvulkan1"];
/// Where drivers announce themselves to Vulkan's loader.
const DRIVERS: [&str; 3] = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];

/// Makes sure that there is a driver. macOS and Windows come with graphics APIs of their own.
pub fn ensure() -> Result<()> {
    if !cfg!(target_os = "linux") || (has_loader() && has_driver()) {
        return Ok(());
    }
    apt::install(&PACKAGES).context(
        "The GPU tests need Vulkan's loader and a driver, for which Mesa's lavapipe will do \
         (`--no-gpu` leaves these tests out).",
    )
}

/// Whether a driver is announced that finds something here: Mesa's in software, or another beside a GPU.
fn has_driver() -> bool {
    let chosen = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].iter().any(|key| std::env::var_os(key).is_some());
    let drivers = announced();
    chosen || drivers.iter().any(|name| name.starts_with("lvp")) || (!drivers.is_empty() && has_gpu())
}

/// The names of the drivers' announcements.
fn announced() -> Vec<String> {
    let entries = DRIVERS.iter().flat_map(|dir| fs::read_dir(dir).into_iter().flatten().flatten());
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Whether the kernel offers a GPU: Mesa's drivers, NVIDIA's, and Windows' subsystem for Linux.
fn has_gpu() -> bool {
    ["/dev/dri", "/dev/nvidia0", "/dev/dxg"].iter().any(|device| Path::new(device).exists())
}

/// Whether the dynamic linker finds the loader.
fn has_loader() -> bool {
    let list = crate::process::Process::new("/sbin/ldconfig").arg("-p").silent().finish();
    list.is_ok_and(|list| list.lines.iter().any(|line| line.contains("libvulkan.so.1")))
}
