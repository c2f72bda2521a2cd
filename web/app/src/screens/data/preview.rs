//! The exact tokens, and which of them are learned.

use super::super::parts::{trouble, with_code};
use super::audit::audit;
use super::columns::Columns;
use crate::choices::Choices;
use crate::look::Look;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, Words, fill};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::data::{DataFormat, Preview as Found, PreviewFailure, PreviewRow, PreviewToken};

#[component]
pub(super) fn Preview() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let look = Memo::new(move |_| session.looking.with(|looking| looking.look.clone()));
    view! {
        <section class="preview" aria-busy=move || look.with(|look| *look == Look::Reading).to_string()>
            {move || match look.get() {
                Look::Nothing => view! { <p class="aside">{t().data.nothing_yet}</p> }.into_any(),
                Look::Reading => view! { <p class="aside working">{t().data.reading}</p> }.into_any(),
                Look::Shown(found) => shown(&found, t()).into_any(),
                Look::Failed(PreviewFailure::Columns { columns }) => view! { <Columns columns/> }.into_any(),
                Look::Failed(PreviewFailure::Input { reason }) => trouble(unreadable(&reason, t())).into_any(),
            }}
        </section>
    }
}

/// A reason begins with the name of the file that it is about.
fn unreadable(reason: &str, t: &Phrases) -> Words {
    let of_model = Choices::here().config.with_untracked(|config| reason.starts_with(&config.model));
    if of_model {
        return Words::new(t.data.model_cannot, t.data.model_cannot_do).quoting(reason);
    }
    Words::new(t.data.cannot, t.data.cannot_do).quoting(reason)
}

fn shown(found: &Found, t: &'static Phrases) -> impl IntoView + use<> {
    let built_in = found.template_built_in.then(|| view! { <p class="aside">{t.data.template_built_in}</p> });
    let nothing = (found.audit.kept == 0).then(|| trouble(Words::new(t.data.no_rows, t.data.no_rows_do)));
    let rows = found.rows.iter().enumerate().map(|(index, one)| row(index, one, t)).collect_view();
    view! {
        {nothing}
        <h2>{t.data.preview}</h2>
        <p class="aside">{with_code(t.data.preview_lead)}</p>
        <p class="legend">
            <span class="token learned">{t.data.learned}</span>
            <span class="token">{t.data.only_read}</span>
            <span class="aside">{t.data.format} ": " {format(found.format, t)}</span>
        </p>
        {built_in}
        <ol class="token-rows">{rows}</ol>
        {audit(&found.audit, t)}
    }
}

fn row(index: usize, row: &PreviewRow, t: &Phrases) -> impl IntoView + use<> {
    let tokens = row.tokens.len() + row.hidden;
    let values = [("number", index + 1), ("tokens", tokens), ("learned", row.learned)];
    let values = values.map(|(name, value)| (name, units::count(value as u64)));
    let title = fill(t.data.row_title, &values.each_ref().map(|(name, value)| (*name, &**value)));
    let more = fill(t.data.more_tokens, &[("count", &units::count(row.hidden as u64))]);
    let more = (row.hidden > 0).then(|| view! { <span class="aside">{more}</span> });
    view! {
        <li>
            <p class="amount">{title}</p>
            <p class="tokens" translate="no" dir="auto">{row.tokens.iter().map(token).collect_view()} {more}</p>
        </li>
    }
}

/// Text from a person's file: a text node, and a sign where a line ends.
fn token(token: &PreviewToken) -> impl IntoView + use<> {
    let class = if token.learned { "token learned" } else { "token" };
    view! { <span class=class>{token.text.replace('\n', "⏎\n")}</span> }
}

fn format(format: Option<DataFormat>, t: &Phrases) -> &'static str {
    match format {
        Some(DataFormat::Messages) => t.data.messages,
        Some(DataFormat::ShareGpt) => t.data.share_gpt,
        Some(DataFormat::Alpaca) => t.data.alpaca,
        Some(DataFormat::PromptCompletion) => t.data.prompt_completion,
        Some(DataFormat::Preference) => t.data.preference,
        Some(DataFormat::Text) => t.data.text,
        None => t.data.unknown,
    }
}
