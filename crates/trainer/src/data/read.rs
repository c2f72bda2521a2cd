//! A dataset through the model's tokenizer and chat template.

use smolder_formats::Result;
use smolder_formats::dataset::{
    Audit, Dataset, Dropped, RenderOptions, Renderer, Row, Rows as Rendered, Target, validation_rows,
};
use smolder_formats::template::Options;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{LossOn, Warning};
use std::io::{Read, Seek};

/// A dataset as training sees it.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The rows that are kept, in the file's order; the better one of each preference pair.
    pub rows: Vec<Row>,
    /// What became of all of them.
    pub audit: Audit,
}

impl Rows {
    /// What a person should know of the rows that were left out, or cut to `seq_len` tokens where the model could read
    /// `context`.
    pub fn warnings(&self, seq_len: u32, context: u32) -> Vec<Warning> {
        let reason = |dropped: &Dropped| format!("{} ({})", dropped.reason, dropped.first);
        let dropped = self.audit.dropped.first().map(|first| Warning::RowsDropped {
            rows: self.audit.dropped_rows() as u64,
            reason: reason(first),
        });
        let rows = self.audit.truncated as u64;
        let truncated =
            (rows > 0).then_some(Warning::RowsTruncated { rows, seq_len, longer: seq_len < context });
        dropped.into_iter().chain(truncated).collect()
    }
}

/// How the settings want rows to be made.
pub fn render_options(config: &TrainConfig, template: Options) -> RenderOptions {
    let target = match config.loss_on {
        LossOn::Assistant => Target::Assistant,
        LossOn::All => Target::Everything,
        LossOn::Completion => Target::Completion,
        LossOn::LastTurn => Target::LastTurn,
    };
    RenderOptions { target, max_len: config.seq_len as usize, raw_pairs: config.raw, template }
}

/// Reads all rows; `progress` is told the bytes read and the bytes there are.
///
/// # Errors
/// Those that end a file: [`Dataset::next_record`]. A row that is none is dropped and counted.
pub fn read<R: Read + Seek>(
    dataset: &mut Dataset<R>,
    renderer: &mut Renderer,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Rows> {
    let mut found = Rows::default();
    while let Some((at, record)) = dataset.next_record()? {
        match record.and_then(|record| renderer.render(&record)) {
            Ok(rows) => found.keep(rows),
            Err(error) => found.audit.drop_row(at, &error),
        }
        let (done, total) = dataset.progress();
        progress(done, total);
    }
    Ok(found)
}

impl Rows {
    /// Keeps what was rendered; of a preference pair the better one.
    pub fn keep(&mut self, rows: Rendered) {
        self.audit.keep(&rows);
        self.rows.push(rows.row);
    }
}

/// Rows to train on, and the `share` that the seed keeps back for evaluation; none of a single row.
pub fn split(rows: Vec<Row>, share: f64, seed: u64) -> (Vec<Row>, Vec<Row>) {
    let kept_back = validation_rows(rows.len(), share, seed);
    let (mut train, mut eval) = (Vec::new(), Vec::new());
    for (index, row) in rows.into_iter().enumerate() {
        let side = if kept_back.binary_search(&index).is_ok() { &mut eval } else { &mut train };
        side.push(row);
    }
    (train, eval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_formats::Source;
    use smolder_formats::dataset::Mapping;
    use smolder_formats::gguf::Gguf;
    use smolder_formats::template::ChatTemplate;
    use smolder_formats::tokenizer::Tokenizer;
    use std::io::Cursor;

    const MODEL: &[u8] = include_bytes!("../../../../tests/fixtures/models/llama/f32.gguf");

    fn read_text(text: &str, config: &TrainConfig) -> Rows {
        let gguf = Gguf::read(&mut Source::new("model", Cursor::new(MODEL)).unwrap()).unwrap();
        let tokenizer = Tokenizer::from_gguf(&gguf.metadata).unwrap();
        let template = ChatTemplate::new(None).unwrap();
        let source = Source::new("data.jsonl", Cursor::new(text.as_bytes())).unwrap();
        let mut dataset = Dataset::open(source, Mapping::default()).unwrap();
        let options = render_options(config, Options::of(&tokenizer));
        let mut renderer = Renderer::new(&tokenizer, &template, options);
        read(&mut dataset, &mut renderer, &mut |_, _| ()).unwrap()
    }

    const PAIRS: &str = r#"{"prompt": "How are you?", "completion": "Well."}
        {"prompt": "", "completion": "Nothing was asked."}
        {"prompt": "And you?", "completion": "Well, thank you. Very well indeed."}"#;

    #[test]
    fn rows_are_what_the_model_reads_and_bad_ones_are_counted() {
        let found = read_text(PAIRS, &TrainConfig::default());
        assert_eq!((found.rows.len(), found.audit.kept, found.audit.dropped_rows()), (2, 2, 1));
        assert!(found.rows.iter().all(|row| row.mask.contains(&0) && row.mask.contains(&1)));
        let [Warning::RowsDropped { rows: 1, reason }] = &found.warnings(1024, 2048)[..] else {
            panic!("{:?}", found.warnings(1024, 2048))
        };
        assert!(reason.contains("`prompt`") && reason.contains("line 2"), "{reason}");
    }

    #[test]
    fn what_the_loss_is_taken_on_and_the_longest_row_are_the_settings() {
        let learned = |rows: &Rows| -> Vec<usize> {
            rows.rows.iter().map(|row| row.mask.iter().map(|mask| usize::from(*mask)).sum()).collect()
        };
        let (some, all) =
            (TrainConfig::default(), TrainConfig { loss_on: LossOn::All, ..TrainConfig::default() });
        let (some, all) = (read_text(PAIRS, &some), read_text(PAIRS, &all));
        assert!(learned(&some).iter().zip(learned(&all)).all(|(some, all)| *some < all));
        let longest = some.rows.iter().map(|row| row.ids.len()).max().unwrap() as u32;
        let shorter = TrainConfig { seq_len: longest - 2, ..TrainConfig::default() };
        let cut = read_text(PAIRS, &shorter);
        assert!(cut.rows.iter().all(|row| row.ids.len() < longest as usize));
        let seq_len = longest - 2;
        for (context, longer) in [(seq_len, false), (longest, true)] {
            let told = Warning::RowsTruncated { rows: 1, seq_len, longer };
            assert!(cut.warnings(seq_len, context).contains(&told));
        }
    }

    #[test]
    fn a_split_keeps_every_row_in_order_on_one_side() {
        let rows: Vec<Row> = (0..50).map(|id| Row { ids: vec![id], mask: vec![1] }).collect();
        let (train, eval) = split(rows.clone(), 0.1, 3);
        assert_eq!((train.len(), eval.len()), (45, 5));
        let ids = |rows: &[Row]| rows.iter().map(|row| row.ids[0]).collect::<Vec<_>>();
        assert!(ids(&train).is_sorted() && ids(&eval).is_sorted());
        let mut both = [ids(&train), ids(&eval)].concat();
        both.sort_unstable();
        assert_eq!(both, ids(&rows));
        assert_ne!(eval, split(rows.clone(), 0.1, 4).1, "another seed keeps other rows back");
        assert_eq!(split(rows[..1].to_vec(), 0.5, 3).1, []);
    }
}
