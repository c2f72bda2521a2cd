//! Work timed in turns with its rival, so that what disturbs one disturbs both.

use crate::ceilings::Ceilings;
use crate::clock::{Spent, Stopwatch};
use crate::error::BenchError;
use crate::report::Timing;
use smolder_kernels::burn::tensor::Tensor;
use web_time::Instant;

/// Seconds of one sample at least: clocks are coarse in browsers, and waiting for a device costs something too.
const SAMPLE: f64 = 0.03;
/// Seconds of a contest after which no further round begins, and after which not even a third one does.
const ENOUGH: [f64; 2] = [1.0, 4.0];
const ROUNDS: usize = 15;

/// Work whose last result is waited for.
pub(crate) type Work<'a> = Box<dyn Fn() -> Tensor<1> + 'a>;

/// A piece of work, and the same by burn's own operations where there are such.
pub(crate) struct Contest<'a> {
    pub name: String,
    pub flop: f64,
    pub bytes: f64,
    pub ours: Work<'a>,
    pub dense: Option<Work<'a>>,
}

impl Contest<'_> {
    /// Runs both in turns.
    pub async fn run(&self, ceilings: &Ceilings) -> Result<Timing, BenchError> {
        let ours = timed(&self.ours).await?;
        let dense = match &self.dense {
            Some(dense) => Some(timed(dense).await?),
            None => None,
        };
        let (mut samples, mut rivals) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        while samples.len() < ROUNDS {
            let enough = if samples.len() < 3 { ENOUGH[1] } else { ENOUGH[0] };
            if !samples.is_empty() && begun.elapsed().as_secs_f64() > enough {
                break;
            }
            samples.push(sample(&self.ours, ours.wall).await?);
            if let (Some(work), Some(secs)) = (&self.dense, &dense) {
                rivals.push(sample(work, secs.wall).await?);
            }
        }
        let dense_secs = self.dense.as_ref().map(|_| [best(&rivals).wall, best(&rivals).cpu]);
        Ok(Timing {
            name: self.name.clone(),
            best_secs: best(&samples).wall,
            median_secs: median(&samples),
            cpu_secs: best(&samples).cpu,
            flop: self.flop,
            bytes: self.bytes,
            floor_secs: ceilings.floor_secs(self.flop, self.bytes),
            dense_secs,
        })
    }
}

/// Waits until the device has computed a tensor, and with it all before.
pub(crate) async fn wait(tensor: Tensor<1>) -> Result<(), BenchError> {
    let read = tensor.narrow(0, 0, 1).into_data_async().await;
    read.map(drop).map_err(|error| BenchError::Device(error.to_string()))
}

/// The second time that work is done: the first one compiles.
async fn timed(work: &Work<'_>) -> Result<Spent, BenchError> {
    wait(work()).await?;
    sample(work, SAMPLE).await
}

/// Repeats work that takes about `secs` until that can be measured, and gives the share of one time.
pub(crate) async fn sample(work: &Work<'_>, secs: f64) -> Result<Spent, BenchError> {
    let repeats = (SAMPLE / secs.max(1e-6)).ceil().clamp(1.0, 500.0) as u32;
    let watch = Stopwatch::start();
    let mut last = work();
    for _ in 1..repeats {
        last = work();
    }
    wait(last).await?;
    let Spent { wall, cpu } = watch.spent();
    Ok(Spent { wall: wall / f64::from(repeats), cpu: cpu / f64::from(repeats) })
}

/// The shortest time on the wall and the fewest processor seconds, which need not be of one sample.
pub(crate) fn best(samples: &[Spent]) -> Spent {
    let least = |of: fn(&Spent) -> f64| samples.iter().map(of).fold(f64::INFINITY, f64::min);
    Spent { wall: least(|one| one.wall), cpu: least(|one| one.cpu) }
}

/// The middle of the times on the wall.
pub(crate) fn median(samples: &[Spent]) -> f64 {
    let mut walls: Vec<f64> = samples.iter().map(|one| one.wall).collect();
    walls.sort_by(f64::total_cmp);
    walls.get(walls.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_and_median_are_of_the_right_column() {
        let spent = |wall, cpu| Spent { wall, cpu };
        let samples = [spent(3.0, 1.0), spent(1.0, 9.0), spent(2.0, 5.0)];
        let best = best(&samples);
        assert!((best.wall - 1.0).abs() < f64::EPSILON && (best.cpu - 1.0).abs() < f64::EPSILON);
        assert!((median(&samples) - 2.0).abs() < f64::EPSILON);
    }
}
