//! The way on: train at once, or choose first.

use super::super::train;
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use leptos::prelude::*;

#[component]
pub(super) fn Next() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let ready = Memo::new(move |_| train::ready(session, choices));
    let untouched = Memo::new(move |_| choices.untouched());
    let train = move |_| {
        session.train_chosen();
        let _ = window().location().set_hash(Screen::Train.hash());
    };
    let preparing = move || (!ready.get()).then(|| t().way.preparing);
    let waiting = move || if session.elsewhere.get() { Some(t().train.elsewhere) } else { preparing() };
    view! {
        <Show when=move || !session.training()>
            <div class="next">
                <p class="onward">
                    <Show when=move || untouched.get()>
                        <button id="one-click" class="primary" disabled=move || !ready.get() on:click=train>
                            {move || t().way.one_click}
                        </button>
                    </Show>
                    <a class="button" class:primary=move || !untouched.get() href=Screen::Model.hash()>
                        {move || t().way.choose}
                    </a>
                    <span class="amount" role="status">{waiting}</span>
                </p>
                <Show when=move || untouched.get()>
                    <p class="aside">{move || t().way.one_click_lead}</p>
                </Show>
            </div>
        </Show>
    }
}
