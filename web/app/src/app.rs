//! The page as a whole: shell around a screen.

use crate::preferences::Preferences;
use crate::screens::Check;
use crate::session::Session;
use crate::shell::{Footer, Header};
use leptos::prelude::*;

#[component]
pub(crate) fn App() -> impl IntoView {
    let preferences = Preferences::load();
    preferences.apply();
    provide_context(preferences);
    provide_context(Session::start());
    let t = move || preferences.phrases();
    view! {
        <a class="skip" href="#main">{move || t().skip}</a>
        <Header/>
        <main id="main" tabindex="-1">
            <Check/>
        </main>
        <Footer/>
    }
}
