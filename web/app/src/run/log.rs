//! What happened to a run, line by line.

use smolder_protocol::train::{End, Evaluation, Failure, Plan, Warning};

/// Lines that are kept; older ones are of no use.
const MOST: usize = 500;

/// Something worth a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Note {
    Started(Plan),
    Evaluated(Evaluation),
    Warned(Warning),
    Checkpointed { step: u64, best: bool },
    Paused { step: u64 },
    Continued { step: u64 },
    Finished(End),
    Failed(Failure),
    Crashed,
    Recovering,
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Since the run was started; `None` for what was said before the page was loaded.
    pub(crate) at_secs: Option<f64>,
    pub(crate) note: Note,
}

/// The lines, the newest last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    started_secs: f64,
}

impl Log {
    /// Counts time from `now_secs`; what stands here was before.
    pub(super) fn start(&mut self, now_secs: f64) {
        self.started_secs = now_secs;
        self.entries.iter_mut().for_each(|entry| entry.at_secs = None);
    }

    pub(super) fn add(&mut self, note: Note, now_secs: f64) {
        if self.entries.len() == MOST {
            self.entries.remove(0);
        }
        self.entries.push(Entry { at_secs: Some((now_secs - self.started_secs).max(0.0)), note });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_from_the_start_and_what_was_before_has_none() {
        let mut log = Log::default();
        log.add(Note::Crashed, 5.0);
        log.start(10.0);
        log.add(Note::Recovering, 11.5);
        let times: Vec<_> = log.entries.iter().map(|entry| entry.at_secs).collect();
        assert_eq!(times, [None, Some(1.5)]);
    }

    #[test]
    fn the_oldest_lines_are_forgotten() {
        let mut log = Log::default();
        (0..MOST + 3).for_each(|second| log.add(Note::Crashed, second as f64));
        assert_eq!((log.entries.len(), log.entries[0].at_secs), (MOST, Some(3.0)));
    }
}
