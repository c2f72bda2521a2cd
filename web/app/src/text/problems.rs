//! Which words go with which problem.

use super::{Phrases, fill};
use crate::link::Failure;
use crate::units;
use smolder_protocol::Problem;

/// What a person reads about a problem.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Words {
    pub(crate) title: &'static str,
    /// What to do, the likeliest first.
    pub(crate) advice: Vec<String>,
    /// The platform's own words, for a search or a bug report.
    pub(crate) quote: Option<String>,
}

impl Words {
    pub(crate) fn new(title: &'static str, advice: &str) -> Self {
        Self { title, advice: vec![advice.to_owned()], quote: None }
    }

    pub(crate) fn quoting(self, quote: &str) -> Self {
        Self { quote: (!quote.is_empty()).then(|| quote.to_owned()), ..self }
    }

    pub(super) fn or(mut self, advice: &str) -> Self {
        self.advice.push(advice.to_owned());
        self
    }
}

/// What `problem` means and what to do about it.
pub(crate) fn problem_words(problem: &Problem, t: &Phrases) -> Words {
    match problem {
        Problem::NoWebGpu => Words::new(t.no_web_gpu, t.no_web_gpu_do).or(t.native_build),
        Problem::InsecureContext => Words::new(t.insecure, t.insecure_do),
        Problem::NoAdapter => Words::new(t.no_adapter, t.no_adapter_do).or(t.native_build),
        Problem::DeviceRefused { reason } => {
            Words::new(t.refused, t.refused_do).or(t.native_build).quoting(reason)
        }
        Problem::DeviceLost { reason } => Words::new(t.lost, t.lost_do).quoting(reason),
        Problem::KernelsWrong { reason } => Words::new(t.wrong, t.wrong_do).quoting(reason),
        Problem::LimitTooSmall { limit, needed, found } => {
            Words::new(t.limit, &limit_advice(t, limit, *needed, *found)).or(t.native_build)
        }
        Problem::SoftwareAdapter => Words::new(t.software_adapter, t.software_adapter_do).or(t.native_build),
        Problem::NoF16 => Words::new(t.no_f16, t.no_f16_do),
    }
}

fn limit_advice(t: &Phrases, limit: &str, needed: u64, found: u64) -> String {
    let show = |value| if is_size(limit) { units::bytes(value) } else { units::count(value) };
    fill(t.limit_do, &[("limit", limit), ("needed", &show(needed)), ("found", &show(found))])
}

/// Whether WebGPU counts this limit in bytes: `maxBufferSize` does, `maxComputeWorkgroupSizeX` does not.
fn is_size(limit: &str) -> bool {
    limit.to_ascii_lowercase().ends_with("size")
}

/// What `failure` means and what to do about it.
pub(crate) fn failure_words(failure: &Failure, t: &Phrases) -> Words {
    match failure {
        Failure::NoWorkers => Words::new(t.no_workers, t.no_workers_do).or(t.native_build),
        Failure::NotLoaded(reason) => Words::new(t.worker_missing, t.worker_missing_do).quoting(reason),
        Failure::Crashed(reason) => Words::new(t.worker_crashed, t.worker_crashed_do).quoting(reason),
        Failure::Silent { step, waited_secs } => {
            let values = [("time", &*units::seconds(*waited_secs)), ("step", step.phrase(t))];
            Words::new(t.worker_silent, &fill(t.worker_silent_do, &values))
        }
        Failure::OtherBuild { ours, theirs } => {
            let values = [("ours", &**ours), ("theirs", &**theirs)];
            Words::new(t.other_build, &fill(t.other_build_do, &values))
        }
        Failure::Gpu(problem) => problem_words(problem, t),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Step;
    use crate::text::Language;

    #[test]
    fn a_limit_is_told_in_its_own_unit() {
        let t = Language::English.phrases();
        let words = |limit: &str, needed, found| {
            let problem = Problem::LimitTooSmall { limit: limit.to_owned(), needed, found };
            problem_words(&problem, t).advice.remove(0)
        };
        let size = words("maxStorageBufferBindingSize", 128 << 20, 64 << 20);
        assert!(size.contains("need 128 MiB, this GPU offers 64 MiB"), "{size}");
        let count = words("maxComputeInvocationsPerWorkgroup", 256, 128);
        assert!(count.contains("need 256, this GPU offers 128"), "{count}");
    }

    #[test]
    fn silence_is_told_with_its_step_and_time() {
        let t = Language::Chinese.phrases();
        let words = failure_words(&Failure::Silent { step: Step::SelfTest, waited_secs: 121.0 }, t);
        assert!(words.advice[0].contains("“测试内核”这一步已沉默 2 min 1 s"), "{words:?}");
    }

    #[test]
    fn the_platforms_words_are_quoted_only_where_there_are_any() {
        let t = Language::English.phrases();
        let quote = |reason: &str| problem_words(&Problem::DeviceLost { reason: reason.to_owned() }, t).quote;
        assert_eq!(quote(""), None);
        assert_eq!(quote("reset").as_deref(), Some("reset"));
    }
}
