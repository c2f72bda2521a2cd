//! What the check found, as lists of labelled values.

use super::models::Models;
use crate::facts::{Fact, Group, groups};
use crate::link::State;
use crate::preferences::Preferences;
use crate::session::Session;
use leptos::prelude::*;

#[component]
pub(super) fn Facts() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let groups = move || {
        session.state.with(|state| match state {
            State::Checked(check) => groups(check, t()),
            _ => Vec::new(),
        })
    };
    view! {
        <h2 class="unseen">{move || t().facts}</h2>
        <div class="facts">
            <Models/>
            {move || groups().into_iter().map(group).collect_view()}
        </div>
    }
}

fn group(group: Group) -> impl IntoView {
    view! {
        <section class="facts-group">
            <h3>{group.title}</h3>
            <dl>{group.facts.into_iter().map(row).collect_view()}</dl>
        </section>
    }
}

fn row(fact: Fact) -> impl IntoView {
    view! {
        <div>
            <dt>{fact.label}</dt>
            <dd>{fact.value}</dd>
        </div>
    }
}
