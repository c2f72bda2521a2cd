//! From a model to examples: choosing, importing, and the exact tokens.

use crate::browser::Browser;
use crate::look::expect_fit_everywhere;
use fantoccini::Locator;
use serde_json::json;
use std::path::PathBuf;

/// A model of 131 kB with random weights.
pub fn tiny_model() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/models/llama/f32.gguf")
}

#[tokio::test]
async fn the_way_leads_from_screen_to_screen_and_keeps_the_keyboards_place() {
    let browser = Browser::start().await;
    browser.visit_until_checked().await;
    for (address, headline) in [
        ("#model", "Choose a model"),
        ("#data", "Give it examples"),
        ("#settings", "Choose how thoroughly to train"),
        ("#train", "Ready to train"),
    ] {
        browser.click(&format!(".way a[href='{address}']")).await;
        browser.wait_for(&format!(".way a[href='{address}'][aria-current=step]")).await;
        assert_eq!(browser.text("h1").await, headline);
        let focused = "return document.activeElement.tagName + ' ' + document.title";
        let focused = browser.script(focused).await.as_str().unwrap_or_default().to_owned();
        assert!(focused.starts_with("H1") && focused.ends_with("· Smolder"), "{address}: {focused}");
    }
    assert_eq!(browser.texts(".way .closed").await.len(), 2, "there is nothing to try or to share yet");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn typed_examples_are_shown_as_tokens_and_never_as_markup() {
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    open(&browser, "#data").await;
    browser.click(".tabs label:nth-of-type(2) input").await;
    fill(&browser, ".typed li:nth-child(1) label:nth-of-type(1) textarea", "Say <script>alert(1)</script>")
        .await;
    fill(&browser, ".typed li:nth-child(1) label:nth-of-type(2) textarea", "the little king").await;
    browser.click(".typed button.primary").await;
    browser.wait_for(".token-rows li:only-child .token.learned").await;
    let text =
        "return [...document.querySelectorAll('.token-rows .token')].map((e) => e.textContent).join('')";
    let text = browser.script(text).await.as_str().unwrap_or_default().to_owned();
    assert!(text.contains("<script>alert(1)</script>"), "{text}");
    let learned =
        "return [...document.querySelectorAll('.token-rows .learned')].map((e) => e.textContent).join('')";
    let learned = browser.script(learned).await.as_str().unwrap_or_default().to_owned();
    assert!(learned.starts_with("the little king"), "{learned}");
    assert_eq!(browser.script("return document.querySelectorAll('main script').length").await, json!(0));
    assert!(browser.text(".audit").await.contains("Rows learned from\n1"));
    browser.close().await;
}

#[tokio::test]
async fn unknown_columns_are_asked_about() {
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    open(&browser, "#data").await;
    browser.click(".tabs label:nth-of-type(3) input").await;
    fill(&browser, ".pasted textarea", "question,reply\nwho is king,the wolf\nwho is wolf,the king\n").await;
    browser.click(".pasted button.primary").await;
    browser.wait_for(".preview select").await;
    browser.click(".preview button.primary").await;
    browser.wait_for(".token-rows .token.learned").await;
    assert!(browser.text(".preview .legend").await.contains("prompt and completion"));
    browser.close().await;
}

/// Takes the tiny model in as a person's own file; it is chosen then.
pub async fn take_tiny_model(browser: &Browser) {
    browser.visit_until_checked().await;
    take_model(browser, &tiny_model()).await;
}

pub async fn take_model(browser: &Browser, file: &std::path::Path) {
    open(browser, "#model").await;
    choose_file(browser, "#model-file", file).await;
    let name = file.file_name().expect("a file").to_string_lossy();
    browser.wait_for(&format!(".choice:has(:checked) input[value='{name}']")).await;
}

pub async fn open(browser: &Browser, address: &str) {
    browser.click(&format!(".way a[href='{address}']")).await;
    browser.wait_for(&format!(".way a[href='{address}'][aria-current=step]")).await;
}

pub async fn choose_file(browser: &Browser, selector: &str, path: &std::path::Path) {
    let field = browser.client.find(Locator::Css(selector)).await.expect("the field is there");
    // chromedriver takes no `..`.
    let path = path.canonicalize().expect("the file is there");
    field.send_keys(&path.display().to_string()).await.expect("the file is taken");
}

pub async fn fill(browser: &Browser, selector: &str, text: &str) {
    let field = browser.client.find(Locator::Css(selector)).await.expect("the field is there");
    field.send_keys(text).await.expect("it takes text");
}

/// What the run would take is tried out, and holds until a setting changes.
async fn expect_an_estimate(browser: &Browser) {
    browser.wait_for("#estimate:enabled").await;
    browser.click("#estimate").await;
    browser.wait_for(".takes .tiles").await;
    let tiles = browser.texts(".takes .tiles dd").await;
    assert_eq!((tiles.len(), tiles[2].as_str()), (4, "30"), "{tiles:?}");
    assert!(tiles[1].ends_with("MiB"), "{tiles:?}");
    expect_fit_everywhere(browser, "estimated").await;
    browser.click("input[value=Balanced]").await;
    browser.wait_for(".takes [role=status]:empty").await;
    browser.click("input[value=Quick]").await;
    browser.wait_for(".takes .tiles").await;
}

#[tokio::test]
async fn trains_compares_shares_and_goes_on_after_a_reload() {
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    open(&browser, "#settings").await;
    browser.click("input[value=Quick]").await;
    expect_an_estimate(&browser).await;
    open(&browser, "#train").await;
    browser.wait_for("#start:enabled").await;
    browser.click("#start").await;
    browser.wait_for(".verdict.good").await;
    assert!(browser.text("h1").await.starts_with("Trained: 30 steps"));
    let loss = steps_of_table(&browser).await;
    assert_eq!(loss.len(), 30, "every step stands in the table behind the chart");
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&loss[25..]) < mean(&loss[..5]), "{loss:?}");
    expect_fit_everywhere(&browser, "trained").await;

    open(&browser, "#try").await;
    browser.click(".ask button[type=submit]").await;
    browser.wait_for(".compare:not(:has([aria-busy=true])) .tuned .answer:not(:empty)").await;
    expect_fit_everywhere(&browser, "try").await;
    let answers = browser.texts(".reply .answer").await;
    assert!(answers.iter().all(|answer| !answer.is_empty()) && answers[0] != answers[1], "{answers:?}");

    open(&browser, "#share").await;
    let saved = save_all(&browser).await;
    let (zip, gguf) = (b"PK\x03\x04".as_slice(), b"GGUF".as_slice());
    let expected = [
        (".zip", zip),
        (".safetensors", b""),
        (".lora.gguf", gguf),
        ("-mlx.zip", zip),
        (".gguf", gguf),
        (".md", b"---\n"),
    ];
    for ((name, start), (end, magic)) in saved.iter().zip(expected) {
        assert!(name.ends_with(end) && start.starts_with(magic), "{saved:?}");
    }
    assert_eq!(saved.len(), expected.len());
    expect_fit_everywhere(&browser, "share").await;
    expect_settings_in_a_link(&browser).await;

    open(&browser, "#train").await;
    browser.click("#start").await;
    browser.wait_for(".verdict.running ~ .tiles, .flow .log li:nth-child(2)").await;
    browser.client.refresh().await.expect("the page answers");
    browser.wait_for("#go-on").await;
    browser.click("#go-on").await;
    browser.wait_for(".verdict.good").await;
    assert!(browser.text("h1").await.starts_with("Trained: 30 steps"));
    assert_eq!(steps_of_table(&browser).await, loss, "broken off and continued, the same run");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

