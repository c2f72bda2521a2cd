//! What breaks off goes on where it was: a download when the network fails and the tab is gone, a run when the browser is
//! killed. A computer that sleeps breaks runs off too, so the page keeps it awake.

use crate::browser::{Browser, SWIFTSHADER, WEBGPU};
use crate::flow::{open, steps_of_table, take_tiny_model};
use crate::native::folder;
use crate::runs::{open_runs, set_next};
use crate::server::{Mishap, Server};
use serde_json::json;
use std::path::Path;
use std::process::Command;

const TALES: &[u8] = include_bytes!("../../assets/tales.gguf");
/// Bytes after which the connection ends.
const PART: usize = 1_500_000;

/// The server breaks off every answer but those to a request for the rest: only such a one makes the file whole.
#[tokio::test]
async fn a_download_that_breaks_off() {
    let (browser, server) = (Browser::start().await, Server::start());
    server.spoil("/assets/tales.gguf", Mishap::Broken(TALES, PART));
    browser.client.goto(&format!("{}/#model", server.address)).await.expect("the page answers");
    browser.wait_for(".cards:has(.card.bad) button").await;
    expect_stored(&browser, "Model · 1.4 MiB arrived").await;
    browser.client.refresh().await.expect("the page answers");
    expect_stored(&browser, "Model · 2.3 MiB").await;
    assert_eq!(browser.texts(".card.bad").await, Vec::<String>::new());
    browser.close().await;
}

/// Waits until this is said of the one model in the browser's storage.
async fn expect_stored(browser: &Browser, said: &str) {
    let script = "const done = arguments[arguments.length - 1];
        const look = () => {
            const amounts = [...document.querySelectorAll('.stored .amount')].map((one) => one.textContent.trim());
            if (amounts.includes(arguments[0])) done(); else setTimeout(look, 50);
        };
        look();";
    let found = browser.client.execute_async(script, vec![json!(said)]).await;
    assert!(
        found.is_ok(),
        "{said}: {}",
        browser.script("return document.querySelector('.stored').textContent").await
    );
}

/// Nothing in the browser hears of its end.
#[tokio::test]
async fn a_browser_that_is_killed_while_training() {
    let folder = folder("killed");
    let profile = format!("--user-data-dir={}", folder.display());
    let flags = [WEBGPU, SWIFTSHADER, &profile];
    let browser = Browser::with_flags(&flags).await;
    take_tiny_model(&browser).await;
    let next = "next.steps = 200; next.epochs = null; next.samples = []; next.checkpoint_every = 20";
    set_next(&browser, next).await;
    let unbroken = trained(&browser).await;
    open(&browser, "#train").await;
    browser.click("#start").await;
    browser.wait_for(".flow .log li:nth-child(5)").await;
    kill(&folder);
    drop(browser);

    let browser = Browser::with_flags(&flags).await;
    browser.visit_until_checked().await;
    open_runs(&browser).await;
    browser.wait_for(".run:has([name=go-on])").await;
    browser.click(".run:has([name=go-on]) button[name=open]").await;
    browser.wait_for("#go-on:enabled").await;
    browser.click("#go-on").await;
    browser.wait_for(".verdict.good").await;
    assert_eq!(steps_of_table(&browser).await, unbroken);
    browser.close().await;
    let _ = std::fs::remove_dir_all(folder);
}

/// The losses of a whole run, as far as the table shows them.
async fn trained(browser: &Browser) -> Vec<f64> {
    open(browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    browser.wait_for(".verdict.good").await;
    let losses = steps_of_table(browser).await;
    assert_eq!(losses.len(), 50, "as many as the table shows");
    losses
}

/// Ends every process of the browser with this profile at once.
fn kill(profile: &Path) {
    let named = |process: &Path| {
        let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&format!("--user-data-dir={}", profile.display()))
    };
    let processes = std::fs::read_dir("/proc").expect("a list of processes");
    let found = processes.flatten().map(|process| process.path()).filter(|process| named(process));
    let ids: Vec<_> =
        found.filter_map(|process| Some(process.file_name()?.to_string_lossy().into_owned())).collect();
    let killed = Command::new("sh").args(["-c", &format!("kill -9 {}", ids.join(" "))]).status();
    assert!(killed.is_ok_and(|status| status.success()), "{ids:?}");
}

/// Stands in for the browser's own lock, which a browser without a window may refuse.
const LOCKS: &str = "window.held = 0; WakeLock.prototype.request = async () => {
    held += 1;
    return { release: async () => { held -= 1; } };
};";

#[tokio::test]
async fn a_computer_stays_awake_while_a_run_goes_and_the_person_wants_it() {
    let browser = Browser::start().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": LOCKS })).await;
    take_tiny_model(&browser).await;
    set_next(&browser, "next.steps = 4000; next.epochs = null; next.samples = []").await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    expect_held(&browser, 0).await;
    browser.click("#start").await;
    browser.wait_for(".chart.large polyline[points*=' ']").await;
    expect_held(&browser, 0).await;
    for held in [1, 0, 1] {
        browser.click(".onward label.inline").await;
        expect_held(&browser, held).await;
    }
    browser.click(".onward #save + button").await;
    browser.wait_for("#start:enabled, #go-on:enabled").await;
    expect_held(&browser, 0).await;
    browser.close().await;
}

/// Waits for so many locks.
async fn expect_held(browser: &Browser, count: u32) {
    let script = format!(
        "const done = arguments[arguments.length - 1];
        const look = () => (held === {count} ? done() : setTimeout(look, 50));
        look();"
    );
    browser.client.execute_async(&script, Vec::new()).await.expect("so many locks in time");
}
