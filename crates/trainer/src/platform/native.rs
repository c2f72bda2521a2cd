//! A terminal on a desktop.

use smolder_protocol::{Adapter, Problem, Storage};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Why the platform hides GPUs before one is asked for; natively it never does.
pub(crate) fn gpu_hidden() -> Option<Problem> {
    None
}

/// Adds what wgpu does not pass on; natively it passes on everything.
pub(crate) async fn complete(_adapter: &mut Adapter) {}

/// Threads that the CPU device may use.
pub(crate) fn cpu_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Milliseconds on a clock that only moves forward.
pub(crate) fn now_ms() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}

/// Seconds since the start of 1970.
pub(crate) fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

/// Memory of this process, in bytes, where the platform says so.
pub(crate) fn process_bytes() -> Option<u64> {
    const PAGE_BYTES: u64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE_BYTES)
}

/// Memory that programs can still have, in bytes, where the platform says so.
pub(crate) fn free_bytes() -> Option<u64> {
    let found = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = found.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Room on the disk that holds the user's cache: the folder that `SMOLDER_CACHE` names or is to be made in, else the
/// user's own.
pub(crate) async fn storage() -> Option<Storage> {
    let named = std::env::var_os("SMOLDER_CACHE").map(PathBuf::from).or_else(std::env::home_dir);
    let cache = std::path::absolute(named.unwrap_or_else(|| PathBuf::from("."))).ok()?;
    let free_bytes = fs4::available_space(cache.ancestors().find(|folder| folder.exists())?).ok()?;
    Some(Storage { free_bytes, used_bytes: 0 })
}
