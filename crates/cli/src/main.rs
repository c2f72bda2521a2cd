//! Smolder in the terminal.
fn main() {}
