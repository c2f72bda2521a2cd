//! A chart of numbers over steps, with the numbers behind it.

use crate::chart::{Axes, Point, SIDE, number, rows_shown};
use crate::preferences::Preferences;
use crate::text::{Phrases, fill};
use crate::units;
use leptos::prelude::*;

/// Rows of the table at most.
const TABLE_ROWS: usize = 50;

/// Something measured.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// What it is.
    pub(super) name: fn(&Phrases) -> &'static str,
    /// `raw`, `smooth` or `held`.
    pub(super) class: &'static str,
    pub(super) points: Vec<Point>,
}

#[component]
pub(super) fn Chart(
    /// What is measured.
    title: fn(&Phrases) -> &'static str,
    /// In what unit; empty where the title says it.
    #[prop(optional)]
    unit: Option<fn(&Phrases) -> &'static str>,
    /// The lines; the last lies above the others.
    lines: Signal<Vec<Line>>,
    /// The last step to come.
    last: Signal<f64>,
    /// Whether it is the large one.
    #[prop(optional)]
    large: bool,
) -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let axes = Memo::new(move |_| {
        lines.with(|lines| {
            let points: Vec<&[Point]> = lines.iter().map(|line| &*line.points).collect();
            Axes::over(&points, last.get())
        })
    });
    let unit = move || unit.map(|unit| view! { <span class="aside">{unit(t())}</span> });
    let drawing = move || match axes.get() {
        Some(axes) => lines.with(|lines| plot(&axes, lines, title(t()))).into_any(),
        None => view! { <p class="plot empty">{t().train.no_points}</p> }.into_any(),
    };
    view! {
        <figure class="chart" class:large=large>
            <figcaption><h3>{move || title(t())}</h3> {unit} {move || lines.with(|lines| legend(lines, t()))}</figcaption>
            {drawing}
            <Table lines/>
        </figure>
    }
}

/// Names of the lines, where there are several.
fn legend(lines: &[Line], t: &Phrases) -> impl IntoView + use<> {
    let shown: Vec<&Line> = lines.iter().filter(|line| !line.points.is_empty()).collect();
    let entry = |line: &&Line| {
        view! { <li class=format!("key {}", line.class)>{(line.name)(t)}</li> }
    };
    (shown.len() > 1).then(|| view! { <ul class="legend">{shown.iter().map(entry).collect_view()}</ul> })
}

/// Lines in a canvas that is stretched to its place; words beside it, which are not.
fn plot(axes: &Axes, lines: &[Line], title: &str) -> impl IntoView + use<> {
    let grid = axes.y_ticks.iter().map(|tick| {
        view! { <line class="grid" x1="0" x2=SIDE y1=tick.at y2=tick.at/> }
    });
    let y_words = axes.y_ticks.iter().map(|tick| {
        view! { <span class="y" style:top=format!("{:.2}%", tick.at)>{number(tick.value)}</span> }
    });
    let x_words = axes.x_ticks.iter().map(|tick| {
        view! { <span class="x" style:left=format!("{:.2}%", tick.at)>{number(tick.value)}</span> }
    });
    let drawn = lines.iter().map(|line| drawn(axes, line));
    view! {
        <div class="plot">
            <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=title.to_owned()>
                {grid.collect_view()} {drawn.collect_view()}
            </svg>
            <div aria-hidden="true">{y_words.collect_view()} {x_words.collect_view()}</div>
        </div>
    }
}

/// A line; few points are dots as well, and held-out ones always.
fn drawn(axes: &Axes, line: &Line) -> impl IntoView + use<> {
    let dots = line.class == "held" || line.points.len() < 2;
    // A round cap on a line of no length is a dot that stretching does not make an ellipse.
    let dot = |(x, y): &Point| format!("M{:.2} {:.2}h0", axes.x_at(*x), axes.y_at(*y));
    let dots = dots.then(|| line.points.iter().map(dot).collect::<String>());
    view! {
        <g class=format!("line {}", line.class)>
            <polyline points=axes.polyline(&line.points)/>
            {dots.map(|path| view! { <path class="dots" d=path/> })}
        </g>
    }
}

/// The numbers; made only while somebody looks.
#[component]
fn Table(lines: Signal<Vec<Line>>) -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let open = RwSignal::new(false);
    let toggled = move |event: leptos::ev::Event| {
        let details: web_sys::Element = event_target(&event);
        open.set(details.has_attribute("open"));
    };
    view! {
        <details class="numbers" on:toggle=toggled>
            <summary>{move || t().train.table}</summary>
            <Show when=move || open.get()>{move || lines.with(|lines| table(lines, t()))}</Show>
        </details>
    }
}

fn table(lines: &[Line], t: &Phrases) -> impl IntoView + use<> {
    let lines: Vec<&Line> = lines.iter().filter(|line| !line.points.is_empty()).collect();
    let mut steps: Vec<f64> = lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).collect();
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    let (every, rows) = rows_shown(steps.len(), TABLE_ROWS);
    let cell = |line: &&Line, step: f64| {
        let at = line.points.binary_search_by(|point| point.0.total_cmp(&step)).ok();
        let value = at.and_then(|at| line.points.get(at)).map(|point| number(point.1));
        view! { <td>{value.unwrap_or_default()}</td> }
    };
    let row = |step: f64| {
        let cells = lines.iter().map(|line| cell(line, step)).collect_view();
        view! { <tr><th scope="row">{units::count(step as u64)}</th>{cells}</tr> }
    };
    let rows = rows.into_iter().filter_map(|at| steps.get(at).copied()).map(row).collect_view();
    let part =
        fill(t.train.table_part, &[("n", &every.to_string()), ("count", &units::count(steps.len() as u64))]);
    let heads = lines.iter().map(|line| view! { <th scope="col">{(line.name)(t)}</th> }).collect_view();
    view! {
        <div class="scroll" tabindex="0">
            <table>
                {(every > 1).then(|| view! { <caption>{part}</caption> })}
                <thead><tr><th scope="col">{t.train.step}</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}
