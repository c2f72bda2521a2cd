//! The rows of a dataset, one by one where training takes them so.

use super::sides::Sides;
use super::{Arguments, Reading, preview};
use crate::open;
use crate::progress::{in_one_go, percent};
use anyhow::{Result, anyhow, ensure};
use smolder_formats::dataset::{Audit, Dataset, Mapping, Renderer, Row, validation_rows};
use smolder_formats::{Error, Kind};
use smolder_protocol::TrainConfig;
use smolder_trainer::data::{Examples, render_options};
use std::fs::File;
use std::time::Instant;

/// What is read, and how.
pub struct Reader<'a> {
    pub arguments: &'a Arguments,
    pub reading: &'a Reading,
    pub config: &'a TrainConfig,
}

impl Reader<'_> {
    /// The file from its start, once more.
    fn again(&self) -> Result<Dataset<File>> {
        Ok(Dataset::open(open::data(&self.arguments.file)?, Mapping::parse(&self.config.map)?)?)
    }

    /// All rows through both sides.
    pub fn read(&self, dataset: &mut Dataset<File>, sides: &mut Sides) -> Result<Audit> {
        if self.config.packing { self.packed(dataset, sides) } else { self.apart(dataset, sides) }
    }

    /// A document a row: each goes through without being kept. What is kept back for evaluation depends on how many
    /// rows there are, so then the file is read twice.
    fn apart(&self, dataset: &mut Dataset<File>, sides: &mut Sides) -> Result<Audit> {
        let Some(share) = self.config.eval_split else {
            return self.rows(dataset, self.arguments.preview, |row| sides.train.take(&row));
        };
        let audit = self.rows(dataset, self.arguments.preview, |_| Ok(()))?;
        let kept_back = validation_rows(audit.kept, share, self.config.seed);
        let mut index = 0;
        let again = self.rows(&mut self.again()?, 0, |row| {
            let evaluated = kept_back.binary_search(&index).is_ok();
            index += 1;
            if evaluated { sides.eval.take(&row) } else { sides.train.take(&row) }
        })?;
        ensure!(again == audit, "{} changed while it was read", self.arguments.file.display());
        Ok(audit)
    }

    /// Several documents a row: which share one is known once all are there.
    fn packed(&self, dataset: &mut Dataset<File>, sides: &mut Sides) -> Result<Audit> {
        let (mut rows, start) = (Vec::new(), Instant::now());
        let audit = self.rows(dataset, self.arguments.preview, |row| {
            rows.push(row);
            Ok(())
        })?;
        if !rows.is_empty() {
            let said = in_one_go(&format!("packing {} documents", rows.len()), start);
            let Examples { train, eval } = Examples::new(rows, None, self.config)?;
            drop(said);
            sides.train.take_all(&train, true)?;
            eval.map_or(Ok(()), |eval| sides.eval.take_all(&eval, false))?;
        }
        Ok(audit)
    }

    /// Renders all rows, showing the first `shown`; of a preference pair the better one is kept.
    fn rows(
        &self,
        dataset: &mut Dataset<File>,
        shown: usize,
        mut keep: impl FnMut(Row) -> Result<()>,
    ) -> Result<Audit> {
        let Reading { tokenizer, template, .. } = self.reading;
        let options = render_options(self.config, open::options(tokenizer));
        let mut renderer = Renderer::new(tokenizer, template, options);
        let (mut show, mut audit) = (percent("rendering"), Audit::default());
        while let Some((at, record)) = dataset.next_record().map_err(advise)? {
            match record.and_then(|record| renderer.render(&record)) {
                Ok(rows) => {
                    if audit.kept < shown {
                        preview::show(tokenizer, at, &rows)?;
                    }
                    audit.keep(&rows);
                    keep(rows.row)?;
                }
                Err(error) => audit.drop_row(at, &error),
            }
            let (done, total) = dataset.progress();
            show(done, total);
        }
        Ok(audit)
    }
}

/// Columns of no known format are the most common refusal, and the easiest to mend.
fn advise(error: Error) -> anyhow::Error {
    if error.kind == Kind::Missing && error.field == "columns" {
        return anyhow!("{error}. Say which is which with --map, as in --map question=prompt.");
    }
    error.into()
}
