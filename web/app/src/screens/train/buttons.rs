//! What one can do with a run where it is.

use super::wake::Wake;
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::run::Status;
use crate::session::Session;
use leptos::prelude::*;
use smolder_protocol::Command;
use smolder_protocol::storage::Shelf;
use smolder_protocol::train::TrainCommand;

/// What the buttons offer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    Start,
    Wait,
    Steer,
    Resume,
    Try,
    GoOn,
    Again,
}

impl Offer {
    fn of(status: &Status) -> Self {
        match status {
            Status::Idle => Self::Start,
            Status::Starting | Status::Pausing | Status::Stopping => Self::Wait,
            Status::Running => Self::Steer,
            Status::Paused => Self::Resume,
            Status::Finished(_) => Self::Try,
            Status::Left => Self::GoOn,
            Status::Failed(_) | Status::Crashed(_) => Self::Again,
        }
    }
}

#[component]
pub(super) fn Buttons() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let offer = Memo::new(move |_| session.run.with(|run| Offer::of(&run.status)));
    let steer =
        move |command: TrainCommand, status: Status| move |_| session.steer(command.clone(), status.clone());
    let stop = move || {
        view! { <button on:click=steer(TrainCommand::Stop, Status::Stopping)>{move || t().train.stop}</button> }
    };
    view! {
        <div class="onward">
            {move || match offer.get() {
                Offer::Start => view! { <Start words=|| Preferences::here().phrases().train.start/><GoOn/> }.into_any(),
                Offer::Wait => ().into_any(),
                Offer::Steer => view! {
                    <button class="primary" on:click=steer(TrainCommand::Pause, Status::Pausing)>{move || t().train.pause}</button>
                    <button id="save" on:click=move |_| session.send(&Command::Train(TrainCommand::Save))>{move || t().train.save}</button>
                    {stop()}
                }
                .into_any(),
                Offer::Resume => view! {
                    <button class="primary" on:click=steer(TrainCommand::Continue, Status::Running)>{move || t().train.resume}</button>
                    {stop()}
                }
                .into_any(),
                Offer::Try => view! {
                    <a class="button primary" href=Screen::Try.hash()>{move || t().train.try_it}</a>
                    <GoOn/>
                    <Start words=|| Preferences::here().phrases().train.again plain=true/>
                }
                .into_any(),
                Offer::GoOn => view! {
                    <GoOn primary=true/>
                    <Start words=|| Preferences::here().phrases().train.again plain=true/>
                }
                .into_any(),
                Offer::Again => view! { <GoOn/><Start words=|| Preferences::here().phrases().train.again/> }.into_any(),
            }}
            <Wake/>
        </div>
    }
}

/// Begins the chosen run; open once model and examples are here and the settings can train.
#[component]
fn Start(words: fn() -> &'static str, #[prop(optional)] plain: bool) -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let ready = Memo::new(move |_| ready(session, choices));
    let class = if plain { "" } else { "primary" };
    view! {
        <button id="start" class=class disabled=move || !ready.get() on:click=move |_| session.train_chosen()>{words}</button>
    }
}

/// Whether the chosen run can begin.
pub(in super::super) fn ready(session: Session, choices: Choices) -> bool {
    choices.config.with(|config| {
        let here = session.library.with(|library| {
            library.has(Shelf::Models, &config.model) && library.has(Shelf::Data, &config.data)
        });
        here && config.problems().is_empty() && !session.elsewhere.get()
    })
}

/// Goes on with the run that was broken off, from its newest checkpoint.
#[component]
fn GoOn(#[prop(optional)] primary: bool) -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let go_on = move |_| {
        if let Some(config) = choices.unfinished.get_untracked() {
            session.go_on(config);
        }
    };
    let class = if primary { "primary" } else { "" };
    view! {
        <Show when=move || choices.unfinished.with(Option::is_some)>
            <button id="go-on" class=class disabled=move || session.elsewhere.get() on:click=go_on>{move || t().train.go_on}</button>
        </Show>
    }
}
