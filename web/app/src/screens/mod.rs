//! One file per screen, in the order of a person's work. Today: Check, Model, Try.

mod check;
mod model;
mod talk;
mod words;

pub(crate) use check::Check;
pub(crate) use model::Model;
pub(crate) use talk::Try;
