//! `smolder-bench`: runs each measurement in a process of its own and reports. In browsers it does nothing: there the
//! page's worker calls the library.

#[cfg(not(target_family = "wasm"))]
mod program;

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    program::run()
}

#[cfg(target_family = "wasm")]
fn main() {}
