//! Which of the models worth starting from this machine can hold.

use crate::browser::memory_bytes;
use crate::fit::Fit;
use crate::link::State;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::Phrases;
use crate::units;
use leptos::prelude::*;
use smolder_protocol::Check;
use smolder_protocol::catalog::{BASES, Base};

#[component]
pub(super) fn Models() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let rows = move || {
        session.state.with(|state| match state {
            State::Checked(check) => BASES.iter().filter_map(|base| row(base, check, t())).collect(),
            _ => Vec::new(),
        })
    };
    view! {
        <section class="facts-group models">
            <h3>{move || t().model.catalog}</h3>
            <dl>{rows}</dl>
        </section>
    }
}

fn row(base: &Base, check: &Check, t: &'static Phrases) -> Option<impl IntoView + use<>> {
    let bytes = base.bytes?;
    let fit = Fit::of(bytes, check, memory_bytes());
    let size = units::bytes(bytes);
    Some(view! {
        <div>
            <dt><span translate="no">{base.name}</span> " · " {size}</dt>
            <dd class=fit.class()>{fit.short(t)}</dd>
        </div>
    })
}
