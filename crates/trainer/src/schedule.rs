//! The learning rate at each step, as transformers' `get_*_schedule` functions have it.

use smolder_protocol::TrainConfig;
use smolder_protocol::train::ScheduleKind;
use std::f64::consts::PI;

/// A learning rate over a run's steps.
///
/// With p the share of the steps behind warm-up that is over and f the final share, the peak is multiplied by
///
/// - constant: 1
/// - linear: f + (1 - f)·(1 - p)
/// - cosine: f + (1 - f)·(1 + cos πp)/2 (Loshchilov and Hutter 2016, arXiv 1608.03983)
/// - wsd: 1, and in the last `decay` steps as cosine, p counting those (Hu et al. 2024, arXiv 2404.06395)
///
/// and by step/`warmup` before (wsd: f + (1 - f)·step/`warmup`). So the very first of several warm-up steps changes
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// How it falls.
    pub kind: ScheduleKind,
    /// The learning rate at its highest.
    pub peak: f64,
    /// Steps of warm-up.
    pub warmup: u64,
    /// Steps in which wsd falls.
    pub decay: u64,
    /// Steps of the run.
    pub total: u64,
    /// What is left at the end, as a share of the peak.
    pub final_share: f64,
}

impl Schedule {
    /// The schedule that the settings mean for a run of `total` steps; shares of it are rounded up.
    pub fn new(config: &TrainConfig, peak: f64, total: u64) -> Self {
        let share = |ratio: f64| (total as f64 * ratio).ceil() as u64;
        let warmup = if config.warmup_steps > 0 { config.warmup_steps } else { share(config.warmup_ratio) };
        let TrainConfig { schedule: kind, final_share, .. } = *config;
        Self { kind, peak, warmup, decay: share(config.decay_ratio), total, final_share }
    }

    /// The learning rate of a step, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        self.peak * self.factor(step)
    }

    fn factor(&self, step: u64) -> f64 {
        if step < self.warmup {
            let grown = step as f64 / self.warmup as f64;
            return if self.kind == ScheduleKind::Wsd { self.above_final(grown) } else { grown };
        }
        match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Linear => self.above_final(1.0 - self.progress(step, self.warmup)),
            ScheduleKind::Cosine => self.above_final(half_cosine(self.progress(step, self.warmup))),
            ScheduleKind::Wsd => {
                let start = self.total.saturating_sub(self.decay).max(self.warmup);
                self.above_final(half_cosine(self.progress(step, start)))
            }
        }
    }

    /// The share of the steps from `start` to the end that is over; 0 before.
    fn progress(&self, step: u64, start: u64) -> f64 {
        let all = self.total.saturating_sub(start).max(1);
        (step.saturating_sub(start) as f64 / all as f64).min(1.0)
    }

    fn above_final(&self, factor: f64) -> f64 {
        factor * (1.0 - self.final_share) + self.final_share
    }
}

fn half_cosine(progress: f64) -> f64 {
    0.5 * (1.0 + (PI * progress).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Case {
        schedule: ScheduleKind,
        lr: f64,
        warmup: u64,
        decay: u64,
        total: u64,
        final_share: f64,
        rates: Vec<f64>,
    }

    #[test]
    fn rates_are_those_of_transformers() {
        let text = include_str!("../../../tests/fixtures/training/schedules.json");
        let cases: Vec<Case> = serde_json::from_str(text).unwrap();
        assert!(cases.len() >= 14);
        for case in cases {
            let Case { schedule: kind, lr: peak, warmup, decay, total, final_share, rates } = case;
            let schedule = Schedule { kind, peak, warmup, decay, total, final_share };
            for (step, expected) in (0..).zip(rates) {
                let found = schedule.rate(step);
                assert!(
                    (found - expected).abs() <= 1e-15 * peak,
                    "{schedule:?} step {step}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn shares_become_steps() {
        let config = TrainConfig { warmup_ratio: 0.03, decay_ratio: 0.25, ..TrainConfig::default() };
        let schedule = Schedule::new(&config, 1e-3, 101);
        assert_eq!((schedule.warmup, schedule.decay, schedule.total), (4, 26, 101));
        let given = TrainConfig { warmup_steps: 7, ..TrainConfig::default() };
        assert_eq!(Schedule::new(&given, 1e-3, 101).warmup, 7);
    }

    #[test]
    fn nothing_rises_again_behind_the_end() {
        let config =
            TrainConfig { schedule: ScheduleKind::Cosine, final_share: 0.1, ..TrainConfig::default() };
        let schedule = Schedule::new(&config, 1.0, 10);
        assert!([10, 15, 20].iter().all(|step| (schedule.rate(*step) - 0.1).abs() < 1e-12));
    }
}
