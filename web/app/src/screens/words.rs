//! Advice as paragraphs.

use crate::text::{Phrases, Words};
use leptos::prelude::*;

/// What to do, and the platform's own words.
pub(super) fn advice(words: Words, t: &Phrases) -> impl IntoView + use<> {
    let paragraphs = words.advice.iter().map(|advice| view! { <p>{with_code(advice)}</p> }).collect_view();
    let says = t.browser_says;
    let quote = words.quote.map(|quote| view! { <p class="quote">{says}" "<q>{quote}</q></p> });
    view! { {paragraphs} {quote} }
}

/// Text whose parts between backticks are code.
fn with_code(text: &str) -> Vec<AnyView> {
    let part = |(index, part): (usize, &str)| {
        let part = part.to_owned();
        if index % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
    };
    text.split('`').enumerate().map(part).collect()
}

/// A card that says what went wrong and what to do.
pub(super) fn trouble_card(words: Words, t: &Phrases) -> impl IntoView + use<> {
    let title = words.title;
    view! {
        <div class="card bad" role="alert">
            <h3>{title}</h3>
            {advice(words, t)}
        </div>
    }
}
