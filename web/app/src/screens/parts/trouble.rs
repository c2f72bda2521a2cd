//! What went wrong, as a card.

use crate::preferences::Preferences;
use crate::text::Words;
use leptos::prelude::*;

/// What went wrong, what to do, the platform's own words; announced when it appears.
pub(crate) fn trouble(words: Words) -> impl IntoView {
    let quoted = words.quote.is_some().then(|| Preferences::here().phrases().trouble.says);
    view! {
        <div class="card bad" role="alert">
            <h3>{words.title}</h3>
            {words.advice.iter().map(|advice| view! { <p>{with_code(advice)}</p> }).collect_view()}
            {words.quote.map(|quote| view! { <p class="quote">{quoted}" "<q>{quote}</q></p> })}
        </div>
    }
}

/// Text whose parts between backticks are code.
pub(crate) fn with_code(text: &str) -> Vec<AnyView> {
    let part = |(index, part): (usize, &str)| {
        let part = part.to_owned();
        if index % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
    };
    text.split('`').enumerate().map(part).collect()
}
