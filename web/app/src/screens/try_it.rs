//! Try: the same prompt to base and tuned model, side by side.

mod answer;
mod ask;

use super::parts::{Heading, Onward};
use crate::answers::Answers;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use answer::OneAnswer;
use ask::Ask;
use leptos::prelude::*;

#[component]
pub(crate) fn Try() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let same = Memo::new(move |_| session.answers.with(Answers::same));
    let base = Memo::new(move |_| session.answers.with(|answers| answers.base.clone()));
    let tuned = Memo::new(move |_| session.answers.with(|answers| answers.tuned.clone()));
    view! {
        <section class="flow">
            <Heading
                title=Signal::derive(move || t().try_it.title.to_owned())
                lead=Signal::derive(move || t().try_it.lead.to_owned())
            />
            <Ask/>
            <div class="compare">
                <OneAnswer title=|t| t.try_it.base answer=base/>
                <OneAnswer title=|t| t.try_it.tuned answer=tuned tuned=true/>
            </div>
            <p class="aside" role="status">{move || same.get().then(|| t().try_it.same)}</p>
            <Onward at=Screen::Try/>
        </section>
    }
}
