//! An adapter leaves one browser and comes into another, and into the program for the terminal: all say the same. No
//! model but its own takes it.

use crate::browser::{Browser, PATIENCE};
use crate::flow::{choose_file, fill, open, take_model, take_tiny_model, tiny_model};
use crate::look::expect_fit_everywhere;
use crate::native::{folder, smolder, text};
use crate::privacy::requested;
use crate::runs::{open_runs, set_next};
use crate::saved::{saved, unpacked};
use crate::server::{Mishap, Server};
use fantoccini::Locator;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const PROMPT: &str = "the little king";
/// What the model learns to say. In the page, a model's words are words.
const MARKUP: &str = "<script>document.title = 'It ran.'</script>";

#[tokio::test]
async fn an_adapter_goes_to_another_browser_and_says_the_same() {
    let folder = folder("adapters");
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    learn_markup(&browser).await;
    let [base, tuned] = answers(&browser).await;
    assert!(base != tuned && tuned.contains(MARKUP), "{base:?} {tuned:?}");
    expect_no_markup(&browser).await;
    strengthen(&browser, 0).await;
    let [still_base, nothing] = answers(&browser).await;
    assert_eq!((&still_base, &nothing), (&base, &base), "an adapter of no strength");
    open(&browser, "#share").await;
    let mut files = Vec::new();
    for format in ["peft", "safetensors", "gguf", "mlx", "merged"] {
        files.push(saved(&browser, &format!("button[name={format}]"), &folder).await);
    }
    browser.close().await;
    expect_same_natively(&files, &tuned);

    let (browser, server) = (Browser::start().await, Server::start());
    server.spoil("/lent.zip", Mishap::File(std::fs::read(&files[0]).expect("an adapter").leak()));
    browser.client.goto(&server.address).await.expect("the page answers");
    browser.wait_for(".verdict:not(.running)").await;
    take_model(&browser, &tiny_model()).await;
    for file in &files[..3] {
        if file.extension().is_some_and(|end| end == "zip") {
            follow_link(&browser, &server).await;
        } else {
            bring(&browser, file).await;
        }
        browser.wait_for(".stored li a[href='#try']").await;
        browser.click(".stored li a[href='#try']").await;
        ask_for_a_continuation(&browser).await;
        assert_eq!(answers(&browser).await, [base.clone(), tuned.clone()], "{}", file.display());
        open_runs(&browser).await;
        browser.click(".stored .link").await;
        browser.click(".stored .sure .link").await;
        browser.wait_for("main:not(:has(.stored li))").await;
    }
    expect_refused(&browser, &server).await;
    browser.close().await;
    let _ = std::fs::remove_dir_all(folder);
}

