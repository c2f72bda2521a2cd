//! What the tab's storage holds.

use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, fill};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::storage::StoredFile;
use smolder_protocol::train::DeviceChoice;

#[component]
pub(super) fn Kept() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let device = RwSignal::new(DeviceChoice::Auto);
    let files = Memo::new(move |_| session.library.with(|library| library.files.clone()));
    view! {
        <section class="part">
            <div class="row">
                <h2>{move || t().kept}</h2>
                <div class="row">
                    <span class="size" aria-hidden="true">{move || t().computes_on}</span>
                    <DeviceSwitch device/>
                </div>
            </div>
            {move || match files.get() {
                None => view! { <p>{t().kept_waiting}</p> }.into_any(),
                Some(files) if files.is_empty() => view! { <p>{t().kept_none}</p> }.into_any(),
                Some(files) => {
                    let items = files.into_iter().map(|file| item(file, device, t(), session)).collect_view();
                    view! { <ul class="files">{items}</ul> }.into_any()
                }
            }}
        </section>
    }
}

fn item(
    file: StoredFile,
    device: RwSignal<DeviceChoice>,
    t: &Phrases,
    session: Session,
) -> impl IntoView + use<> {
    let StoredFile { name, bytes, whole, .. } = file;
    let size = units::bytes(bytes);
    let size = if whole { size } else { fill(t.not_whole, &[("bytes", &size)]) };
    let named = |text: &str| fill(text, &[("name", &name)]);
    let (load_named, delete_named) = (named(t.load_named), named(t.delete_named));
    let (to_load, to_delete) = (name.clone(), name.clone());
    let busy = move || session.library.with(|library| library.loading.is_some());
    let load = whole.then(|| {
        let load = move |_| session.load(to_load.clone(), device.get_untracked());
        view! { <button class="primary" aria-label=load_named disabled=busy on:click=load>{t.load}</button> }
    });
    view! {
        <li>
            <span class="file">{name}</span>
            <span class="size">{size}</span>
            <span class="actions">
                {load}
                <button aria-label=delete_named on:click=move |_| session.remove(to_delete.clone())>{t.delete}</button>
            </span>
        </li>
    }
}

#[component]
fn DeviceSwitch(device: RwSignal<DeviceChoice>) -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let name = move |choice| match choice {
        DeviceChoice::Auto => t().device_auto,
        DeviceChoice::Gpu => t().device_gpu,
        DeviceChoice::Cpu => t().device_cpu,
    };
    let option = move |(choice, tag): (DeviceChoice, &'static str)| {
        view! {
            <label>
                <input
                    type="radio"
                    name="device"
                    value=tag
                    prop:checked=move || device.get() == choice
                    on:change=move |_| device.set(choice)
                />
                <span>{move || name(choice)}</span>
            </label>
        }
    };
    view! {
        <fieldset class="switch" id="device">
            <legend class="unseen">{move || t().computes_on}</legend>
            {[(DeviceChoice::Auto, "auto"), (DeviceChoice::Gpu, "gpu"), (DeviceChoice::Cpu, "cpu")].map(option)}
        </fieldset>
    }
}
