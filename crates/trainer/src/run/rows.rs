//! A file of examples, as rows for a model.

use super::failure::input;
use crate::data::{Rows, read, render_options};
use crate::today::template_options;
use smolder_formats::Source;
use smolder_formats::dataset::{Dataset, Format, Mapping, Renderer};
use smolder_formats::template::{ChatTemplate, Date};
use smolder_formats::tokenizer::Tokenizer;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::Failure;
use std::io::{Read, Seek};

/// Reads all rows as the settings want them, told of this day, and says what format the file has.
///
/// # Errors
/// [`Failure::Input`] where the file as a whole cannot be used; [`Failure::NothingToLearn`] where no row is left.
pub fn load<R: Read + Seek>(
    source: Source<R>,
    (tokenizer, template): (&Tokenizer, &ChatTemplate),
    config: &TrainConfig,
    day: Date,
) -> Result<(Rows, Option<Format>), Failure> {
    let mapping = Mapping::parse(&config.map).map_err(input)?;
    let mut dataset = Dataset::open(source, mapping).map_err(input)?;
    let options = render_options(config, template_options(tokenizer, day));
    let mut renderer = Renderer::new(tokenizer, template, options);
    let rows = read(&mut dataset, &mut renderer, &mut |_, _| ()).map_err(input)?;
    if rows.rows.is_empty() {
        return Err(match rows.audit.dropped.first() {
            Some(first) if rows.audit.fully_masked < rows.audit.dropped_rows() => {
                input(format!("data: {}, found {}", first.reason, first.first))
            }
            _ => Failure::NothingToLearn,
        });
    }
    Ok((rows, dataset.format()))
}
