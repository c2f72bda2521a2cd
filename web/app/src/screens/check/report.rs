//! The report as text, to copy into a bug report.

use crate::BUILD;
use crate::preferences::Preferences;
use crate::report::{self, Surroundings};
use crate::session::Session;
use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// What became of the last copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copying {
    Not,
    Done,
    Refused,
}

#[component]
pub(super) fn Report() -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let text = Memo::new(move |_| text());
    let copying = RwSignal::new(Copying::Not);
    let words = move || match copying.get() {
        Copying::Not => "",
        Copying::Done => t().copied,
        Copying::Refused => t().copy_failed,
    };
    let copy =
        move |_| leptos::task::spawn_local(async move { copying.set(copy_text(text.get_untracked()).await) });
    view! {
        <details class="report">
            <summary>{move || t().report}</summary>
            <p>{move || t().report_lead}</p>
            <pre tabindex="0">{text}</pre>
            <p class="copy">
                <button on:click=copy>{move || t().copy}</button>
                <span role="status">{words}</span>
            </p>
        </details>
    }
}

fn text() -> String {
    let browser = window().navigator().user_agent().unwrap_or_default();
    let about = Surroundings { build: BUILD, browser: &browser };
    let t = Preferences::here().phrases();
    Session::here().state.with(|state| report::text(state, &about, t)).unwrap_or_default()
}

/// An insecure page has no clipboard at all, so ask before touching it.
async fn copy_text(text: String) -> Copying {
    if !window().is_secure_context() {
        return Copying::Refused;
    }
    match JsFuture::from(window().navigator().clipboard().write_text(&text)).await {
        Ok(_) => Copying::Done,
        Err(_) => Copying::Refused,
    }
}
