//! Labelled values.

use leptos::prelude::*;

/// A label and its value.
pub(crate) type Row = (String, String);

/// A list of labelled values.
pub(crate) fn facts(rows: Vec<Row>) -> impl IntoView {
    let row = |(label, value): Row| view! { <div><dt>{label}</dt><dd>{value}</dd></div> };
    view! { <dl class="pairs">{rows.into_iter().map(row).collect_view()}</dl> }
}
