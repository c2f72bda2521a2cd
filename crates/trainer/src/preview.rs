//! [`DataCommand::Preview`](smolder_protocol::DataCommand::Preview): examples as a model will read them.

use crate::data::{self, Rows};
use crate::files::Files;
use crate::today::{template_options, today};
use smolder_formats::dataset::{self, Dataset, Format, Mapping, Renderer, Row};
use smolder_formats::tokenizer::Tokenizer;
use smolder_formats::{Error, Kind};
use smolder_models::Opened;
use smolder_protocol::TrainConfig;
use smolder_protocol::data::{Audit, DataFormat, Dropped, Preview, PreviewFailure, PreviewRow, PreviewToken};
use std::io::{Read, Seek};

/// Tokens of a row that are shown; a person reads no more.
const SHOWN_TOKENS: usize = 512;

/// Reads the data that `config` names with its model's tokenizer and template, and shows the first `shown` rows.
///
/// # Errors
/// [`PreviewFailure`].
pub(crate) async fn preview<F: Files>(
    files: &mut F,
    config: &TrainConfig,
    shown: usize,
) -> Result<Preview, PreviewFailure> {
    let opened = files.model(&config.model).await.map_err(|error| input(&error))?;
    let source = files.data(&config.data).await.map_err(|error| input(&error))?;
    let mapping = Mapping::parse(&config.map).map_err(|error| input(&error))?;
    let mut dataset = Dataset::open(source, mapping).map_err(|error| input(&error))?;
    let rows = render(&mut dataset, &opened, config).map_err(|error| refused(&error, dataset.columns()))?;
    Ok(Preview {
        format: dataset.format().map(format),
        columns: dataset.columns().to_vec(),
        rows: rows.rows.iter().take(shown).map(|row| tokens(row, &opened.tokenizer)).collect(),
        audit: audit(rows.audit),
        template_built_in: opened.template.is_built_in(),
    })
}

fn render<R: Read + Seek>(
    dataset: &mut Dataset<R>,
    opened: &Opened<R>,
    config: &TrainConfig,
) -> Result<Rows, Error> {
    let options = data::render_options(config, template_options(&opened.tokenizer, today()));
    let mut renderer = Renderer::new(&opened.tokenizer, &opened.template, options);
    data::read(dataset, &mut renderer, &mut |_, _| ())
}

fn input(error: &impl ToString) -> PreviewFailure {
    PreviewFailure::Input { reason: error.to_string() }
}

/// Columns of no known format can be mended by a person; the rest is a sentence.
fn refused(error: &Error, columns: &[String]) -> PreviewFailure {
    if error.kind == Kind::Missing && error.field == "columns" {
        return PreviewFailure::Columns { columns: columns.to_vec() };
    }
    input(error)
}

fn tokens(row: &Row, tokenizer: &Tokenizer) -> PreviewRow {
    let token =
        |(id, mask): (&u32, &u8)| PreviewToken { text: tokenizer.decode(&[*id], false), learned: *mask == 1 };
    PreviewRow {
        tokens: row.ids.iter().zip(&row.mask).take(SHOWN_TOKENS).map(token).collect(),
        hidden: row.ids.len().saturating_sub(SHOWN_TOKENS),
        learned: row.mask.iter().map(|mask| usize::from(*mask == 1)).sum(),
    }
}

fn format(format: Format) -> DataFormat {
    match format {
        Format::Messages => DataFormat::Messages,
        Format::ShareGpt => DataFormat::ShareGpt,
        Format::Alpaca => DataFormat::Alpaca,
        Format::PromptCompletion => DataFormat::PromptCompletion,
        Format::Preference => DataFormat::Preference,
        Format::Text => DataFormat::Text,
    }
}

fn audit(found: dataset::Audit) -> Audit {
    let dropped = |one: dataset::Dropped| Dropped { reason: one.reason, rows: one.rows, first: one.first };
    Audit {
        kept: found.kept,
        dropped: found.dropped.into_iter().map(dropped).collect(),
        fully_masked: found.fully_masked,
        truncated: found.truncated,
        missing_eos: found.missing_eos,
        duplicate_bos: found.duplicate_bos,
        tokens: found.tokens,
        learned: found.learned,
        longest: found.longest,
        lengths: found.lengths,
    }
}

