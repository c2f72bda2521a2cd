//! A check as labelled values: what the Check screen lists and the text report repeats.

use crate::text::{Phrases, fill};
use crate::units;
use smolder_protocol::{Adapter, AdapterKind, Check, Limits, SelfTest, Subgroups};

/// A group of facts under a heading.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) facts: Vec<Fact>,
}

/// One labelled value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

fn fact(label: &'static str, value: impl Into<String>) -> Fact {
    Fact { label, value: value.into() }
}

/// Everything that `check` says, in the order in which a person asks.
pub(crate) fn groups(check: &Check, t: &Phrases) -> Vec<Group> {
    let mut groups = Vec::new();
    if let Some(adapter) = &check.adapter {
        groups.push(Group { title: t.graphics, facts: graphics(adapter, t) });
    }
    groups.push(Group { title: t.self_test, facts: self_test(check.self_test.as_ref(), t) });
    groups.push(Group { title: t.machine, facts: machine(check, t) });
    if let Some(adapter) = &check.adapter {
        groups.push(Group { title: t.limits, facts: limits(&adapter.limits, t) });
    }
    groups
}

fn graphics(adapter: &Adapter, t: &Phrases) -> Vec<Fact> {
    vec![
        fact(t.adapter, or_not_told(&adapter.name, t)),
        fact(t.driver, or_not_told(&adapter.driver, t)),
        fact(t.backend, or_not_told(&adapter.backend, t)),
        fact(t.kind, kind(adapter.kind, t)),
        fact(t.f16, yes_no(adapter.f16, t)),
        fact(t.subgroups, adapter.subgroups.map_or_else(|| t.no.to_owned(), |sizes| subgroups(sizes, t))),
        fact(t.timestamps, yes_no(adapter.timestamps, t)),
    ]
}

fn kind(kind: AdapterKind, t: &Phrases) -> &'static str {
    match kind {
        AdapterKind::Discrete => t.discrete,
        AdapterKind::Integrated => t.integrated,
        AdapterKind::Virtual => t.virtual_gpu,
        AdapterKind::Software => t.software,
        AdapterKind::Unknown => t.unknown,
    }
}

fn subgroups(Subgroups { min, max }: Subgroups, t: &Phrases) -> String {
    if max == 0 {
        return t.yes.to_owned();
    }
    let (smallest, largest) = (min.to_string(), max.to_string());
    if min == max {
        fill(t.subgroup_size, &[("size", &smallest)])
    } else {
        fill(t.subgroup_sizes, &[("min", &smallest), ("max", &largest)])
    }
}

fn limits(limits: &Limits, t: &Phrases) -> Vec<Fact> {
    let count = |value: u32| units::count(value.into());
    vec![
        fact(t.buffer, units::bytes(limits.buffer_bytes)),
        fact(t.binding, units::bytes(limits.binding_bytes)),
        fact(t.storage_buffers, count(limits.storage_buffers)),
        fact(t.invocations, count(limits.workgroup_invocations)),
        fact(t.workgroup_memory, units::bytes(limits.workgroup_bytes.into())),
        fact(t.workgroups, count(limits.workgroups)),
    ]
}

fn self_test(test: Option<&SelfTest>, t: &Phrases) -> Vec<Fact> {
    let Some(test) = test else { return vec![fact(t.result, t.not_run)] };
    vec![
        fact(t.result, if test.passed { t.passed } else { t.failed }),
        fact(t.kernel, &*test.kernel),
        fact(t.max_error, units::error(test.max_error)),
        fact(t.duration, units::millis(test.duration_ms)),
    ]
}

fn machine(check: &Check, t: &Phrases) -> Vec<Fact> {
    let storage = check.storage;
    let free = storage.map_or_else(|| t.not_told.to_owned(), |storage| units::bytes(storage.free_bytes));
    let threads = if check.cpu_threads == 0 { t.not_told.to_owned() } else { check.cpu_threads.to_string() };
    let used = storage.map(|storage| fact(t.storage_used, units::bytes(storage.used_bytes)));
    [Some(fact(t.storage_free, free)), used, Some(fact(t.cpu_threads, threads))]
        .into_iter()
        .flatten()
        .collect()
}

fn yes_no(yes: bool, t: &Phrases) -> &'static str {
    if yes { t.yes } else { t.no }
}

fn or_not_told<'a>(value: &'a str, t: &'a Phrases) -> &'a str {
    if value.trim().is_empty() { t.not_told } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::text::Language;

    fn value(check: &Check, label: &str) -> Option<String> {
        let groups = groups(check, Language::English.phrases());
        let mut facts = groups.into_iter().flat_map(|group| group.facts);
        facts.find(|fact| fact.label == label).map(|fact| fact.value)
    }

    #[test]
    fn values_are_in_human_units_and_gaps_are_named() {
        let check = sample::check();
        for (label, expected) in [
            ("Adapter", "Example GPU"),
            ("Driver", "Not told"),
            ("Subgroups", "4 to 64 invocations"),
            ("Largest binding", "128 MiB"),
            ("Workgroups per dimension", "65,535"),
            ("Largest error", "1.2e-7"),
            ("Free storage", "12 GiB"),
        ] {
            assert_eq!(value(&check, label).as_deref(), Some(expected), "{label}");
        }
    }

    #[test]
    fn a_machine_without_a_gpu_still_has_facts() {
        let check = Check::default();
        assert_eq!(value(&check, "Result").as_deref(), Some("Not run"));
        assert_eq!(value(&check, "Free storage").as_deref(), Some("Not told"));
        assert_eq!(value(&check, "CPU threads").as_deref(), Some("Not told"));
        assert_eq!(value(&check, "Adapter"), None);
    }

    #[test]
    fn subgroups_are_as_precise_as_the_browser() {
        let t = Language::English.phrases();
        assert_eq!(subgroups(Subgroups { min: 0, max: 0 }, t), "Yes");
        assert_eq!(subgroups(Subgroups { min: 4, max: 4 }, t), "4 invocations");
    }
}
