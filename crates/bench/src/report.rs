//! What was measured, for people and for the next comparison.

use serde::{Deserialize, Serialize};

/// Everything of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was measured: a version or commit.
    pub build: String,
    /// Threads that the CPU device and its rivals had.
    pub threads: usize,
    /// Programs that wanted a processor meanwhile: at each part's start and end.
    pub load: Vec<f64>,
    /// What was measured, in order.
    pub parts: Vec<Part>,
}

/// What one process measured on one device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// `kernels`, `generate`, `train`.
    pub name: String,
    /// `cpu` or `gpu`.
    pub device: String,
    /// The device as its driver calls it.
    pub hardware: String,
    /// Repeated work.
    pub timings: Vec<Timing>,
    /// Single numbers.
    pub figures: Vec<Figure>,
}

/// Work that was done several times. Seconds are of one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// What, with its shape.
    pub name: String,
    /// The shortest time.
    pub best_secs: f64,
    /// The middle one.
    pub median_secs: f64,
    /// The fewest seconds of all processor cores together; 0 where the platform does not tell.
    pub cpu_secs: f64,
    /// Floating-point operations that the result needs.
    pub flop: f64,
    /// Bytes that must be read and written.
    pub bytes: f64,
    /// The time that the device's ceilings allow.
    pub floor_secs: f64,
    /// The same by burn's own operations on 32-bit numbers, in the same rounds: shortest time, processor seconds.
    pub dense_secs: Option<[f64; 2]>,
}

/// A number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: String,
    /// Which way is good.
    pub better: Better,
    /// What it should be.
    pub target: Option<f64>,
    /// The same in another program: its name and value.
    pub rivals: Vec<(String, f64)>,
}

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Better {
    /// As with speeds.
    Higher,
    /// As with memory.
    Lower,
}

impl Timing {
    /// 10⁹ operations a second, at best.
    pub fn gflops(&self) -> f64 {
        self.flop / self.best_secs * 1e-9
    }

    /// 10⁹ bytes a second, at best.
    pub fn gbytes(&self) -> f64 {
        self.bytes / self.best_secs * 1e-9
    }

    /// The floor's share of the time: 1 is all that the device can do.
    pub fn of_floor(&self) -> f64 {
        self.floor_secs / self.best_secs
    }

    /// How many times as long burn's dense operation takes, on the wall.
    pub fn of_dense(&self) -> Option<f64> {
        self.dense_secs.map(|[wall, _]| wall / self.best_secs)
    }

    /// The same by processor time, which other programs disturb less.
    pub fn of_dense_cpu(&self) -> Option<f64> {
        self.dense_secs.map(|[_, cpu]| cpu / self.cpu_secs).filter(|ratio| ratio.is_finite())
    }
}

impl Figure {
    /// A number without target or rivals.
    pub fn new(name: impl Into<String>, value: f64, unit: &str, better: Better) -> Self {
        let (name, unit) = (name.into(), unit.to_owned());
        Self { name, value, unit, better, target: None, rivals: Vec::new() }
    }

    /// The same with a target.
    #[must_use]
    pub fn to_reach(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Whether the target is reached; `None` without one.
    pub fn reached(&self) -> Option<bool> {
        self.target.map(|target| match self.better {
            Better::Higher => self.value >= target,
            Better::Lower => self.value <= target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_reached_from_its_own_side() {
        let figure = |value, better| Figure::new("x", value, "MB", better).to_reach(100.0).reached();
        assert_eq!(figure(99.0, Better::Lower), Some(true));
        assert_eq!(figure(99.0, Better::Higher), Some(false));
        assert_eq!(Figure::new("x", 1.0, "s", Better::Lower).reached(), None);
    }
}
