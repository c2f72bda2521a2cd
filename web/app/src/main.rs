//! The page's app.
fn main() {}
