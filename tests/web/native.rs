//! The page beside the program for the terminal: the same settings give the same losses, and nothing leaves the tab
//! meanwhile.

use crate::browser::{Browser, PATIENCE, address};
use crate::flow::open;
use crate::privacy::requested;
use crate::runs::set_next;
use crate::saved::saved;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Steps of the run.
const STEPS: usize = 12;
/// Steps whose losses are compared one by one.
const COMPARED: usize = 10;
/// Nats by which two devices may differ: they add in different orders.
const TOLERANCE: f64 = 1e-3;

/// Runs the program, which must work, and returns what it prints.
pub fn smolder(arguments: &[&str]) -> String {
    let program = std::env::var("SMOLDER_CLI")
        .expect("SMOLDER_CLI says where the program is; `cargo xtask test` builds it and sets it");
    let output = Command::new(&program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// A folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("smolder-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}

/// The bundled model on a sample of which a few steps learn something. On a GPU that is none this takes minutes:
/// `SMOLDER_DEVICE=gpu` has it done by hand, in both programs.
fn settings() -> String {
    let device = std::env::var("SMOLDER_DEVICE").unwrap_or_else(|_| "cpu".to_owned());
    format!(
        "next.data = 'moods.csv'; next.samples = ['The king wept for his lost daughter.']; next.sample_tokens = 12;
        next.steps = {STEPS}; next.epochs = null; next.lr = 0.003; next.device = '{device}'"
    )
}

#[tokio::test]
async fn the_page_learns_as_the_program_does_and_asks_nobody() {
    let folder = folder("native");
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    set_next(&browser, &settings()).await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.events().await;
    browser.click("#start").await;
    browser.wait_at_most(4 * PATIENCE, ".verdict.good").await;
    assert!(browser.text("h1").await.starts_with(&format!("Trained: {STEPS} steps")));
    expect_no_stranger(&browser).await;
    let [before, now] = browser.texts(".sample .answer").await.try_into().expect("a sample before and now");
    assert_ne!(before, now, "the sample of the end");
    let page = recorded(&browser).await;
    println!("{:.1} tokens a second here", median(&page, "tokens_per_s"));
    let page = numbers(&page, "loss");
    open(&browser, "#share").await;
    let run = saved(&browser, "button[name=toml]", &folder).await;
    browser.close().await;

    let (out, log) = (folder.join("adapter"), folder.join("log.jsonl"));
    let train = ["train", "--config", text(&run)];
    smolder(&[&train[..], &["--out", text(&out), "--log-json", text(&log)]].concat());
    let log = std::fs::read_to_string(log).expect("a log");
    let steps = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let native: Vec<Value> = steps.filter(|step| step["loss"].is_number()).collect();
    println!("{:.1} tokens a second there", median(&native, "tokens_per_s"));
    let native = numbers(&native, "loss");
    assert_eq!((page.len(), native.len()), (STEPS, STEPS));
    for (step, (page, native)) in page.iter().zip(&native).take(COMPARED).enumerate() {
        assert!((page - native).abs() <= TOLERANCE, "step {}: {page} here, {native} there", step + 1);
    }
    let (here, there) = (fallen(&page), fallen(&native));
    assert!(there > 0.0 && (here - there).abs() <= 2.0 * TOLERANCE, "fell by {here} here, {there} there");
    let _ = std::fs::remove_dir_all(folder);
}

/// By how much the mean loss of the last quarter is below that of the first.
fn fallen(losses: &[f64]) -> f64 {
    let quarter = losses.len() / 4;
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    mean(&losses[..quarter]) - mean(&losses[losses.len() - quarter..])
}

/// What the steps say of one thing.
fn numbers(steps: &[Value], of: &str) -> Vec<f64> {
    steps.iter().filter_map(|step| step[of].as_f64()).collect()
}

/// The number in the middle, which first steps that compile shaders do not move.
fn median(steps: &[Value], of: &str) -> f64 {
    let mut numbers = numbers(steps, of);
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Everything that was asked for since the last time came from the page's own server.
async fn expect_no_stranger(browser: &Browser) {
    let events = browser.events().await;
    let origin = address();
    let stranger = events.iter().filter_map(requested).find(|url| !url.starts_with(&origin));
    assert_eq!(stranger, None);
}

/// The steps in the run's record, with all their digits.
async fn recorded(browser: &Browser) -> Vec<Value> {
    let script = "const done = arguments[arguments.length - 1];
        (async () => {
            let folder = await navigator.storage.getDirectory();
            for (const name of ['smolder', 'runs']) folder = await folder.getDirectoryHandle(name);
            for await (const run of folder.values()) {
                const record = await (await run.getFileHandle('run.jsonl')).getFile();
                const lines = (await record.text()).trim().split('\\n').map((line) => JSON.parse(line));
                done(lines.map((line) => line.Stepped).filter((step) => step !== undefined));
            }
        })();";
    let steps = browser.client.execute_async(script, Vec::new()).await.expect("a record");
    serde_json::from_value(steps).expect("steps")
}
