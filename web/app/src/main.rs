//! The page's program.

fn main() {
    smolder_app::start();
}
