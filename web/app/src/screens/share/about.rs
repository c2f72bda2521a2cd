//! What the adapter is.

use super::super::model;
use super::super::parts::{Row, facts};
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::run::Status;
use crate::session::Session;
use crate::text::Phrases;
use crate::units;
use leptos::prelude::*;
use smolder_protocol::TrainConfig;

#[component]
pub(super) fn About() -> impl IntoView {
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
        (t.share.run.to_owned(), run.out.clone()),
        (t.share.base.to_owned(), model::title(&run.model, t)),
        (t.share.examples.to_owned(), run.data.clone()),
    ]
}

/// What only a run that is open tells.
fn measured(status: &Status, t: &Phrases) -> Vec<Row> {
    let Status::Finished(end) = status else { return Vec::new() };
    let loss = end.loss.map(|loss| (t.share.loss.to_owned(), format!("{loss:.3}")));
    let best = end.best.map(|best| (t.share.best.to_owned(), format!("{:.3}", best.loss)));
    let steps = (t.share.steps.to_owned(), units::count(end.step));
    [Some(steps), loss, best].into_iter().flatten().collect()
}
