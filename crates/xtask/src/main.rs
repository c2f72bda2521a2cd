//! Sets up, builds, serves, tests and measures Smolder.
fn main() {}
