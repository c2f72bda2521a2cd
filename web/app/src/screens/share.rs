//! Share: take the adapter along.

mod about;
mod formats;
mod lend;
mod settings;

use super::parts::{Heading, Onward};
use crate::preferences::Preferences;
use crate::route::Screen;
use about::About;
use formats::Formats;
use lend::Lend;
use leptos::prelude::*;
use settings::SettingsElsewhere;

#[component]
pub(crate) fn Share() -> impl IntoView {
    let t = move || Preferences::here().phrases();
    view! {
        <section class="flow">
            <Heading
                title=Signal::derive(move || t().share.title.to_owned())
                lead=Signal::derive(move || t().share.lead.to_owned())
            />
            <Formats/>
            <About/>
            <Lend/>
            <SettingsElsewhere/>
            <Onward at=Screen::Share/>
        </section>
    }
}
