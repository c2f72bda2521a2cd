//! The examples as the model will read them. Pure: what was asked and what came back.

use smolder_protocol::data::{Audit, Preview, PreviewFailure};
use smolder_protocol::{DataEvent, TrainConfig};

/// What is known of the examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Look {
    /// There is nothing to look at.
    #[default]
    Nothing,
    Reading,
    Shown(Preview),
    Failed(PreviewFailure),
}

/// The last question and its answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Looking {
    pub(crate) look: Look,
    id: u64,
    asked: Option<TrainConfig>,
}

impl Looking {
    /// A new question's id; `None` where the same was asked last and nothing needs to be read again.
    pub(crate) fn ask(&mut self, config: &TrainConfig) -> Option<u64> {
        let asked = decisive(config);
        if self.asked.as_ref() == Some(&asked) {
            return None;
        }
        self.id += 1;
        self.asked = Some(asked);
        self.look = Look::Reading;
        Some(self.id)
    }

    /// Forgets the last question: the same names may hold something else now.
    pub(crate) fn forget(&mut self) {
        self.asked = None;
        self.look = Look::Nothing;
    }

    /// Takes in an answer, unless something else was asked meanwhile.
    pub(crate) fn hear(&mut self, event: DataEvent) {
        match event {
            DataEvent::Previewed { id, preview } if id == self.id => self.look = Look::Shown(preview),
            DataEvent::Refused { id, failure } if id == self.id => self.look = Look::Failed(failure),
            DataEvent::Previewed { .. } | DataEvent::Refused { .. } => {}
        }
    }
}

/// The settings that decide what a preview shows; all others as they always are.
fn decisive(config: &TrainConfig) -> TrainConfig {
    TrainConfig {
        model: config.model.clone(),
        data: config.data.clone(),
        map: config.map.clone(),
        raw: config.raw,
        loss_on: config.loss_on,
        seq_len: config.seq_len,
        ..TrainConfig::default()
    }
}

/// Rows with as many tokens: the first and the last length, how many, and their share of the fullest bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) rows: usize,
    pub(crate) share: f64,
}

/// Lengths as bars, from the shortest that there is to the longest.
pub(crate) fn bars(audit: &Audit) -> Vec<Bar> {
    let most = audit.lengths.iter().copied().max().unwrap_or(0).max(1);
    let first = audit.lengths.iter().position(|rows| *rows > 0).unwrap_or(audit.lengths.len());
    let bar = |(bucket, rows): (usize, &usize)| Bar {
        from: 1 << bucket,
        to: (2 << bucket) - 1,
        rows: *rows,
        share: *rows as f64 / most as f64,
    };
    audit.lengths.iter().enumerate().skip(first).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_the_answer_is_asked_again() {
        let mut looking = Looking::default();
        let mut config = TrainConfig { data: "a.csv".into(), ..TrainConfig::default() };
        assert_eq!(looking.ask(&config), Some(1));
        config.lr = Some(0.1);
        assert_eq!(looking.ask(&config), None, "a learning rate changes no token");
        config.seq_len = 64;
        assert_eq!(looking.ask(&config), Some(2));
        looking.forget();
        assert_eq!(looking.ask(&config), Some(3));
    }

    #[test]
    fn an_answer_to_an_earlier_question_is_not_shown() {
        let mut looking = Looking::default();
        let config = TrainConfig::default();
        let old = looking.ask(&config).unwrap();
        let new = looking.ask(&TrainConfig { raw: true, ..config }).unwrap();
        looking.hear(DataEvent::Previewed { id: old, preview: Preview::default() });
        assert_eq!(looking.look, Look::Reading);
        let failure = PreviewFailure::Columns { columns: vec!["a".into()] };
        looking.hear(DataEvent::Refused { id: new, failure: failure.clone() });
        assert_eq!(looking.look, Look::Failed(failure));
    }

    #[test]
    fn bars_begin_where_rows_do() {
        let audit = Audit { lengths: vec![0, 0, 1, 0, 4], ..Audit::default() };
        let bars = bars(&audit);
        assert_eq!(bars.len(), 3);
        assert_eq!(bars[0], Bar { from: 4, to: 7, rows: 1, share: 0.25 });
        assert_eq!(bars[2], Bar { from: 16, to: 31, rows: 4, share: 1.0 });
        assert_eq!(super::bars(&Audit::default()), []);
    }
}
