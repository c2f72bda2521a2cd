//! What several screens are made of.

mod base;
mod choice;
mod facts;
mod file;
mod transfers;
mod trouble;

pub(super) use base::Base;
pub(super) use choice::Choice;
pub(super) use facts::{Row, facts};
pub(super) use file::FileDrop;
pub(super) use transfers::{Transfers, UnderWay};
pub(super) use trouble::{trouble, with_code};

use crate::preferences::Preferences;
use crate::route::Screen;
use crate::text::{Phrases, fill};
use leptos::prelude::*;

/// A screen's headline and what it is about. The headline takes the keyboard's place when a screen is opened.
#[component]
pub(super) fn Heading(
    /// The headline.
    #[prop(into)]
    title: Signal<String>,
    /// A sentence or two.
    #[prop(into)]
    lead: Signal<String>,
    /// `good`, `slow`, `bad` or `running`; nothing for a plain one.
    #[prop(into, default = "".into())]
    tone: Signal<&'static str>,
) -> impl IntoView {
    view! {
        <div class=move || format!("verdict {}", tone.get())>
            <h1 tabindex="-1">{title}</h1>
            <p class="lead">{lead}</p>
        </div>
    }
}

/// The way back and the way on.
#[component]
pub(super) fn Onward(
    /// This screen.
    at: Screen,
    /// Whether the way on is open.
    #[prop(into, default = true.into())]
    ready: Signal<bool>,
) -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let words = move |text: fn(&Phrases) -> &'static str, to: Screen| {
        move || fill(text(t()), &[("screen", to.name(t()))])
    };
    let back = at.neighbour(-1).map(|to| {
        view! { <a class="button" href=to.hash()>{words(|t| t.way.back, to)}</a> }
    });
    let onward = at.neighbour(1).map(|to| {
        view! {
            <Show when=move || ready.get()>
                <a class="button primary" href=to.hash()>{words(|t| t.way.onward, to)}</a>
            </Show>
        }
    });
    view! { <p class="onward">{back} {onward}</p> }
}

/// How much of something is done.
#[component]
pub(super) fn Amount(
    /// What it is.
    #[prop(into)]
    label: Signal<String>,
    /// From 0 to 1; `None` where nobody knows.
    #[prop(into)]
    share: Signal<Option<f64>>,
    /// The same in words.
    #[prop(into)]
    words: Signal<String>,
) -> impl IntoView {
    // Without the attribute the bar runs; a value that is not there must take it away.
    let bar = move || match share.get() {
        Some(share) => view! { <progress aria-label=label value=share></progress> }.into_any(),
        None => view! { <progress aria-label=label></progress> }.into_any(),
    };
    view! { <p class="amount-line"><span>{label}</span><span class="amount">{words}</span>{bar}</p> }
}
