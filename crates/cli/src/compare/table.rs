//! What became of the methods, for people and as JSON.

use crate::answers::Score;
use crate::train_text::duration;
use crate::train_view::sparkline;
use serde_json::{Value, json as value};
use smolder_formats::inspect::size;
use std::array::from_fn;
use std::cmp::Ordering;

const NOTHING: &str = "–";
/// Columns of a curve.
const CURVE: usize = 16;
const COLUMNS: usize = 9;
const HEADINGS: [&str; COLUMNS] =
    ["method", "held-out loss", "right", "before", "parameters", "file", "memory", "time", "loss"];

/// A method and what became of it, or why it was not trained.
pub struct Row {
    pub method: &'static str,
    pub outcome: Result<Outcome, String>,
}

/// What a run came to.
#[derive(Default)]
pub struct Outcome {
    /// The held-out loss before the first step, in nats.
    pub before: Option<f32>,
    /// The lowest one.
    pub loss: Option<f32>,
    /// Right answers to held-out examples.
    pub score: Option<Score>,
    pub parameters: u64,
    pub file_bytes: u64,
    /// At its peak: on the device, or of the process.
    pub memory_bytes: Option<u64>,
    /// Evaluations included.
    pub seconds: f64,
    /// Every step's loss.
    pub train_losses: Vec<f32>,
}

impl Row {
    /// The lowest loss first, what has none behind it, what was not trained at the end.
    pub fn compare(&self, other: &Self) -> Ordering {
        let loss = |row: &Self| match &row.outcome {
            Ok(outcome) => outcome.loss.unwrap_or(f32::MAX),
            Err(_) => f32::INFINITY,
        };
        loss(self).total_cmp(&loss(other))
    }

    fn cells(&self) -> [String; COLUMNS] {
        let Ok(one) = &self.outcome else {
            let mut cells: [String; COLUMNS] = from_fn(|_| NOTHING.to_owned());
            (cells[0], cells[1], cells[COLUMNS - 1]) =
                (self.method.to_owned(), "refused".to_owned(), String::new());
            return cells;
        };
        let shown = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
        let loss = |loss: Option<f32>| shown(loss.map(|loss| format!("{loss:.4}")));
        let trained = |text: String| shown((one.parameters > 0).then_some(text));
        [
            self.method.to_owned(),
            loss(one.loss),
            shown(one.score.map(|Score { right, asked }| format!("{right} of {asked}"))),
            loss(one.before),
            trained(one.parameters.to_string()),
            trained(size(one.file_bytes)),
            shown(one.memory_bytes.map(size)),
            trained(duration(one.seconds)),
            sparkline(&one.train_losses, CURVE),
        ]
    }

    fn json(&self) -> Value {
        match &self.outcome {
            Ok(one) => value!({
                "method": self.method, "loss": one.loss, "right": one.score.map(|score| score.right),
                "answered": one.score.map(|score| score.asked), "before": one.before, "parameters": one.parameters,
                "file_bytes": one.file_bytes, "memory_bytes": one.memory_bytes, "seconds": one.seconds,
                "train_losses": one.train_losses,
            }),
            Err(reason) => value!({ "method": self.method, "refused": reason }),
        }
    }
}

/// A list of objects.
pub fn json(rows: &[Row]) -> String {
    Value::Array(rows.iter().map(Row::json).collect()).to_string()
}

/// Columns as wide as what is in them; below, why some were not trained.
pub fn table(rows: &[Row]) -> String {
    let cells: Vec<[String; COLUMNS]> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let line = |row: &[String; COLUMNS]| {
        let [method, middle @ .., curve] = row;
        let middle = middle.iter().zip(1..).map(|(cell, column)| format!("  {cell:>0$}", width(column)));
        format!("{method:<0$}{1}  {curve}", width(0), middle.collect::<String>()).trim_end().to_owned()
    };
    let reasons =
        rows.iter().filter_map(|row| row.outcome.as_ref().err().map(|why| format!("{}: {why}", row.method)));
    cells.iter().map(line).chain(reasons).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained(method: &'static str, loss: Option<f32>) -> Row {
        let outcome = Outcome {
            before: Some(3.0),
            loss,
            score: Some(Score { right: 7, asked: 20 }),
            parameters: 1200,
            file_bytes: 2048,
            memory_bytes: None,
            seconds: 61.0,
            train_losses: vec![3.0, 2.0, 1.0],
        };
        Row { method, outcome: Ok(outcome) }
    }

    #[test]
    fn the_best_comes_first_and_what_was_refused_last_with_its_reason() {
        let refused = Row { method: "bitfit", outcome: Err("no biases".to_owned()) };
        let mut rows =
            vec![refused, trained("lora", None), trained("dora", Some(1.25)), trained("miss", Some(0.5))];
        rows.sort_by(Row::compare);
        assert_eq!(
            table(&rows).lines().collect::<Vec<_>>(),
            [
                "method  held-out loss    right  before  parameters     file  memory        time  loss",
                "miss           0.5000  7 of 20  3.0000        1200  2.0 KiB       –  1 min 01 s  █▅▁",
                "dora           1.2500  7 of 20  3.0000        1200  2.0 KiB       –  1 min 01 s  █▅▁",
                "lora                –  7 of 20  3.0000        1200  2.0 KiB       –  1 min 01 s  █▅▁",
                "bitfit        refused        –       –           –        –       –           –",
                "bitfit: no biases",
            ]
        );
        let json: Value = serde_json::from_str(&json(&rows)).unwrap();
        assert_eq!((&json[0]["method"], &json[3]["refused"]), (&value!("miss"), &value!("no biases")));
    }
}
