//! The page on this machine: `cargo xtask serve`.

use crate::console::say;
use crate::index;
use crate::page::{self, Quality};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Error, Result};
use axum::Router;
use axum::http::{HeaderValue, header::CACHE_CONTROL};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Builds the release page and serves it until interrupted; the target folder is `held` no longer than that takes.
pub fn release(workspace: &Workspace, port: u16, held: Option<File>) -> Result<ExitCode> {
    let listener = listen(port)?;
    let tools = tools::setup(workspace)?;
    let folder = page::build(workspace, &tools, Quality::Release)?;
    drop(held);
    say(format!("\nSmolder is at http://{} (Ctrl-C ends it).", listener.local_addr()?));
    answer(listener, folder)?;
    Ok(ExitCode::SUCCESS)
}

/// Lets trunk serve a quick build and rebuild it whenever a source changes.
pub fn follow(workspace: &Workspace, port: u16) -> Result<ExitCode> {
    drop(listen(port)?);
    let tools = tools::setup(workspace)?;
    page::fetch(workspace, &tools)?;
    // trunk ends where a folder that it shall look away from is not there.
    for ignored in ["dist", "target"] {
        fs::create_dir_all(workspace.root.join(ignored))?;
    }
    let trunk = page::trunk(workspace, &tools, "serve", "dev").args(["--address", "127.0.0.1", "--port"]);
    let dist = workspace.scratch("page-follow");
    let trunk = trunk.arg(port.to_string()).arg("--dist").arg(dist).arg(index::with_live_reload(workspace)?);
    let finished = trunk.finish()?;
    Ok(if finished.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves `folder` in the background on a free port and returns its address.
pub fn background(folder: PathBuf) -> Result<String> {
    let listener = listen(0)?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || answer(listener, folder));
    Ok(url)
}

/// Takes the port before anything is built, so that a port in use is told at once.
fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => Error::msg(format!(
            "Port {port} is in use. Choose another with `cargo xtask serve --port {}`, or end what uses it.",
            port.wrapping_add(1).max(1024)
        )),
        _ => Error::new(error).context(format!("Port {port} cannot be used. Choose another with --port.")),
    })
}

/// Answers requests with the files of `folder`. Browsers must ask again each time: not all names carry a hash.
#[tokio::main(flavor = "current_thread")]
async fn answer(listener: TcpListener, folder: PathBuf) -> Result<()> {
    let revalidate = SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let router = Router::new().fallback_service(ServeDir::new(folder)).layer(revalidate);
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(listener, router).await.context("The server stopped.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_told_with_another_to_try() {
        let taken = listen(0).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen(port).unwrap_err().to_string();
        let other = port.wrapping_add(1).max(1024);
        assert!(error.starts_with(&format!("Port {port} is in use.")), "{error}");
        assert!(error.contains(&format!("`cargo xtask serve --port {other}`")), "{error}");
    }
}
