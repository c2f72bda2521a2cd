//! Train: the run as it goes.

mod buttons;
mod chart;
mod charts;
mod chosen;
mod head;
mod log;
mod missing;
mod samples;
mod wake;

use super::parts::{Transfers, trouble};
use crate::preferences::Preferences;
use crate::run::Status;
use crate::session::Session;
use crate::text::{Words, run_failure_words};
use buttons::Buttons;
pub(super) use buttons::ready;
use charts::Charts;
use chosen::ChosenRun;
use head::{Head, Numbers};
use leptos::prelude::*;
use log::Log;
use missing::Missing;
use samples::Samples;
use smolder_protocol::storage::Shelf;

#[component]
pub(crate) fn Train() -> impl IntoView {
    let session = Session::here();
    let idle = Memo::new(move |_| session.run.with(|run| run.status == Status::Idle));
    view! {
        <section class="flow">
            <Head/>
            <Failed/>
            <Show when=move || idle.get()>
                <ChosenRun/>
                <Missing/>
                <Transfers shelf=Shelf::Models/>
            </Show>
            <Elsewhere/>
            <Buttons/>
            <Show when=move || !idle.get()>
                <Numbers/>
                <Charts/>
                <Samples/>
                <Log/>
            </Show>
        </section>
    }
}

/// Why no run can begin here now.
#[component]
fn Elsewhere() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    view! {
        <Show when=move || session.elsewhere.get()>
            <div class="card slow elsewhere" role="status">
                <h3>{move || t().train.elsewhere}</h3>
                <p>{move || t().train.elsewhere_lead}</p>
            </div>
        </Show>
    }
}

/// Why there is no adapter.
#[component]
fn Failed() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let status = Memo::new(move |_| session.run.with(|run| run.status.clone()));
    move || match status.get() {
        Status::Failed(failure) => Some(trouble(run_failure_words(&failure, t()))),
        Status::Crashed(reason) => {
            Some(trouble(Words::new(t().trouble.crashed, t().worker_crashed_do).quoting(&reason)))
        }
        _ => None,
    }
}
