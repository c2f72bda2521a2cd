//! The model on the device, or on its way there.

use crate::facts::Fact;
use crate::library::Loading;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use crate::text::{Phrases, fill};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::model::{Computes, Loaded};

#[component]
pub(super) fn OnDevice() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let loading = Memo::new(move |_| session.library.with(|library| library.loading.clone()));
    let loaded = Memo::new(move |_| session.library.with(|library| library.loaded.clone()));
    view! {
        <p class="unseen" role="status">
            {move || loaded.get().map(|loaded| fill(t().is_loaded, &[("model", &loaded.model)]))}
        </p>
        {move || loading.get().map(|loading| on_its_way(&loading, t(), session))}
        {move || loaded.get().map(|loaded| card(&loaded, t(), session))}
    }
}

fn on_its_way(loading: &Loading, t: &Phrases, session: Session) -> impl IntoView + use<> {
    let done = (loading.total_bytes > 0).then_some(loading.done_bytes);
    view! {
        <div class="card arriving">
            <h3 id="loading">{fill(t.loading_model, &[("model", &loading.model)])}</h3>
            <progress aria-labelledby="loading" max=loading.total_bytes.max(1) value=done></progress>
            <button on:click=move |_| session.cancel()>{t.cancel}</button>
        </div>
    }
}

fn card(loaded: &Loaded, t: &'static Phrases, session: Session) -> impl IntoView + use<> {
    view! {
        <div class="card good">
            <h2>{fill(t.is_loaded, &[("model", &loaded.model)])}</h2>
            <dl class="values">{facts(loaded, t).into_iter().map(row).collect_view()}</dl>
            <p class="actions">
                <a class="button primary" href=Screen::Try.link()>{t.try_it}</a>
                <button on:click=move |_| session.unload()>{t.unload}</button>
            </p>
        </div>
    }
}

fn row(fact: Fact) -> impl IntoView {
    view! {
        <div>
            <dt>{fact.label}</dt>
            <dd>{fact.value}</dd>
        </div>
    }
}

fn facts(loaded: &Loaded, t: &'static Phrases) -> Vec<Fact> {
    let template = if loaded.template_built_in { t.template_built_in } else { t.template_own };
    [
        (t.computes_on, device(&loaded.device, t)),
        (t.architecture, loaded.architecture.clone()),
        (t.parameters, units::count(loaded.parameters)),
        (t.layers, units::count(loaded.layers)),
        (t.context, fill(t.tokens, &[("count", &units::count(loaded.context))])),
        (t.weights, units::bytes(loaded.bytes)),
        (t.template, template.to_owned()),
        (t.load_time, units::seconds(loaded.duration_secs)),
    ]
    .map(|(label, value)| Fact { label, value })
    .into()
}

fn device(device: &Computes, t: &Phrases) -> String {
    match device {
        Computes::Cpu => t.device_cpu.to_owned(),
        Computes::Gpu { software: true, .. } => format!("{} ({})", t.device_gpu, t.software),
        Computes::Gpu { name, .. } if name.is_empty() => t.device_gpu.to_owned(),
        Computes::Gpu { name, .. } => name.clone(),
    }
}
