//! What the device can do at most.

use crate::contest::{Work, best, sample, wait};
use crate::error::BenchError;
use crate::report::{Better, Figure};
use smolder_kernels::burn::tensor::{Device, Tensor};
use smolder_kernels::{copy, multiply_add};

/// Numbers of the arithmetic's loop, and its rounds. Lavapipe ends loops after 65,535 rounds.
const NUMBERS: usize = 1 << 16;
const MANY: usize = 2000;
/// Numbers of the copy: more than processor caches hold.
const COPIED: usize = 16 << 20;
const SAMPLES: usize = 7;

/// A device's own speeds.
#[derive(Clone, Copy, Debug)]
pub struct Ceilings {
    /// Operations a second; a multiply-add is two.
    pub flop: f64,
    /// Bytes a second, read or written.
    pub bytes: f64,
    /// Seconds of a dispatch that computes next to nothing, among others.
    pub dispatch_secs: f64,
}

impl Ceilings {
    /// Measures a device.
    ///
    /// # Errors
    /// [`BenchError::Device`] where it gives no result.
    pub async fn measure(device: &Device) -> Result<Self, BenchError> {
        let zeros = |len| Tensor::<1>::zeros([len], device);
        let (numbers, copied, few) = (zeros(NUMBERS), zeros(COPIED), zeros(64));
        let arithmetic = shortest(Box::new(|| multiply_add(numbers.clone(), MANY))).await?;
        let memory = shortest(Box::new(|| copy(copied.clone()))).await?;
        let dispatch_secs = shortest(Box::new(|| copy(few.clone()))).await?;
        Ok(Self {
            flop: (2 * NUMBERS * MANY) as f64 / arithmetic,
            bytes: (8 * COPIED) as f64 / memory,
            dispatch_secs,
        })
    }

    /// Seconds that work takes at least.
    pub fn floor_secs(&self, flop: f64, bytes: f64) -> f64 {
        (flop / self.flop).max(bytes / self.bytes)
    }

    /// The same for a report.
    pub fn figures(&self) -> Vec<Figure> {
        vec![
            Figure::new("multiply-adds in registers", self.flop * 1e-9, "GFLOP/s", Better::Higher),
            Figure::new("copying 64 MiB", self.bytes * 1e-9, "GB/s", Better::Higher),
            Figure::new("a dispatch among others", self.dispatch_secs * 1e6, "µs", Better::Lower),
        ]
    }
}

async fn shortest(work: Work<'_>) -> Result<f64, BenchError> {
    wait(work()).await?;
    let secs = sample(&work, 1.0).await?.wall;
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        samples.push(sample(&work, secs).await?);
    }
    Ok(best(&samples).wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_what_takes_longer() {
        let ceilings = Ceilings { flop: 100.0, bytes: 10.0, dispatch_secs: 0.0 };
        assert!((ceilings.floor_secs(200.0, 10.0) - 2.0).abs() < f64::EPSILON);
        assert!((ceilings.floor_secs(200.0, 50.0) - 5.0).abs() < f64::EPSILON);
    }
}
