//! Settings that came with a link.

use super::super::parts::{facts, trouble};
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::text::Words;
use leptos::prelude::*;
use smolder_protocol::TrainConfig;

#[component]
pub(super) fn Offered() -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    move || match choices.offered.get()? {
        Ok(config) => Some(view! { <Ask config/> }.into_any()),
        Err(reason) => Some(
            trouble(Words::new(t().settings.link_broken, t().settings.link_broken_do).quoting(&reason))
                .into_any(),
        ),
    }
}

#[component]
fn Ask(config: TrainConfig) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let changes = changes(&choices.config.get_untracked(), &config);
    let same = changes.is_empty();
    let config = StoredValue::new(config);
    let take = move |_| {
        choices.config.set(config.get_value());
        choices.offered.set(None);
    };
    view! {
        <section class="card offered" role="alert">
            <h2>{move || t().settings.link}</h2>
            <p>{move || if same { t().settings.link_same } else { t().settings.link_lead }}</p>
            {facts(changes)}
            <p class="buttons">
                <Show when=move || !same>
                    <button class="primary" name="take" on:click=take>{move || t().settings.link_take}</button>
                </Show>
                <button name="leave" on:click=move |_| choices.offered.set(None)>{move || t().settings.link_leave}</button>
            </p>
        </section>
    }
}

/// What would be another: its key, what it is and what it would be.
fn changes(now: &TrainConfig, then: &TrainConfig) -> Vec<(String, String)> {
    let (now, then, all) = (now.own(), then.own(), TrainConfig::default());
    let Ok(all) = serde_json::to_value(all) else { return Vec::new() };
    let shown = |own: &serde_json::Map<String, serde_json::Value>, key: &str| {
        own.get(key).or_else(|| all.get(key)).map(ToString::to_string).unwrap_or_default()
    };
    let keys = all.as_object().into_iter().flat_map(|all| all.keys());
    let both = keys.map(|key| (key.clone(), shown(&now, key), shown(&then, key)));
    both.filter(|(_, now, then)| now != then)
        .map(|(key, now, then)| (key, format!("{now} → {then}")))
        .collect()
}
