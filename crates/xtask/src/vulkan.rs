//! A Vulkan driver for the GPU tests, in software where the machine has none.

use crate::apt;
use anyhow::{Context, Result};
use std::fs;

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

fn has_driver() -> bool {
    let variables = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];
    let announced = |dir: &str| fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    variables.iter().any(|key| std::env::var_os(key).is_some()) || DRIVERS.iter().any(|dir| announced(dir))
}

/// Whether the dynamic linker finds the loader.
fn has_loader() -> bool {
    let list = crate::process::Process::new("/sbin/ldconfig").arg("-p").silent().finish();
    list.is_ok_and(|list| list.lines.iter().any(|line| line.contains("libvulkan.so.1")))
}
