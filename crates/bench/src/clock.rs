//! Time that passed, time that processors spent, memory: what the platform tells of this process.

use std::ops::AddAssign;
use web_time::Instant;

/// Seconds of a piece of work.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// On the wall.
    pub wall: f64,
    /// Of all processor cores together; 0 where the platform does not tell.
    pub cpu: f64,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

/// Runs from when it is made.
pub(crate) struct Stopwatch {
    start: Instant,
    cpu: f64,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self { cpu: cpu_secs().unwrap_or_default(), start: Instant::now() }
    }

    /// What was spent since then.
    pub fn spent(&self) -> Spent {
        let wall = self.start.elapsed().as_secs_f64();
        Spent { wall, cpu: cpu_secs().unwrap_or_default() - self.cpu }
    }
}

/// Seconds that processors have spent on this process's threads; `None` where the platform does not tell.
#[cfg(target_os = "linux")]
pub fn cpu_secs() -> Option<f64> {
    // Brings the account of the running thread up to date, which is otherwise a clock tick old.
    std::fs::read("/proc/self/stat").ok()?;
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let nanoseconds = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    let total: u64 = tasks.filter_map(|task| nanoseconds(task.ok()?.path())).sum();
    Some(total as f64 * 1e-9)
}

/// Seconds that processors have spent on this process's threads; `None` where the platform does not tell.
#[cfg(not(target_os = "linux"))]
pub fn cpu_secs() -> Option<f64> {
    None
}

/// The most memory that this process ever had; `None` where the platform does not tell.
pub fn peak_bytes() -> Option<u64> {
    let status = linux("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// How many programs wanted a processor in the last minute; `None` where the platform does not tell.
pub fn load() -> Option<f64> {
    linux("/proc/loadavg")?.split_whitespace().next()?.parse().ok()
}

fn linux(path: &str) -> Option<String> {
    if cfg!(target_os = "linux") { std::fs::read_to_string(path).ok() } else { None }
}
