//! A place to choose a file or to drop one.

use leptos::ev::DragEvent;
use leptos::html::Input;
use leptos::prelude::*;
use web_sys::{File, FileList};

/// Calls `take` with each file that is chosen or dropped.
#[component]
pub(crate) fn FileDrop(
    /// Names the field for tests and labels.
    id: &'static str,
    /// What the button says.
    #[prop(into)]
    pick: Signal<String>,
    /// What stands beside it.
    #[prop(into)]
    drop: Signal<String>,
    /// The ends of names that the browser offers: `.gguf`.
    accept: &'static str,
    /// What happens with the file.
    take: Callback<File>,
) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    let over = RwSignal::new(false);
    let first = move |files: Option<FileList>| {
        if let Some(file) = files.and_then(|files| files.get(0)) {
            take.run(file);
        }
    };
    let chosen = move |_| {
        if let Some(field) = input.get_untracked() {
            first(field.files());
            // The same file may be chosen again.
            field.set_value("");
        }
    };
    let hover = move |event: DragEvent| {
        event.prevent_default();
        over.set(true);
    };
    let dropped = move |event: DragEvent| {
        event.prevent_default();
        over.set(false);
        first(event.data_transfer().and_then(|data| data.files()));
    };
    view! {
        <div class="drop" class:over=over on:dragover=hover on:dragleave=move |_| over.set(false) on:drop=dropped>
            <label class="button" for=id>{pick}</label>
            <input class="unseen" type="file" id=id accept=accept node_ref=input on:change=chosen/>
            <span>{drop}</span>
        </div>
    }
}
