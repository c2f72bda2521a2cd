//! One file per screen, in the order of a person's work. Today: Check.

mod check;

pub(crate) use check::Check;
