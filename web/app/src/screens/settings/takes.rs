//! What the chosen run would take, tried out when a person asks.

use super::super::parts::{Amount, trouble};
use super::super::train::ready;
use crate::choices::Choices;
use crate::estimating::{Estimate, Estimating};
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, run_failure_words};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::train::Plan;

#[component]
pub(super) fn Takes() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let estimate = Memo::new(move |_| {
        choices.config.with(|config| session.estimating.with(|estimating| estimating.of(config)))
    });
    let busy = move || session.training() || session.estimating.with(Estimating::is_asking);
    let closed = move || busy() || !ready(session, choices);
    let found = move || match estimate.get() {
        Estimate::Nothing => ().into_any(),
        Estimate::Asking => view! { <Trying/> }.into_any(),
        Estimate::Known(plan) => numbers(&plan, t()).into_any(),
        Estimate::Failed(failure) => trouble(run_failure_words(&failure, t())).into_any(),
    };
    view! {
        <section class="takes">
            <h2>{move || t().settings.takes}</h2>
            <p class="aside">{move || t().settings.takes_lead}</p>
            <p><button id="estimate" disabled=closed on:click=move |_| session.estimate_chosen()>{move || t().settings.estimate}</button></p>
            <div role="status">{found}</div>
        </section>
    }
}

/// The model goes to its device, then a step is tried.
#[component]
fn Trying() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let label = Signal::derive(move || t().settings.estimating.to_owned());
    let share = Signal::derive(move || {
        session
            .loading
            .get()
            .map(|(done, total)| done as f64 / total.max(1) as f64)
            .filter(|share| *share < 1.0)
    });
    let words =
        Signal::derive(move || share.get().map_or(String::new(), |share| format!("{:.0} %", 100.0 * share)));
    view! { <Amount label share words/> }
}

fn numbers(plan: &Plan, t: &Phrases) -> impl IntoView + use<> {
    let w = &t.settings;
    let place = plan.gpu.clone().unwrap_or_else(|| w.device_cpu.to_owned());
    let tiles = [
        (w.takes_time, plan.duration_secs.map_or_else(|| "–".to_owned(), units::seconds)),
        (w.takes_memory, units::bytes(plan.memory_bytes)),
        (w.takes_steps, units::count(plan.steps)),
        (w.takes_numbers, units::count(plan.trained_parameters)),
    ];
    let tile = |(name, value): (&'static str, String)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    view! {
        <dl class="tiles">{tiles.map(tile)}</dl>
        <p class="aside">{place}</p>
    }
}