#[cfg(not(target_family = "wasm"))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::FolderStore;
    use crate::checkpoint::StoreError;
    use crate::files::FileError;
    use futures_util::FutureExt;
    use smolder_formats::Source;
    use smolder_formats::adapter::PeftAdapter;
    use std::io::Cursor;

    const MODEL: &[u8] = include_bytes!("../../../tests/fixtures/models/llama/f32.gguf");

    /// One model, and the text of one file of examples.
    struct Desk(&'static str);

    impl Files for Desk {
        type Reader = Cursor<&'static [u8]>;
        type Store = FolderStore;

        async fn model(&mut self, name: &str) -> Result<Opened<Self::Reader>, FileError> {
            let mut find = |file: &str| Source::new(file, Cursor::new(MODEL)).map(Some);
            Opened::gguf(name, &mut find).map_err(|error| FileError(error.to_string()))
        }

        async fn data(&mut self, name: &str) -> Result<Source<Self::Reader>, FileError> {
            Source::new(name, Cursor::new(self.0.as_bytes())).map_err(|error| FileError(error.to_string()))
        }

        async fn adapter(
            &mut self,
            name: &str,
            _: &mut Opened<Self::Reader>,
        ) -> Result<PeftAdapter, FileError> {
            Err(FileError(name.to_owned()))
        }

        async fn store(&mut self, folder: &str) -> Result<Self::Store, StoreError> {
            Err(StoreError::InUse { folder: folder.to_owned() })
        }
    }

    fn look(data: &'static str, change: impl FnOnce(&mut TrainConfig)) -> Result<Preview, PreviewFailure> {
        let mut config =
            TrainConfig { model: "m.gguf".into(), data: "d.jsonl".into(), ..TrainConfig::default() };
        change(&mut config);
        preview(&mut Desk(data), &config, 1).now_or_never().unwrap()
    }

    const PAIRS: &str = r#"{"prompt": "How are you?", "completion": "Well."}
        {"prompt": "And you?", "completion": ""}
        {"prompt": "And you?", "completion": "Well too."}"#;

    #[test]
    fn rows_are_shown_token_by_token_and_all_are_counted() {
        let found = look(PAIRS, |_| ()).unwrap();
        assert_eq!(found.format, Some(DataFormat::PromptCompletion));
        assert_eq!(found.columns, ["prompt", "completion"]);
        let [row] = &found.rows[..] else { panic!("{:?}", found.rows) };
        let text = |learned: bool| -> String {
            row.tokens.iter().filter(|token| token.learned == learned).map(|token| &*token.text).collect()
        };
        assert!(text(true).starts_with("Well."), "{}", text(true));
        assert!(text(false).contains("How are you?"), "{}", text(false));
        assert_eq!(row.learned, row.tokens.iter().filter(|token| token.learned).count());
        assert_eq!((found.audit.kept, found.audit.dropped.len(), row.hidden), (2, 1, 0));
    }

    #[test]
    fn unknown_columns_are_named_and_mended_by_a_mapping() {
        let data = r#"{"question": "1 + 1?", "answer": "2", "id": 7}"#;
        let columns = ["question", "answer", "id"].map(str::to_owned).to_vec();
        assert_eq!(look(data, |_| ()), Err(PreviewFailure::Columns { columns: columns.clone() }));
        let map = ["question=prompt", "answer=completion"].map(str::to_owned).to_vec();
        let found = look(data, |config| config.map = map).unwrap();
        assert_eq!((found.format, found.columns), (Some(DataFormat::PromptCompletion), columns));
    }

    #[test]
    fn what_cannot_be_read_is_a_sentence() {
        let Err(PreviewFailure::Input { reason }) = look("", |_| ()) else {
            panic!("an empty file was read")
        };
        assert!(reason.contains("d.jsonl") && reason.contains("empty"), "{reason}");
    }
}
