//! No GPU to be had, or none to be trusted: why, and what a person can do.

use crate::browser::{Browser, WEBGPU, address};
use crate::server::{Mishap, Server};

#[tokio::test]
async fn a_browser_without_webgpu() {
    let browser = Browser::start().await;
    visit_with(&browser, "delete WorkerNavigator.prototype.gpu;").await;
    expect_cpu(&browser, "This browser has no WebGPU").await;
    browser.close().await;
}

#[tokio::test]
async fn webgpu_without_an_adapter() {
    let browser = Browser::start().await;
    visit_with(&browser, "GPU.prototype.requestAdapter = async () => null;").await;
    expect_cpu(&browser, "The browser offers no GPU").await;
    browser.close().await;
}

#[tokio::test]
async fn an_adapter_that_refuses_a_device() {
    let browser = Browser::start().await;
    let refuse =
        "GPUAdapter.prototype.requestDevice = async () => { throw new DOMException('out of memory') };";
    visit_with(&browser, refuse).await;
    expect_cpu(&browser, "The GPU refused to start").await;
    assert!(browser.text(".card .quote").await.contains("out of memory"));
    browser.close().await;
}

#[tokio::test]
async fn a_gpu_that_computes_wrong_results() {
    let browser = Browser::start().await;
    let wrong = "const create = GPUDevice.prototype.createShaderModule;
        GPUDevice.prototype.createShaderModule = function (shader) {
            return create.call(this, { ...shader, code: shader.code.replaceAll('inverseSqrt(', 'sqrt(') });
        };";
    visit_with(&browser, wrong).await;
    expect_cpu(&browser, "The GPU computes wrong results").await;
    assert!(browser.text(".facts").await.contains("Failed"));
    browser.close().await;
}

#[tokio::test]
async fn a_gpu_that_is_lost_while_it_is_tested() {
    let browser = Browser::start().await;
    let lose = r"const request = GPUAdapter.prototype.requestDevice, submit = GPUQueue.prototype.submit;
        let device;
        GPUAdapter.prototype.requestDevice = async function (...wanted) {
            return device = await request.apply(this, wanted);
        };
        GPUQueue.prototype.submit = function (...work) {
            submit.apply(this, work);
            device.destroy();
        };";
    visit_with(&browser, lose).await;
    expect_cpu(&browser, "The GPU stopped responding").await;
    browser.close().await;
}

#[tokio::test]
async fn a_gpu_that_is_lost_after_the_check() {
    let browser = Browser::start().await;
    let lose = r#"const request = GPUAdapter.prototype.requestDevice, post = postMessage;
        let device;
        GPUAdapter.prototype.requestDevice = async function (...wanted) {
            return device = await request.apply(this, wanted);
        };
        self.postMessage = (message) => {
            post(message);
            if (String(message).startsWith('{"Checked"')) setTimeout(() => device.destroy(), 100);
        };"#;
    let server = visit_with(&browser, lose).await;
    browser.wait_for(".verdict.bad").await;
    expect_cpu(&browser, "The GPU stopped responding").await;
    server.mend();
    browser.click(".again button").await;
    browser.wait_for(".verdict.slow").await;
    browser.close().await;
}

#[tokio::test]
async fn an_insecure_address() {
    let browser = Browser::with_flags(&[WEBGPU, "--host-resolver-rules=MAP insecure.test 127.0.0.1"]).await;
    let insecure = address().replace("127.0.0.1", "insecure.test");
    browser.client.goto(&insecure).await.expect("the page answers");
    browser.wait_for(".verdict:not(.running)").await;
    expect_cpu(&browser, "At this address the browser hides the GPU").await;
    browser.close().await;
}

/// Opens the page with JavaScript of the test's own at the head of its worker, and waits for the verdict.
pub async fn visit_with(browser: &Browser, prelude: &'static str) -> Server {
    let server = Server::start();
    server.spoil("/worker.js", Mishap::Prelude(prelude));
    browser.client.goto(&server.address).await.expect("the page answers");
    browser.wait_for(".verdict:not(.running)").await;
    server
}

async fn expect_cpu(browser: &Browser, problem: &str) {
    assert_eq!(browser.text("h1").await, "No usable GPU: training will use the CPU");
    let cards = browser.texts(".card.bad h3").await;
    assert!(cards.iter().any(|title| title == problem), "{cards:?}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
