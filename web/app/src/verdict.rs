//! The one sentence that a check comes to.

use crate::text::{Phrases, fill};
use smolder_protocol::{Check, Severity};

/// What training will run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Gpu,
    SlowGpu,
    Cpu,
}

impl Verdict {
    pub(crate) fn of(check: &Check) -> Self {
        let slow = check.problems.iter().any(|problem| problem.severity() == Severity::Slow);
        match check.gpu_usable() {
            true if slow => Self::SlowGpu,
            true => Self::Gpu,
            false => Self::Cpu,
        }
    }

    /// The name that the style sheet knows it by.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Gpu => "verdict good",
            Self::SlowGpu => "verdict slow",
            Self::Cpu => "verdict bad",
        }
    }

    pub(crate) fn headline(self, check: &Check, t: &Phrases) -> String {
        match self {
            Self::Gpu => fill(t.ready, &[("gpu", gpu_name(check, t))]),
            Self::SlowGpu => t.slow.to_owned(),
            Self::Cpu => t.cpu.to_owned(),
        }
    }

    pub(crate) fn lead(self, t: &Phrases) -> &'static str {
        match self {
            Self::Gpu => t.ready_lead,
            Self::SlowGpu => t.slow_lead,
            Self::Cpu => t.cpu_lead,
        }
    }
}

/// Browsers may withhold the adapter's name.
fn gpu_name<'a>(check: &'a Check, t: &'a Phrases) -> &'a str {
    let name = check.adapter.as_ref().map_or("", |adapter| adapter.name.trim());
    if name.is_empty() { t.unnamed_gpu } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::text::Language;
    use smolder_protocol::Problem;

    fn with(problems: &[Problem]) -> Check {
        Check { problems: problems.to_vec(), ..sample::check() }
    }

    #[test]
    fn the_gravest_problem_decides() {
        assert_eq!(Verdict::of(&with(&[])), Verdict::Gpu);
        assert_eq!(Verdict::of(&with(&[Problem::NoF16])), Verdict::Gpu);
        assert_eq!(Verdict::of(&with(&[Problem::NoF16, Problem::SoftwareAdapter])), Verdict::SlowGpu);
        assert_eq!(Verdict::of(&with(&[Problem::SoftwareAdapter, Problem::NoAdapter])), Verdict::Cpu);
        assert_eq!(Verdict::of(&Check::default()), Verdict::Cpu);
    }

    #[test]
    fn the_headline_names_the_gpu_or_does_without() {
        let t = Language::English.phrases();
        let mut check = sample::check();
        assert_eq!(Verdict::Gpu.headline(&check, t), "Ready to train on Example GPU");
        check.adapter.as_mut().unwrap().name.clear();
        assert_eq!(Verdict::Gpu.headline(&check, t), "Ready to train on this machine’s GPU");
    }
}
