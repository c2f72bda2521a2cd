//! The page as a whole: shell around a screen.

use crate::carried;
use crate::choices::Choices;
use crate::link::State;
use crate::linked;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::run::Run;
use crate::screens::{Check, Data, Model, Runs, Settings, Share, Train, Try};
use crate::session::Session;
use crate::shell::{Footer, Header, Way};
use leptos::prelude::*;
use smolder_protocol::{Command, TrainCommand};

#[component]
pub(crate) fn App() -> impl IntoView {
    let preferences = Preferences::load();
    preferences.apply();
    provide_context(preferences);
    let choices = Choices::load();
    provide_context(choices);
    let session = Session::start(choices);
    provide_context(session);
    fetch_what_is_chosen(session, choices);
    guard_the_run(session);
    save_when_hidden(session);
    hear_links(choices);
    let screen = screen_of_address();
    let stopped = Memo::new(move |_| session.state.with(|state| matches!(state, State::Stopped(_))));
    let t = move || preferences.phrases();
    Effect::new(move || document().set_title(&format!("{} · {}", screen.get().name(t()), t().title)));
    view! {
        <a class="skip" href="#main" on:click=skip>{move || t().skip}</a>
        <Header/>
        <Way screen/>
        <main id="main" tabindex="-1">
            <Show when=move || screen.get() != Screen::Check && stopped.get()>
                <p class="card bad stopped" role="alert">
                    {move || t().way.trainer_missing} " "
                    <a href=Screen::Check.hash()>{move || t().way.to_check}</a>
                </p>
            </Show>
            {move || match screen.get() {
                Screen::Check => view! { <Check/> }.into_any(),
                Screen::Model => view! { <Model/> }.into_any(),
                Screen::Data => view! { <Data/> }.into_any(),
                Screen::Settings => view! { <Settings/> }.into_any(),
                Screen::Train => view! { <Train/> }.into_any(),
                Screen::Try => view! { <Try/> }.into_any(),
                Screen::Share => view! { <Share/> }.into_any(),
                Screen::Runs => view! { <Runs/> }.into_any(),
            }}
        </main>
        <Footer/>
    }
}

/// The screen that the address names. A screen that is opened takes the keyboard's place.
fn screen_of_address() -> Memo<Screen> {
    let address = || Screen::from_hash(&window().location().hash().unwrap_or_default());
    let hash = RwSignal::new(address());
    window_event_listener(leptos::ev::hashchange, move |_| {
        hash.set(address());
        request_animation_frame(focus_headline);
    });
    Memo::new(move |_| hash.get())
}

fn focus_headline() {
    window().scroll_to_with_x_and_y(0.0, 0.0);
    if let Ok(Some(headline)) = document().query_selector("h1")
        && let Ok(headline) = wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(headline)
    {
        let _ = headline.focus();
    }
}

/// The address belongs to the screens; skipping only moves the keyboard's place.
#[allow(clippy::needless_pass_by_value, reason = "the shape of a handler")]
fn skip(event: leptos::ev::MouseEvent) {
    event.prevent_default();
    if let Some(main) = document().get_element_by_id("main")
        && let Ok(main) = wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(main)
    {
        let _ = main.focus();
    }
}

/// What comes with the page is copied into its storage as soon as it is chosen.
fn fetch_what_is_chosen(session: Session, choices: Choices) {
    let known = Memo::new(move |_| session.library.with(|library| library.known));
    let names = Memo::new(move |_| choices.config.with(|config| (config.model.clone(), config.data.clone())));
    Effect::new(move || {
        names.track();
        if known.get() {
            session.fetch_chosen();
        }
    });
}

/// A tab that is hidden may be thrown away without a further word.
fn save_when_hidden(session: Session) {
    for event in ["visibilitychange", "pagehide"] {
        window_event_listener_untyped(event, move |_| {
            if document().hidden() && session.run.with_untracked(Run::under_way) {
                session.send(&Command::Train(TrainCommand::Save));
            }
        });
    }
}

/// What a link brings is offered, and taken out of the address.
fn hear_links(choices: Choices) {
    let decoded = |text: &str| js_sys::decode_uri_component(text).map(String::from).ok();
    let look = move || {
        let hash = window().location().hash().unwrap_or_default();
        if let Some(text) = hash.strip_prefix(carried::PREFIX) {
            let json = decoded(text).unwrap_or_default();
            choices.offered.set(Some(carried::read(&json, &choices.config.get_untracked())));
        } else if linked::offers(&hash).is_some() {
            choices.linked.set(Some(linked::read(&hash, decoded)));
        } else {
            return;
        }
        let _ = window().location().replace(Screen::from_hash(&hash).hash());
    };
    look();
    window_event_listener(leptos::ev::hashchange, move |_| look());
}

/// A run ends with the page, so the browser asks before it closes.
fn guard_the_run(session: Session) {
    window_event_listener(leptos::ev::beforeunload, move |event| {
        if session.run.with_untracked(Run::under_way) {
            event.prevent_default();
        }
    });
}
