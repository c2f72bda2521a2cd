//! Smolder's page: it starts the worker, shows what the trainer says and asks for what the person wants.
//!
//! It knows [`smolder_protocol`] and never a tensor. What decides is plain Rust with tests that run anywhere: what the
//! worker says becomes states (`link`, `library`, `look`, `run`, `answers`, `exports`, `tried`), what a person enters becomes
//! settings (`choices`, `carried`, `fit`, `linked`, `names`, `examples`, `form`, `presets`), and both become words and drawings (`text`, `units`, `facts`, `chart`).
//! What touches the browser (`bridge`, `brought`, `browser`, `download`, `fetched`, `locks`, `session`, `preferences`, `screens`) is thin.

mod answers;
mod app;
mod bridge;
mod brought;
mod browser;
mod bundled;
mod carried;
mod chart;
mod choices;
mod download;
mod estimating;
mod examples;
mod exports;
mod facts;
mod fetched;
mod fit;
mod form;
mod library;
mod link;
mod linked;
mod locks;
mod look;
mod names;
mod preferences;
mod presets;
mod report;
mod route;
mod run;
#[cfg(test)]
mod sample;
mod screens;
mod session;
mod shell;
mod text;
mod tried;
mod units;
mod unzip;
mod verdict;
mod zip;

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
