//! Smolder's page: it starts the worker, shows what the trainer says and asks for what the person wants.
//!
//! It knows [`smolder_protocol`] and never a tensor. What decides (`link`, `verdict`, `facts`, `text`, `units`) is
//! plain Rust with tests that run anywhere; what touches the browser (`bridge`, `session`, `preferences`) is thin.

mod app;
mod bridge;
mod facts;
mod library;
mod link;
mod preferences;
mod report;
mod route;
#[cfg(test)]
mod sample;
mod screens;
mod session;
mod shell;
mod talk;
mod text;
mod units;
mod verdict;

/// The build that this page comes from; its worker must come from the same.
pub(crate) const BUILD: &str = match option_env!("SMOLDER_BUILD") {
    Some(build) => build,
    None => "dev",
};

/// Takes over the document's body from the start-up script.
pub fn start() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(app::App);
}
