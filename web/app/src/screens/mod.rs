//! One file per screen, in the order of a person's work.

mod check;
mod data;
mod linked;
mod model;
mod parts;
mod runs;
mod settings;
mod share;
mod train;
mod try_it;

pub(crate) use check::Check;
pub(crate) use data::Data;
pub(crate) use model::Model;
pub(crate) use runs::Runs;
pub(crate) use settings::Settings;
pub(crate) use share::Share;
pub(crate) use train::Train;
pub(crate) use try_it::Try;
