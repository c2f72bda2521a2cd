//! The forms in which the adapter can be had.

use super::super::parts::{Amount, trouble};
use crate::browser::words_of;
use crate::choices::Choices;
use crate::download;
use crate::exports::{Exports, State};
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, Words, fill, storage_failure_words};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::storage::ExportForm;
use smolder_protocol::{Command, StorageCommand};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Peft,
    Safetensors,
    Gguf,
    Mlx,
    Merged,
    Card,
}

impl Format {
    const ALL: [Self; 6] = [Self::Peft, Self::Safetensors, Self::Gguf, Self::Mlx, Self::Merged, Self::Card];

    fn words(self, t: &Phrases) -> [&'static str; 2] {
        match self {
            Self::Peft => [t.share.peft, t.share.peft_about],
            Self::Safetensors => [t.share.safetensors, t.share.safetensors_about],
            Self::Gguf => [t.share.gguf, t.share.gguf_about],
            Self::Mlx => [t.share.mlx, t.share.mlx_about],
            Self::Merged => [t.share.merged, t.share.merged_about],
            Self::Card => [t.share.card, t.share.card_about],
        }
    }

    /// How the worker calls it; the others are in the run's folder as they are.
    fn export(self) -> Option<ExportForm> {
        match self {
            Self::Gguf => Some(ExportForm::GgufLora),
            Self::Mlx => Some(ExportForm::Mlx),
            Self::Merged => Some(ExportForm::Merged),
            Self::Peft | Self::Safetensors | Self::Card => None,
        }
    }
}

/// What became of the last wish that the page itself grants.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Saving {
    Not,
    Preparing,
    Done(Format),
    Failed(String),
}

#[component]
pub(super) fn Formats() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let saving = RwSignal::new(Saving::Not);
    let save = move |format: Format| {
        let Some(run) = choices.trained.get_untracked() else { return };
        if let Some(form) = format.export() {
            saving.set(Saving::Not);
            return session.export(&run, form);
        }
        saving.set(Saving::Preparing);
        leptos::task::spawn_local(async move {
            let saved = match format {
                Format::Peft => download::peft(&run.out).await,
                Format::Card => download::card(&run.out).await,
                _ => download::safetensors(&run.out).await,
            };
            saving
                .set(saved.map_or_else(|error| Saving::Failed(words_of(&error)), |()| Saving::Done(format)));
        });
    };
    let busy =
        Memo::new(move |_| saving.get() == Saving::Preparing || session.exports.with(Exports::writing));
    let one = move |format: Format| view! { <OneFormat format saving busy save=Callback::new(save)/> };
    view! {
        <ul class="cards side">{Format::ALL.map(one)}</ul>
        <Failed saving/>
    }
}

#[component]
fn OneFormat(
    format: Format,
    saving: RwSignal<Saving>,
    busy: Memo<bool>,
    save: Callback<Format>,
) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let ours = move |exports: &Exports| {
        format.export().is_some() && exports.last().map(|last| last.form) == format.export()
    };
    let writing = Memo::new(move |_| session.exports.with(|exports| ours(exports) && exports.writing()));
    let written = move || {
        saving.get() == Saving::Done(format)
            || session.exports.with(|exports| ours(exports) && matches!(exports.state, State::Written(_)))
    };
    let done = move || written().then(|| t().share.saved);
    view! {
        <li class="card">
            <h3>{move || format.words(t())[0]}</h3>
            <p class="aside">{move || format.words(t())[1]}</p>
            <p class="buttons">
                <button
                    class:primary=format == Format::Peft
                    name=format!("{format:?}").to_lowercase()
                    disabled=busy
                    on:click=move |_| save.run(format)
                >
                    {move || t().share.save} <span class="unseen">" " {move || format.words(t())[0]}</span>
                </button>
                <span class="amount" role="status">{done}</span>
            </p>
            <Show when=move || writing.get()>
                <Writing/>
            </Show>
        </li>
    }
}

/// How much of an export is written, and the way to stop it.
#[component]
fn Writing() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let amount = move || {
        session.exports.with(|exports| match exports.state {
            State::Writing(done, total) => (done, total),
            _ => (0, None),
        })
    };
    let label = Signal::derive(move || t().share.writing.to_owned());
    let share = Signal::derive(move || {
        let (done, total) = amount();
        Some(done as f64 / total.filter(|total| *total > 0)? as f64)
    });
    let words = Signal::derive(move || match amount() {
        (done, Some(total)) => {
            fill(t().model.of, &[("done", &units::bytes(done)), ("total", &units::bytes(total))])
        }
        _ => String::new(),
    });
    let cancel = move |_| {
        if let Some(id) = session.exports.with_untracked(|exports| exports.last().map(|last| last.id)) {
            session.send(&Command::Storage(StorageCommand::Cancel(id)));
        }
    };
    view! {
        <div class="transfer">
            <Amount label share words/>
            <button on:click=cancel>{move || t().model.cancel}</button>
        </div>
    }
}

#[component]
fn Failed(saving: RwSignal<Saving>) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let export = Memo::new(move |_| session.exports.with(|exports| exports.state.clone()));
    move || match (saving.get(), export.get()) {
        (Saving::Failed(reason), _) => {
            Some(trouble(Words::new(t().share.failed, t().storage.refused_do).quoting(&reason)))
        }
        (_, State::Failed(smolder_protocol::storage::StorageFailure::File { reason })) => {
            Some(trouble(Words::new(t().share.failed, t().share.unfit).quoting(&reason)))
        }
        (_, State::Failed(failure)) => Some(trouble(storage_failure_words(&failure, t()))),
        _ => None,
    }
}
