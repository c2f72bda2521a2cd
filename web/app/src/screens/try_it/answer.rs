//! One of the two answers.

use super::super::parts::trouble;
use crate::answers::{Answer, Progress};
use crate::preferences::Preferences;
use crate::text::{Phrases, fill, generate_failure_words};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::model::Written;

#[component]
pub(super) fn OneAnswer(
    /// Whose it is.
    title: fn(&Phrases) -> &'static str,
    /// What was written.
    answer: Memo<Answer>,
    /// Whether it is the one that was trained.
    #[prop(optional)]
    tuned: bool,
) -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let writing =
        move || answer.with(|answer| matches!(answer.progress, Progress::Reading | Progress::Writing));
    view! {
        <section class="card reply" class:tuned=tuned aria-busy=move || writing().to_string()>
            <h2>{move || title(t())}</h2>
            <p class="answer" class:working=writing dir="auto">{move || answer.with(shown)}</p>
            <p class="aside" role="status">{move || answer.with(|answer| state(answer, t()))}</p>
            {move || answer.with(|answer| match &answer.progress {
                Progress::Failed(failure) => Some(trouble(generate_failure_words(failure, t()))),
                _ => None,
            })}
        </section>
    }
}

/// Text from a model: a text node.
fn shown(answer: &Answer) -> String {
    answer.text.trim_start().to_owned()
}

fn state(answer: &Answer, t: &Phrases) -> String {
    match &answer.progress {
        Progress::Idle if answer.text.is_empty() => t.try_it.waiting.to_owned(),
        Progress::Queued => t.try_it.queued.to_owned(),
        Progress::Reading => t.try_it.reading.to_owned(),
        Progress::Done(_) if answer.text.trim().is_empty() => t.try_it.nothing.to_owned(),
        Progress::Done(written) => speed(written, t),
        Progress::Idle | Progress::Writing | Progress::Failed(_) => String::new(),
    }
}

fn speed(written: &Written, t: &Phrases) -> String {
    let tokens = units::count(written.tokens as u64);
    match written.tokens_per_s() {
        Some(speed) => fill(t.try_it.speed, &[("tokens", &tokens), ("speed", &format!("{speed:.1}"))]),
        None => fill(t.try_it.count, &[("tokens", &tokens)]),
    }
}
