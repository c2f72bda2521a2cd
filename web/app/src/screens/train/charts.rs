//! All charts of a run.

use super::chart::{Chart, Line};
use crate::chart::{Point, smoothed};
use crate::preferences::Preferences;
use crate::run::Run;
use crate::session::Session;
use leptos::prelude::*;
use smolder_protocol::train::StepReport;

/// How much of the mean so far the smoothed loss keeps with each step.
const SMOOTHING: f64 = 0.9;
const MIB: f64 = (1 << 20) as f64;

#[component]
pub(super) fn Charts() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let last =
        Signal::derive(move || session.run.with(|run| run.plan.as_ref().map_or(1, |plan| plan.steps) as f64));
    let lines = move |draw: fn(&Run) -> Vec<Line>| Signal::derive(move || session.run.with(draw));
    view! {
        <section class="charts" aria-label=move || t().train.progress>
            <Chart title=|t| t.train.loss unit=|t| t.train.loss_unit lines=lines(losses) last large=true/>
            <Chart title=|t| t.train.lr lines=lines(rates) last/>
            <Chart title=|t| t.train.grad_norm lines=lines(norms) last/>
            <Chart title=|t| t.train.speed lines=lines(speeds) last/>
            <Chart title=|t| t.train.memory unit=|t| t.train.mib lines=lines(memory) last/>
        </section>
    }
}

fn points(run: &Run, value: impl Fn(&StepReport) -> Option<f64>) -> Vec<Point> {
    run.steps.iter().filter_map(|step| Some((step.step as f64, value(step)?))).collect()
}

fn losses(run: &Run) -> Vec<Line> {
    let raw = points(run, |step| Some(step.loss.into()));
    let smooth = smoothed(&raw, SMOOTHING);
    let held = run.evaluations.iter().map(|found| (found.step as f64, f64::from(found.loss))).collect();
    vec![
        Line { name: |t| t.train.raw, class: "raw", points: raw },
        Line { name: |t| t.train.smooth, class: "smooth", points: smooth },
        Line { name: |t| t.train.evaluation, class: "held", points: held },
    ]
}

fn rates(run: &Run) -> Vec<Line> {
    vec![Line { name: |t| t.train.lr, class: "smooth", points: points(run, |step| Some(step.lr)) }]
}

fn norms(run: &Run) -> Vec<Line> {
    vec![Line {
        name: |t| t.train.grad_norm,
        class: "smooth",
        points: points(run, |step| Some(step.grad_norm.into())),
    }]
}

fn speeds(run: &Run) -> Vec<Line> {
    vec![Line {
        name: |t| t.train.speed,
        class: "smooth",
        points: points(run, |step| Some(step.tokens_per_s)),
    }]
}

fn memory(run: &Run) -> Vec<Line> {
    let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / MIB);
    vec![
        Line {
            name: |t| t.train.device_memory,
            class: "smooth",
            points: points(run, |step| mib(step.memory.device_bytes)),
        },
        Line {
            name: |t| t.train.process_memory,
            class: "raw",
            points: points(run, |step| mib(step.memory.process_bytes)),
        },
    ]
}
