//! Settings: how to train.

mod advanced;
mod field;
mod method;
mod offered;
mod takes;

use super::parts::{Choice, Heading, Onward, trouble};
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::presets::Preset;
use crate::route::Screen;
use crate::text::{Phrases, Words};
use advanced::Advanced;
use leptos::prelude::*;
use method::Methods;
use offered::Offered;
use smolder_protocol::TrainConfig;
use takes::Takes;

#[component]
pub(crate) fn Settings() -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let problems = Memo::new(move |_| choices.config.with(TrainConfig::problems));
    let ready = Memo::new(move |_| problems.with(Vec::is_empty));
    let wrong = move || {
        let list: Vec<String> = problems.get().iter().map(ToString::to_string).collect();
        (!list.is_empty()).then(|| {
            trouble(Words::new(t().settings.invalid, t().trouble.settings_do).quoting(&list.join("; ")))
        })
    };
    view! {
        <section class="flow">
            <Heading
                title=Signal::derive(move || t().settings.title.to_owned())
                lead=Signal::derive(move || t().settings.lead.to_owned())
            />
            <Offered/>
            <Presets/>
            <Methods/>
            <Advanced/>
            {wrong}
            <Takes/>
            <Onward at=Screen::Settings ready/>
        </section>
    }
}

#[component]
fn Presets() -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let now = Memo::new(move |_| choices.config.with(Preset::of));
    let one = move |preset: Preset| {
        let title = Signal::derive(move || title(preset, t()).to_owned());
        let about = Signal::derive(move || about(preset, t()).to_owned());
        let choose = Callback::new(move |()| choices.change(|config| *config = preset.applied_to(config)));
        let chosen = Signal::derive(move || now.get() == Some(preset));
        view! { <Choice group="preset" value=format!("{preset:?}") title about amount="" chosen choose/> }
    };
    let custom_title = Signal::derive(move || t().settings.custom.to_owned());
    let custom_about = Signal::derive(move || t().settings.custom_about.to_owned());
    view! {
        <fieldset class="choices columns">
            <legend><h2>{move || t().settings.presets}</h2></legend>
            {Preset::ALL.map(one)}
            <Show when=move || now.get().is_none()>
                <Choice
                    group="preset"
                    value="custom"
                    title=custom_title
                    about=custom_about
                    amount=""
                    chosen=true
                    choose=Callback::new(|()| ())
                />
            </Show>
        </fieldset>
    }
}

pub(super) fn title(preset: Preset, t: &Phrases) -> &'static str {
    match preset {
        Preset::Quick => t.settings.quick,
        Preset::Balanced => t.settings.balanced,
        Preset::Thorough => t.settings.thorough,
    }
}

fn about(preset: Preset, t: &Phrases) -> &'static str {
    match preset {
        Preset::Quick => t.settings.quick_about,
        Preset::Balanced => t.settings.balanced_about,
        Preset::Thorough => t.settings.thorough_about,
    }
}
