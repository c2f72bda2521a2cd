//! A link that brings the adapter, once it lies at the hub.

use super::super::parts::with_code;
use super::settings::page;
use crate::browser::copy_text;
use crate::choices::Choices;
use crate::linked;
use crate::preferences::Preferences;
use crate::text::{Phrases, fill};
use leptos::prelude::*;
use smolder_protocol::catalog::HUB;

const EXAMPLE: &str = "https://huggingface.co/you/your-adapter";

#[component]
pub(super) fn Lend() -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let text = RwSignal::new(String::new());
    let told = RwSignal::new(None::<fn(&Phrases) -> &'static str>);
    let found = Memo::new(move |_| {
        let text = text.get().trim().to_owned();
        let model = choices.trained.get().map(|run| run.model).unwrap_or_default();
        (!text.is_empty()).then(|| linked::parts_of_link(&model, &text))
    });
    let address = Memo::new(move |_| {
        let encoded = |(key, value): &(&str, String)| {
            format!("{key}={}", String::from(js_sys::encode_uri_component(value)))
        };
        let parts = found.get()?.ok()?;
        Some(format!("{}#{}", page(), parts.iter().map(encoded).collect::<Vec<_>>().join("&")))
    });
    let wrong = move || {
        found.get()?.err()?;
        let host = HUB.trim_start_matches("https://");
        Some(with_code(&fill(t().linked.lend_wrong, &[("host", host), ("example", EXAMPLE)])))
    };
    let copy = move |_| {
        let Some(address) = address.get_untracked() else { return };
        leptos::task::spawn_local(async move {
            let copied = copy_text(&address).await;
            told.set(Some(if copied { |t| t.copied } else { |t| t.share.copy_failed }));
        });
    };
    view! {
        <section>
            <h2>{move || t().linked.lend}</h2>
            <p class="aside">{move || t().linked.lend_lead}</p>
            <p class="link-form">
                <label for="lend">{move || t().linked.lend_address}</label>
                <input id="lend" type="url" inputmode="url" autocomplete="off" spellcheck="false" placeholder=EXAMPLE
                    prop:value=text on:input=move |event| text.set(event_target_value(&event)) />
                <button disabled=move || address.get().is_none() on:click=copy>{move || t().share.copy_link}</button>
            </p>
            <p class="wrong" role="status">{wrong}</p>
            <p class="amount" role="status">{move || told.get().map(|words| words(t()))}</p>
            <p class="aside link">
                {move || address.get().map(|address| view! { <a id="adapter-link" href=address>{t().share.link}</a> })}
            </p>
        </section>
    }
}
