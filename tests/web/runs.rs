//! Runs outlive their tab: listed, opened with all their steps, continued, deleted.

use crate::browser::Browser;
use crate::flow::{losses, open, steps_of_table, take_tiny_model};
use crate::look::expect_fit_everywhere;

/// The next run shall have other settings; `change` is JavaScript that changes `next`.
pub async fn set_next(browser: &Browser, change: &str) {
    let script = format!(
        "const next = JSON.parse(JSON.parse(localStorage['smolder.next'])); {change};
        localStorage['smolder.next'] = JSON.stringify(JSON.stringify(next))"
    );
    browser.script(&script).await;
    browser.client.refresh().await.expect("the page answers");
    browser.wait_for(".way a[aria-current=step]").await;
}

/// A tab that is hidden writes a checkpoint, beside the one of the beginning.
async fn hide(browser: &Browser) {
    let script = "const done = arguments[arguments.length - 1];
        Object.defineProperty(document, 'hidden', { value: true, configurable: true });
        dispatchEvent(new Event('visibilitychange'));
        delete document.hidden;
        const written = () => document.querySelector('.log').textContent.match(/Checkpoint after step/g) ?? [];
        const look = () => (written().length > 1 ? done() : setTimeout(look, 100));
        look();";
    browser.client.execute_async(script, Vec::new()).await.expect("a second checkpoint in time");
}

/// Begins the chosen run and stops it in the middle, where a second tab sees it rest.
async fn train_and_stop(browser: &Browser) {
    open(browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    browser.wait_for(".chart.large polyline[points*=' ']").await;
    hide(browser).await;
    browser.click(".onward button.primary:has(+ #save)").await;
    browser.wait_for(".verdict.slow").await;
    let first = browser.client.window().await.expect("a tab");
    let second = browser.client.new_window(true).await.expect("a second tab").handle;
    browser.client.switch_to_window(second.clone()).await.expect("it is there");
    expect_to_wait(browser).await;
    browser.client.switch_to_window(first.clone()).await.expect("it is there");
    browser.click(".onward button.primary + button").await;
    browser.wait_for(".verdict.good").await;
    browser.client.switch_to_window(second).await.expect("it is there");
    browser.wait_for("main:not(:has(.elsewhere)) #start:enabled").await;
    browser.client.close_window().await.expect("it closes");
    browser.client.switch_to_window(first).await.expect("it is there");
}

/// A tab beside the one that trains: it says so, and neither begins a run nor deletes the other's.
async fn expect_to_wait(browser: &Browser) {
    browser.visit_until_checked().await;
    open_runs(browser).await;
    browser.wait_for(".run:has([name=go-on]:disabled) [name=delete]:disabled").await;
    assert!(browser.text(".run").await.contains("Training now"));
    open(browser, "#train").await;
    browser.wait_for(".elsewhere").await;
    assert!(browser.text(".elsewhere").await.contains("Another tab of this page is training"));
    browser.wait_for("#start:disabled").await;
    browser.wait_for("main:not(:has(#go-on:enabled))").await;
    expect_fit_everywhere(browser, "train-elsewhere").await;
}

#[tokio::test]
async fn a_run_is_kept_opened_continued_and_deleted() {
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    set_next(&browser, "next.steps = 48; next.epochs = null; next.samples = []").await;
    open_runs(&browser).await;
    browser.wait_for("main a.button[href='#train']").await;
    train_and_stop(&browser).await;
    let before = steps_of_table(&browser).await;
    assert!((2..48).contains(&before.len()), "{before:?}");

    browser.client.refresh().await.expect("the page answers");
    open_runs(&browser).await;
    browser.wait_for(".run").await;
    let run = browser.text(".run").await;
    let steps = format!("Stopped by hand · {} of 48 steps · last loss ", before.len());
    assert!(run.contains(&steps), "{run}");
    expect_fit_everywhere(&browser, "runs").await;
    browser.click(".run button[name=open]").await;
    browser.wait_for(".chart.large").await;
    assert_eq!(steps_of_table(&browser).await, before, "the charts of before the reload");

    browser.click("#go-on").await;
    browser.wait_for(".verdict.good ~ .amount-line progress[value='1']").await;
    let whole = losses(&browser).await;
    assert_eq!((whole.len(), &whole[..before.len()]), (48, &before[..]), "old steps and new ones");

    open_runs(&browser).await;
    browser.wait_for(".run:not(:has([name=go-on]))").await;
    assert!(browser.text(".run").await.contains("Complete · 48 of 48 steps"));
    browser.click(".run button[name=delete]").await;
    browser.click(".run button[name=yes]").await;
    browser.wait_for("main:not(:has(.run))").await;
    assert_eq!(browser.texts(".way .closed").await.len(), 2, "nothing is left to try or to share");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

/// Opens the list of runs.
pub async fn open_runs(browser: &Browser) {
    browser.wait_for(".way .beside").await;
    browser.click(".way .beside").await;
    browser.wait_for(".way .beside[aria-current=page]").await;
}
