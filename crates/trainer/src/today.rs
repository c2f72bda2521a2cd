//! The day that chat templates may ask for.

use crate::platform;
use smolder_formats::template::{Date, Options, date_of};
use smolder_formats::tokenizer::Tokenizer;

/// Today, in UTC.
pub fn today() -> Date {
    date_of(platform::unix_secs())
}

/// What a chat template sees beside the messages on a day.
pub fn template_options(tokenizer: &Tokenizer, day: Date) -> Options {
    Options { date: Some(day), ..Options::of(tokenizer) }
}
