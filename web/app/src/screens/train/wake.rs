//! The switch that keeps the screen awake.

use crate::preferences::Preferences;
use crate::session::Session;
use leptos::prelude::*;

/// Shown while a run is under way in a browser that can do it.
#[component]
pub(super) fn Wake() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let shown = Memo::new(move |_| session.training() && Session::can_keep_awake());
    view! {
        <Show when=move || shown.get()>
            <label class="inline">
                <input type="checkbox" prop:checked=session.awake on:change=move |event| session.awake.set(event_target_checked(&event))/>
                <span>{move || t().train.awake}</span>
            </label>
        </Show>
    }
}