/// The losses in the table behind the large chart.
pub async fn steps_of_table(browser: &Browser) -> Vec<f64> {
    browser.click(".chart.large summary").await;
    browser.wait_for(".chart.large tbody td").await;
    losses(browser).await
}

/// The same while the table is open.
pub async fn losses(browser: &Browser) -> Vec<f64> {
    let script = "return [...document.querySelectorAll('.chart.large tbody tr')]
        .map((row) => Number(row.querySelector('td').textContent))";
    let losses = browser.script(script).await;
    losses.as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect()
}

/// Names and first bytes of what the page hands to the browser's downloads.
async fn save_all(browser: &Browser) -> Vec<(String, Vec<u8>)> {
    let watch = "window.saved = []; const create = URL.createObjectURL; window.blobs = new Map();
        URL.createObjectURL = (blob) => { const url = create(blob); blobs.set(url, blob); return url; };
        const click = HTMLElement.prototype.click;
        HTMLElement.prototype.click = function () {
            if (!this.download) return click.call(this);
            const [name, at] = [this.download, saved.push(null) - 1];
            blobs.get(this.href).slice(0, 4).arrayBuffer()
                .then((bytes) => { saved[at] = [name, [...new Uint8Array(bytes)]]; });
        };";
    browser.script(watch).await;
    for format in ["peft", "safetensors", "gguf", "mlx", "merged", "card"] {
        browser.click(&format!("button[name={format}]:enabled")).await;
        browser.wait_for(&format!("li:has(button[name={format}]:enabled) [role=status]:not(:empty)")).await;
    }
    let saved = browser.script("return saved").await;
    serde_json::from_value(saved).expect("names and bytes")
}

/// The run's settings go out in a link and come back when it is opened.
async fn expect_settings_in_a_link(browser: &Browser) {
    browser.click("button[name=toml]").await;
    browser.wait_for("section:has(> p #settings-link) [role=status]:not(:empty)").await;
    let link = browser.script("return document.querySelector('#settings-link').href").await;
    let link = link.as_str().expect("an address").replace("30", "31");
    browser.client.goto(&link).await.expect("the page answers");
    browser.wait_for(".offered button[name=take]").await;
    let offered = browser.text(".offered").await;
    assert!(offered.contains("steps\n30 → 31"), "{offered}");
    browser.click(".offered button[name=take]").await;
    browser.wait_for("main:not(:has(.offered)) input[value=custom]:checked").await;
    browser.click("input[value=Quick]").await;
}
