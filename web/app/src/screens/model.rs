//! Model: what is in the tab's storage, what comes in, and what is on the device.

mod add;
mod kept;
mod loaded;

use crate::preferences::Preferences;
use crate::screens::words::trouble_card;
use crate::session::Session;
use crate::text::trouble_words;
use add::Add;
use kept::Kept;
use leptos::prelude::*;
use loaded::OnDevice;

#[component]
pub(crate) fn Model() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let trouble = Memo::new(move |_| session.library.with(|library| library.trouble.clone()));
    view! {
        <section class="screen">
            <div class="heading">
                <h1 tabindex="-1">{move || t().models}</h1>
                <p class="lead">{move || t().models_lead}</p>
            </div>
            {move || trouble.get().map(|trouble| trouble_card(trouble_words(&trouble, t()), t()))}
            <OnDevice/>
            <Kept/>
            <Add/>
        </section>
    }
}
