//! The run's settings, for a terminal and for somebody else's page.

use super::super::parts::with_code;
use crate::browser::{copy_text, save};
use crate::carried;
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::text::Phrases;
use leptos::prelude::*;

#[component]
pub(super) fn SettingsElsewhere() -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let told = RwSignal::new(None::<fn(&Phrases) -> &'static str>);
    let run = move || choices.trained.get_untracked().unwrap_or_default();
    let toml = move |_| {
        let saved = save("run.toml", carried::toml(&run()).as_bytes(), "application/toml");
        told.set(Some(if saved.is_ok() { |t| t.share.saved } else { |t| t.share.failed }));
    };
    let copy = move |_| {
        leptos::task::spawn_local(async move {
            let copied = copy_text(&link(&carried::json(&run()))).await;
            told.set(Some(if copied { |t| t.copied } else { |t| t.share.copy_failed }));
        });
    };
    let address = move || choices.trained.get().map(|run| link(&carried::json(&run))).unwrap_or_default();
    view! {
        <section>
            <h2>{move || t().share.settings}</h2>
            <p class="aside">{move || with_code(t().share.settings_lead)}</p>
            <p class="buttons">
                <button name="toml" on:click=toml>{move || t().share.toml}</button>
                <button name="link" on:click=copy>{move || t().share.copy_link}</button>
                <span class="amount" role="status">{move || told.get().map(|words| words(t()))}</span>
            </p>
            <p class="aside link"><a id="settings-link" href=address>{move || t().share.link}</a></p>
        </section>
    }
}

/// This page's address with settings in it.
fn link(json: &str) -> String {
    format!("{}{}{}", page(), carried::PREFIX, String::from(js_sys::encode_uri_component(json)))
}

/// This page's address without its last part.
pub(super) fn page() -> String {
    let here = window().location().href().unwrap_or_default();
    here.split('#').next().unwrap_or_default().to_owned()
}
