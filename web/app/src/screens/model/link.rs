//! A model by its address at the hub.

use crate::choices::Choices;
use crate::library::Download;
use crate::preferences::Preferences;
use crate::screens::parts::with_code;
use crate::session::Session;
use crate::text::fill;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use smolder_protocol::catalog::HUB;

const EXAMPLE: &str = "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/blob/main/Qwen3-0.6B-Q8_0.gguf";

#[component]
pub(super) fn Link() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let (text, refused) = (RwSignal::new(String::new()), RwSignal::new(false));
    let get = move |event: SubmitEvent| {
        event.prevent_default();
        let found = text.with_untracked(|text| Download::pasted(text));
        refused.set(found.is_none());
        if let Some(model) = found {
            choices.take_model(model.name.clone());
            session.download(model);
            text.set(String::new());
        }
    };
    let complaint = move || {
        let host = HUB.trim_start_matches("https://");
        refused.get().then(|| with_code(&fill(t().model.not_link, &[("host", host), ("example", EXAMPLE)])))
    };
    view! {
        <form class="link-form" on:submit=get>
            <label for="model-link">{move || t().model.link}</label>
            <input id="model-link" type="url" inputmode="url" autocomplete="off" spellcheck="false" placeholder=EXAMPLE
                prop:value=text on:input=move |event| text.set(event_target_value(&event)) />
            <button>{move || t().model.link_get}</button>
        </form>
        <p class="wrong" role="status">{complaint}</p>
    }
}
