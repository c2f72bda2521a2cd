//! Runs beside each other, in numbers.

use super::super::model;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, method_words};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::MethodSpec;
use smolder_protocol::record::{StoredRun, Summary};
use std::cmp::Ordering;

/// A table of the runs that ended, where there are some to compare.
#[component]
pub(super) fn Beside(runs: Memo<Option<Vec<StoredRun>>>) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let ended = Memo::new(move |_| runs.with(|runs| ended(runs.as_deref().unwrap_or_default())));
    let line = move |(name, summary): (String, Summary)| {
        let cells = move || session.methods.with(|methods| cells(&summary, methods, t()));
        view! {
            <tr>
                <th scope="row" translate="no">{name}</th>
                {move || cells().map(|cell| view! { <td>{cell}</td> }).collect_view()}
            </tr>
        }
    };
    view! {
        <Show when=move || ended.with(|ended| ended.len() > 1)>
            <section class="beside" aria-labelledby="beside">
                <h2 id="beside">{move || t().runs.beside}</h2>
                <p class="aside">{move || t().runs.beside_lead}</p>
                <div class="scroll" tabindex="0">
                    <table>
                        <thead>
                            <tr>
                                {move || headings(t()).map(|heading| view! { <th scope="col">{heading}</th> }).collect_view()}
                            </tr>
                        </thead>
                        <tbody>{move || ended.get().into_iter().map(line).collect_view()}</tbody>
                    </table>
                </div>
            </section>
        </Show>
    }
}

fn headings(t: &Phrases) -> [&'static str; 7] {
    let w = &t.runs;
    [w.run, t.settings.method, w.on, w.held_out, w.last_loss, w.numbers, w.time]
}

/// Names and summaries in the table's order: by model and examples, then by loss.
fn ended(runs: &[StoredRun]) -> Vec<(String, Summary)> {
    let summary = |run: &StoredRun| {
        let summary = run.summary.clone().filter(|summary| summary.end.is_some())?;
        Some((run.name.clone(), summary))
    };
    let mut ended: Vec<_> = runs.iter().filter_map(summary).collect();
    ended.sort_by(|(_, one), (_, other)| order(one, other));
    ended
}

fn order(one: &Summary, other: &Summary) -> Ordering {
    let on = |summary: &Summary| (summary.config.model.clone(), summary.config.data.clone());
    let losses = |summary: &Summary| [summary.best, summary.loss].map(|loss| loss.unwrap_or(f32::INFINITY));
    let (first, second) = (losses(one), losses(other));
    let by_loss = || first[0].total_cmp(&second[0]).then(first[1].total_cmp(&second[1]));
    on(one).cmp(&on(other)).then_with(by_loss)
}

fn cells(summary: &Summary, methods: &[MethodSpec], t: &Phrases) -> [String; 6] {
    let Summary { config, best, loss, parameters, secs, .. } = summary;
    let known = methods.iter().find(|spec| spec.name == config.method);
    let shown = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let loss_of = |loss: &Option<f32>| shown(loss.map(|loss| format!("{loss:.3}")));
    [
        known.map_or_else(|| config.method.clone(), |spec| method_words(spec, t).0),
        format!("{} · {}", model::title(&config.model, t), config.data),
        loss_of(best),
        loss_of(loss),
        shown(parameters.map(units::count)),
        shown(secs.map(units::seconds)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::TrainConfig;
    use smolder_protocol::train::EndCause;

    fn run(name: &str, data: &str, losses: [Option<f32>; 2], end: Option<EndCause>) -> StoredRun {
        let config = TrainConfig { data: data.to_owned(), ..TrainConfig::default() };
        let summary = Summary { config, best: losses[0], loss: losses[1], end, ..Summary::default() };
        StoredRun {
            name: name.to_owned(),
            summary: Some(summary),
            has_adapter: true,
            has_checkpoint: true,
            bytes: 1,
            changed_ms: 1,
        }
    }

    #[test]
    fn runs_on_the_same_examples_lie_together_the_best_first() {
        let over = Some(EndCause::Complete);
        let runs = [
            run("broken off", "a", [None, Some(0.1)], None),
            run("other", "b", [Some(0.5), None], over),
            run("worse", "a", [Some(2.0), Some(0.1)], over),
            run("not held out", "a", [None, Some(0.2)], over),
            run("best", "a", [Some(1.0), Some(0.9)], over),
        ];
        let names: Vec<_> = ended(&runs).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["best", "worse", "not held out", "other"]);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let one = run("r", "a", [Some(1.5), None], None).summary.unwrap_or_default();
        let cells = cells(&one, &[], crate::text::Language::English.phrases());
        assert_eq!(cells[0], "lora");
        assert_eq!(cells[2..], ["1.500", "–", "–", "–"]);
    }
}
