//! The same prompts before training and now.

use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, fill};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::train::Sample;

#[component]
pub(super) fn Samples() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let samples = Memo::new(move |_| {
        session.run.with(|run| {
            let both = run.before_and_after().into_iter();
            both.map(|(before, now)| (before.clone(), now.cloned())).collect::<Vec<_>>()
        })
    });
    view! {
        <section>
            <h2>{move || t().train.samples}</h2>
            <p class="aside">
                {move || if samples.with(Vec::is_empty) { t().train.no_samples } else { t().train.samples_lead }}
            </p>
            <ul class="cards">
                {move || samples.get().into_iter().map(|(before, now)| pair(&before, now.as_ref(), t())).collect_view()}
            </ul>
        </section>
    }
}

fn pair(before: &Sample, now: Option<&Sample>, t: &'static Phrases) -> impl IntoView + use<> {
    let waiting = now.is_none().then(|| view! { <p class="aside">{t.train.waiting}</p> });
    view! {
        <li class="card sample">
            <p class="prompt" dir="auto">{before.prompt.clone()}</p>
            <div class="sides">
                {answer(before, t)} {now.map(|now| answer(now, t))} {waiting}
            </div>
        </li>
    }
}

/// Text from a model: a text node.
fn answer(sample: &Sample, t: &Phrases) -> impl IntoView + use<> {
    let title = match sample.step {
        0 => t.train.before.to_owned(),
        step => fill(t.train.at_step, &[("step", &units::count(step))]),
    };
    let text = sample.text.trim().to_owned();
    let text = if text.is_empty() { t.train.empty_answer.to_owned() } else { text };
    view! { <div><h3>{title}</h3><p class="answer" dir="auto">{text}</p></div> }
}
