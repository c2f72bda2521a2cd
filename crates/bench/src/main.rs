//! `smolder-bench`: runs each measurement in a process of its own and reports.

mod program;

fn main() -> std::process::ExitCode {
    program::run()
}