/// Trains until the model goes on from the prompt with markup, and shows that as a sample.
async fn learn_markup(browser: &Browser) {
    open(browser, "#data").await;
    browser.click(".tabs label:nth-of-type(2) input").await;
    let field = |number| format!(".typed li:nth-child(1) label:nth-of-type({number}) textarea");
    fill(browser, &field(1), PROMPT).await;
    fill(browser, &field(2), MARKUP).await;
    browser.click(".typed button.primary").await;
    browser.wait_for(".token-rows li:only-child .token.learned").await;
    let next = "next.steps = 60; next.epochs = null; next.lr = 0.02; next.raw = true;";
    set_next(browser, &format!("{next} next.samples = ['{PROMPT}']")).await;
    open(browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    browser.wait_for(".verdict.good").await;
    let sample = browser.text(".sample .sides").await;
    assert!(sample.contains(MARKUP), "{sample}");
    expect_no_markup(browser).await;
}

async fn expect_no_markup(browser: &Browser) {
    let found = "return [document.querySelectorAll('main script').length, document.title]";
    let found = browser.script(found).await;
    assert!(found[0] == json!(0) && found[1] != json!("It ran."), "{found}");
}

/// What the page wrote, in the program for the terminal.
fn expect_same_natively(files: &[PathBuf], tuned: &str) {
    let [peft, safetensors, gguf, mlx, merged] = files else { panic!("five files, not {files:?}") };
    let (peft, model) = (unpacked(peft), tiny_model());
    for adapter in [&peft, safetensors, gguf] {
        let said = continued(&["--model", text(&model), "--adapter", text(adapter)]);
        assert_eq!(said, tuned, "{}", adapter.display());
    }
    assert_eq!(continued(&["--model", text(merged)]), tuned, "the merged model");
    let (ours, theirs) = (unpacked(mlx), peft.join("mlx"));
    smolder(&["export", "--adapter", text(&peft), "--to", "mlx", "--out", text(&theirs)]);
    for file in ["adapters.safetensors", "adapter_config.json"] {
        let [ours, theirs] = [&ours, &theirs].map(|folder| std::fs::read(folder.join(file)).expect(file));
        assert!(ours == theirs, "{file} of the page is not the program's");
    }
}

/// What a model adds to the prompt, as the page shows it.
fn continued(model: &[&str]) -> String {
    let how = ["--device", "cpu", "--temperature", "0", "--max-tokens", "96", "--prompt", PROMPT];
    smolder(&[&["generate"], model, &how].concat()).trim().to_owned()
}

/// A link names host and size and asks; only then does something come.
async fn follow_link(browser: &Browser, server: &Server) {
    browser.events().await;
    open_link(browser, server, "lent.zip").await;
    browser.wait_for(".linked select option[value='f32.gguf']:checked").await;
    let size = "//*[contains(@class, 'linked')]//li[contains(., ' KiB from 127.0.0.1:')]";
    browser.client.wait().at_most(PATIENCE).for_element(Locator::XPath(size)).await.expect("host and size");
    expect_fit_everywhere(browser, "runs-linked").await;
    assert_eq!(asked(browser, "lent.zip").await, ["HEAD"]);
    browser.click(".linked button[name=take]").await;
    browser.wait_for("main:not(:has(.linked)) .stored li").await;
    assert_eq!(asked(browser, "lent.zip").await, ["GET"]);
}

async fn open_link(browser: &Browser, server: &Server, adapter: &str) {
    let link = format!("{}/#adapter={adapter}", server.address);
    browser.client.goto(&link).await.expect("the page answers");
    browser.wait_for(".way .beside[aria-current=page]").await;
}

/// How the page asked for a file since the last time.
async fn asked(browser: &Browser, file: &str) -> Vec<String> {
    let events = browser.events().await;
    let ours = events.iter().filter(|event| requested(event).is_some_and(|url| url.ends_with(file)));
    let method = |event: &Value| event["params"]["request"]["method"].as_str().map(str::to_owned);
    ours.filter_map(method).collect()
}

/// A model with other weights takes no adapter, and the reason names both; a link to elsewhere is not followed.
async fn expect_refused(browser: &Browser, server: &Server) {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    open_link(browser, server, "https%3A%2F%2Felsewhere.test%2Flent.zip").await;
    browser.wait_for(".card.bad").await;
    let reason = browser.text(".card.bad").await;
    assert!(reason.contains("It points to elsewhere.test."), "{reason}");
    take_model(browser, &fixtures.join("models/llama-k/k.gguf")).await;
    open_link(browser, server, "lent.zip").await;
    browser.wait_for(".linked button[name=take]:enabled").await;
    browser.click(".linked button[name=take]").await;
    browser.wait_for(".card.bad").await;
    let reason = browser.text(".card.bad").await;
    assert!(reason.contains("It names f32.gguf, and k.gguf is not that file."), "{reason}");
    expect_fit_everywhere(browser, "runs-refused").await;
    browser.click(".linked button[name=leave]").await;
    browser.wait_for("main:not(:has(.linked))").await;
    bring(browser, &fixtures.join("models/manifest.json")).await;
    browser.wait_for(".wrong:not(:empty)").await;
    assert!(browser.text(".wrong:not(:empty)").await.contains("no adapter in manifest.json"));
    assert_eq!(browser.texts(".stored li").await, Vec::<String>::new());
}

/// Chooses the file on the page of runs.
pub async fn bring(browser: &Browser, file: &Path) {
    open_runs(browser).await;
    choose_file(browser, "#adapter-file", file).await;
}

/// Of an adapter from elsewhere the page does not know how it was trained, so it takes the prompt for a question.
async fn ask_for_a_continuation(browser: &Browser) {
    let script = "const kind = document.querySelector('.ask details select'); kind.value = 'text';
        kind.dispatchEvent(new Event('change', { bubbles: true }))";
    browser.script(script).await;
}

/// What base and tuned model say.
async fn answers(browser: &Browser) -> [String; 2] {
    open(browser, "#try").await;
    let prompt = browser.client.find(Locator::Css("#prompt")).await.expect("the field is there");
    prompt.clear().await.expect("it can be emptied");
    prompt.send_keys(PROMPT).await.expect("it takes text");
    browser.click(".ask button[type=submit]").await;
    browser.wait_for(".compare:not(:has([aria-busy=true])) .tuned .answer:not(:empty)").await;
    let answers = browser.texts(".reply .answer").await;
    answers.try_into().expect("two answers")
}

async fn strengthen(browser: &Browser, percent: u32) {
    let script = format!(
        "const slider = document.querySelector('#strength'); slider.value = {percent};
        slider.dispatchEvent(new Event('input', {{ bubbles: true }}))"
    );
    browser.script(&script).await;
}
