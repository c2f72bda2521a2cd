//! What a link offers: the person decides.

use super::parts::{Amount, Base, UnderWay, trouble};
use crate::choices::Choices;
use crate::fetched;
use crate::library::Library;
use crate::linked::{Linked as Offer, Refused};
use crate::preferences::Preferences;
use crate::session::{Arriving, Session};
use crate::text::{Phrases, Words, fill, storage_failure_words};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::catalog::HUB;
use smolder_protocol::storage::Shelf;

/// A file of the offer.
struct Listed {
    name: String,
    address: String,
    /// `None` for the page's own server.
    host: Option<String>,
    bytes: Option<u64>,
    is_model: bool,
}

/// What a link offers: `adapters` on their screen, models on theirs.
#[component]
pub(super) fn Linked(adapters: bool) -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    move || match choices.linked.get()? {
        Ok(offer) => (offer.adapter.is_some() == adapters).then(|| view! { <Ask offer/> }.into_any()),
        Err(refused) => Some(
            view! {
                <div class="cards">
                    {trouble(refused_words(&refused, t()))}
                    <p><button on:click=move |_| session.forget_link()>{t().linked.leave}</button></p>
                </div>
            }
            .into_any(),
        ),
    }
}

fn refused_words(refused: &Refused, t: &Phrases) -> Words {
    let w = &t.linked;
    let (advice, address) = match refused {
        Refused::Host(address) => (w.host_do, address),
        Refused::Adapter(address) => (w.adapter_do, address),
        Refused::Model(address) => (w.model_do, address),
    };
    Words::new(
        w.refused,
        &fill(advice, &[("address", address), ("host", HUB.trim_start_matches("https://"))]),
    )
}

#[component]
fn Ask(offer: Offer) -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let title =
        if offer.adapter.is_some() { |t: &Phrases| t.linked.adapter } else { |t: &Phrases| t.linked.model };
    let files = listed(&offer);
    let asks_base = offer.model.is_none();
    let named = offer.model.as_ref().map(|model| model.name.clone());
    let base =
        RwSignal::new(named.unwrap_or_else(|| choices.config.with_untracked(|config| config.model.clone())));
    let offer = StoredValue::new(offer);
    let busy = Memo::new(move |_| {
        let coming = matches!(session.arriving.get(), Some(Arriving::Bytes(..) | Arriving::Model));
        coming || !session.library.with(|library| library.known)
    });
    view! {
        <section class="card linked" role="alert">
            <h2>{move || title(t())}</h2>
            <ul>{files.into_iter().map(|file| view! { <OneFile file/> }).collect_view()}</ul>
            <p>{move || t().linked.lead}</p>
            <Show when=move || asks_base>
                <Base id="linked-base" base/>
            </Show>
            <How/>
            <p class="buttons">
                <button class="primary" name="take" disabled=busy on:click=move |_| session.follow(offer.get_value(), base.get())>
                    {move || t().linked.take}
                </button>
                <button name="leave" on:click=move |_| session.forget_link()>{move || t().linked.leave}</button>
            </p>
        </section>
    }
}

fn listed(offer: &Offer) -> Vec<Listed> {
    let host = |address: &str| Some(address.strip_prefix("https://")?.split('/').next()?.to_owned());
    let model = offer.model.as_ref().map(|model| Listed {
        name: model.name.clone(),
        address: model.address.clone(),
        host: host(&model.address),
        bytes: model.bytes,
        is_model: true,
    });
    let adapter = offer.adapter.as_ref().map(|adapter| Listed {
        name: adapter.name.clone(),
        address: adapter.address.clone(),
        host: adapter.host.clone(),
        bytes: None,
        is_model: false,
    });
    model.into_iter().chain(adapter).collect()
}

/// A file's name, size and server. A size that is not known is asked for; nothing of the file comes with the answer.
#[component]
fn OneFile(file: Listed) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let Listed { name, address, host, bytes, is_model } = file;
    let size = RwSignal::new(bytes.map(|bytes| Ok(Some(bytes))));
    let sought = name.clone();
    // Nothing before the storage was looked through.
    let here = Memo::new(move |_| {
        let look = |library: &Library| is_model && library.has(Shelf::Models, &sought);
        session.library.with(|library| library.known.then(|| look(library)))
    });
    Effect::new(move || {
        let address = address.clone();
        if here.get() == Some(false) && size.with_untracked(Option::is_none) {
            leptos::task::spawn_local(async move { size.set(Some(fetched::size(&address).await)) });
        }
    });
    let words = move || {
        let t = t();
        if here.get() == Some(true) {
            return fill(t.linked.is_here, &[("name", &name)]);
        }
        let own = || fill(t.linked.own_host, &[("host", &window().location().host().unwrap_or_default())]);
        let host = host.clone().unwrap_or_else(own);
        let size = size.with(|size| match size {
            None => t.linked.asking.to_owned(),
            Some(Ok(Some(bytes))) => units::bytes(*bytes),
            Some(_) => t.linked.no_size.to_owned(),
        });
        fill(t.linked.file, &[("name", &name), ("size", &size), ("host", &host)])
    };
    let trouble = move || {
        let failure = size.with(|size| size.as_ref().and_then(|size| size.clone().err()));
        failure.map(|failure| trouble(storage_failure_words(&failure, t())))
    };
    view! { <li><strong>{words}</strong> {trouble}</li> }
}

/// How far it is.
#[component]
fn How() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let arriving = Memo::new(move |_| session.arriving.get());
    let bytes = Memo::new(move |_| match arriving.get() {
        Some(Arriving::Bytes(done, total)) => Some((done, total)),
        _ => None,
    });
    let name = move || {
        choices.linked.with(|linked| match linked {
            Some(Ok(Offer { adapter: Some(adapter), .. })) => adapter.name.clone(),
            _ => String::new(),
        })
    };
    let label = Signal::derive(move || fill(t().linked.fetching, &[("name", &name())]));
    let share = Signal::derive(move || {
        let (done, total) = bytes.get()?;
        Some(done as f64 / total.filter(|total| *total > 0)? as f64)
    });
    let words =
        Signal::derive(move || bytes.get().map(|(done, total)| amount(done, total, t())).unwrap_or_default());
    view! {
        <Show when=move || bytes.get().is_some()>
            <Amount label share words/>
        </Show>
        <UnderWay shelf=Shelf::Models/>
        {move || match arriving.get() {
            Some(Arriving::Model) => Some(view! { <p class="aside working" role="status">{t().linked.waiting}</p> }.into_any()),
            Some(Arriving::Failed(failure)) => Some(trouble(storage_failure_words(&failure, t())).into_any()),
            _ => None,
        }}
    }
}

fn amount(done: u64, total: Option<u64>, t: &Phrases) -> String {
    let done = units::bytes(done);
    total.map_or_else(
        || done.clone(),
        |total| fill(t.model.of, &[("done", &done), ("total", &units::bytes(total))]),
    )
}
