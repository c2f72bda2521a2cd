//! A place to choose a file or to drop one.

use leptos::ev::DragEvent;
use leptos::html::Input;
use leptos::prelude::*;
use web_sys::{File, FileList};

/// Calls `take` with the files that are chosen or dropped, one unless there may be `several`.
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
    /// Whether what is wanted may be in several files.
    #[prop(optional)]
    several: bool,
    /// What happens with them.
    take: Callback<Vec<File>>,
) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    let over = RwSignal::new(false);
    let most = if several { u32::MAX } else { 1 };
    let all = move |files: Option<FileList>| {
        let files: Vec<File> = files
            .iter()
            .flat_map(|files| (0..files.length().min(most)).filter_map(|at| files.get(at)))
            .collect();
        if !files.is_empty() {
            take.run(files);
        }
    };
    let chosen = move |_| {
        if let Some(field) = input.get_untracked() {
            all(field.files());
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
        all(event.data_transfer().and_then(|data| data.files()));
    };
    view! {
        <div class="drop" class:over=over on:dragover=hover on:dragleave=move |_| over.set(false) on:drop=dropped>
            <label class="button" for=id>{pick}</label>
            <input class="unseen" type="file" id=id accept=accept multiple=several node_ref=input on:change=chosen/>
            <span>{drop}</span>
        </div>
    }
}
