//! What became of all rows, and how long they are.

use super::super::parts::{Row, facts, with_code};
use crate::choices::Choices;
use crate::look::{Bar, bars};
use crate::text::{Phrases, fill};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::data::{Audit, Dropped};

pub(super) fn audit(audit: &Audit, t: &'static Phrases) -> impl IntoView + use<> {
    view! {
        <h2>{t.data.audit}</h2>
        <div class="audit">
            <div>{facts(counts(audit, t))} {dropped(&audit.dropped, t)}</div>
            {lengths(audit, t)}
        </div>
    }
}

fn counts(audit: &Audit, t: &Phrases) -> Vec<Row> {
    let count = |value: usize| units::count(value as u64);
    let share = format!("{:.0} %", 100.0 * audit.learned as f64 / audit.tokens.max(1) as f64);
    let tokens = fill(t.data.tokens_learned, &[("count", &units::count(audit.tokens)), ("share", &share)]);
    let left_out: usize = audit.dropped.iter().map(|one| one.rows).sum();
    let longest = fill(t.data.in_tokens, &[("count", &count(audit.longest))]);
    let always = [(t.data.kept, count(audit.kept)), (t.data.dropped, count(left_out))];
    let length = Choices::here().config.with_untracked(|config| config.seq_len);
    let cut = fill(t.data.truncated, &[("length", &units::count(length.into()))]);
    let where_any = [
        (t.data.fully_masked, audit.fully_masked),
        (&*cut, audit.truncated),
        (t.data.missing_eos, audit.missing_eos),
        (t.data.duplicate_bos, audit.duplicate_bos),
    ];
    let where_any =
        where_any.into_iter().filter(|(_, rows)| *rows > 0).map(|(label, rows)| (label, count(rows)));
    let last = [(t.data.tokens, tokens), (t.data.longest, longest)];
    always.into_iter().chain(where_any).chain(last).map(|(label, value)| (label.to_owned(), value)).collect()
}

fn dropped(dropped: &[Dropped], t: &Phrases) -> impl IntoView + use<> {
    let one = |one: &Dropped| {
        let first = fill(t.data.first, &[("first", &one.first)]);
        let reason = format!("{} × {}", units::count(one.rows as u64), one.reason);
        view! { <li>{with_code(&reason)} <span class="aside">" (" {first} ")"</span></li> }
    };
    (!dropped.is_empty()).then(|| view! { <ul class="reasons">{dropped.iter().map(one).collect_view()}</ul> })
}

fn lengths(audit: &Audit, t: &Phrases) -> impl IntoView + use<> {
    let bar = |bar: Bar| {
        let range =
            if bar.from == bar.to { bar.from.to_string() } else { format!("{}–{}", bar.from, bar.to) };
        view! {
            <tr>
                <th scope="row">{range}</th>
                <td>{units::count(bar.rows as u64)}</td>
                <td aria-hidden="true"><span class="bar" style:width=format!("{:.1}%", 100.0 * bar.share)></span></td>
            </tr>
        }
    };
    view! {
        <table class="lengths">
            <caption>{t.data.lengths}</caption>
            <thead>
                <tr><th scope="col">{t.data.lengths_column}</th><th scope="col">{t.data.rows_column}</th><td></td></tr>
            </thead>
            <tbody>{bars(audit).into_iter().map(bar).collect_view()}</tbody>
        </table>
    }
}
