//! What will be trained, before it is.

use super::super::model;
use crate::bundled;
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use crate::text::{Phrases, fill, method_words};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::Length;

#[component]
pub(super) fn ChosenRun() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let method = move || {
        let name = choices.config.with(|config| config.method.clone());
        session
            .methods
            .with(|methods| {
                methods.iter().find(|spec| spec.name == name).map(|spec| method_words(spec, t()).0)
            })
            .unwrap_or(name)
    };
    let row = move |label: fn(&Phrases) -> &'static str, value: Signal<String>, screen: Screen| {
        view! {
            <div>
                <dt>{move || label(t())}</dt>
                <dd>
                    {value} " "
                    <a href=screen.hash()>{move || t().train.change}<span class="unseen">" " {move || label(t())}</span></a>
                </dd>
            </div>
        }
    };
    let read = move |value: fn(&TrainConfig, &Phrases) -> String| {
        Signal::derive(move || choices.config.with(|config| value(config, t())))
    };
    view! {
        <dl class="pairs chosen" aria-label=move || t().train.choice>
            {row(|t| t.train.base, read(|config, t| model::title(&config.model, t)), Screen::Model)}
            {row(|t| t.train.examples, read(examples), Screen::Data)}
            {row(|t| t.train.method, Signal::derive(method), Screen::Settings)}
            {row(|t| t.train.length, read(length), Screen::Settings)}
        </dl>
    }
}

fn examples(config: &TrainConfig, t: &Phrases) -> String {
    bundled::examples(&config.data).map_or(&*config.data, |known| (known.title)(t)).to_owned()
}

fn length(config: &TrainConfig, t: &Phrases) -> String {
    match config.length() {
        Length::Steps(steps) => fill(t.train.steps_count, &[("count", &units::count(steps))]),
        Length::Epochs(epochs) => fill(t.train.epochs_count, &[("count", &epochs.to_string())]),
    }
}
