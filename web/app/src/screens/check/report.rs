//! The report as text, to copy into a bug report.

use crate::BUILD;
use crate::browser::copy_text;
use crate::preferences::Preferences;
use crate::report::{self, Surroundings};
use crate::session::Session;
use leptos::prelude::*;

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
    let copy = move |_| {
        leptos::task::spawn_local(async move {
            let copied = copy_text(&text.get_untracked()).await;
            copying.set(if copied { Copying::Done } else { Copying::Refused });
        });
    };
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
