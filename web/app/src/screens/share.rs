//! Share: take the adapter along.

use super::parts::{Heading, Onward, Row, facts, trouble};
use crate::browser::{save, stored_file};
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::run::Status;
use crate::session::Session;
use crate::text::{Phrases, Words};
use crate::units;
use crate::zip::archive;
use leptos::prelude::*;
use smolder_protocol::TrainConfig;
use smolder_protocol::storage::{ROOT, RUN_WEIGHTS, RUNS};
use wasm_bindgen::JsValue;

/// What a run leaves in its folder.
const FILES: [&str; 3] = ["README.md", "adapter_config.json", RUN_WEIGHTS];

/// A file to take along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Peft,
    Safetensors,
}

impl Format {
    const ALL: [Self; 2] = [Self::Peft, Self::Safetensors];

    fn words(self, t: &Phrases) -> [&'static str; 2] {
        match self {
            Self::Peft => [t.share.peft, t.share.peft_about],
            Self::Safetensors => [t.share.safetensors, t.share.safetensors_about],
        }
    }

    /// Makes the file of the run `name` and hands it to the browser.
    async fn save(self, name: &str) -> Result<(), JsValue> {
        match self {
            Self::Peft => {
                let mut files = Vec::new();
                for file in FILES {
                    files.push((format!("{name}/{file}"), read(name, file).await?));
                }
                save(&format!("{name}.zip"), &archive(&files), "application/zip")
            }
            Self::Safetensors => {
                let bytes = read(name, RUN_WEIGHTS).await?;
                save(&format!("{name}.safetensors"), &bytes, "application/octet-stream")
            }
        }
    }
}

async fn read(run: &str, file: &str) -> Result<Vec<u8>, JsValue> {
    stored_file(&[ROOT, RUNS, run, file]).await
}

/// What became of the last wish.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Saving {
    Not,
    Preparing,
    Done(Format),
    Failed(String),
}

#[component]
pub(crate) fn Share() -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let saving = RwSignal::new(Saving::Not);
    let save = move |format: Format| {
        let Some(run) = choices.trained.get_untracked() else { return };
        saving.set(Saving::Preparing);
        leptos::task::spawn_local(async move {
            let saved = format.save(&run.out).await;
            saving
                .set(saved.map_or_else(|error| Saving::Failed(words_of(&error)), |()| Saving::Done(format)));
        });
    };
    let one = move |format: Format| {
        let done = move || (saving.get() == Saving::Done(format)).then(|| t().share.saved);
        view! {
            <li class="card">
                <h3>{move || format.words(t())[0]}</h3>
                <p class="aside">{move || format.words(t())[1]}</p>
                <p class="buttons">
                    <button
                        class="primary"
                        name=format!("{format:?}").to_lowercase()
                        disabled=move || saving.get() == Saving::Preparing
                        on:click=move |_| save(format)
                    >
                        {move || t().share.save} <span class="unseen">" " {move || format.words(t())[0]}</span>
                    </button>
                    <span class="amount" role="status">{done}</span>
                </p>
            </li>
        }
    };
    let failed = move || match saving.get() {
        Saving::Failed(reason) => {
            Some(trouble(Words::new(t().share.failed, t().storage.refused_do).quoting(&reason)))
        }
        _ => None,
    };
    view! {
        <section class="flow">
            <Heading
                title=Signal::derive(move || t().share.title.to_owned())
                lead=Signal::derive(move || t().share.lead.to_owned())
            />
            <ul class="cards">{Format::ALL.map(one)}</ul>
            {failed}
            <About/>
            <Onward at=Screen::Share/>
        </section>
    }
}

fn words_of(error: &JsValue) -> String {
    String::from(js_sys::Object::from(error.clone()).to_string())
}

/// What the adapter is.
#[component]
fn About() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let rows = move || {
        let Some(run) = choices.trained.get() else { return Vec::new() };
        [named(&run, t()), session.run.with(|run| measured(&run.status, t()))].concat()
    };
    view! {
        <section>
            <h2>{move || t().share.about}</h2>
            {move || facts(rows())}
        </section>
    }
}

fn named(run: &TrainConfig, t: &Phrases) -> Vec<Row> {
    vec![
        (t.share.base.to_owned(), super::model::title(&run.model, t)),
        (t.share.examples.to_owned(), run.data.clone()),
    ]
}

/// What only the session that trained it knows.
fn measured(status: &Status, t: &Phrases) -> Vec<Row> {
    let Status::Finished(end) = status else { return Vec::new() };
    let loss = end.loss.map(|loss| (t.share.loss.to_owned(), format!("{loss:.3}")));
    let best = end.best.map(|best| (t.share.best.to_owned(), format!("{:.3}", best.loss)));
    let steps = (t.share.steps.to_owned(), units::count(end.step));
    [Some(steps), loss, best].into_iter().flatten().collect()
}
