//! A first visit, on a machine without a GPU: one press, and there is something to compare. The page stays light meanwhile.

use crate::browser::{Browser, PATIENCE};
use crate::flow::open;
use crate::look::expect_fit_everywhere;
use crate::no_gpu::visit_with;
use serde_json::json;
use std::time::{Duration, Instant};

/// What the page's own thread may take of a core while it shows a run.
const MOST_OF_A_CORE: f64 = 0.05;
/// Processor seconds in one piece after which a press or a key would be felt to wait. Time on the clock says nothing where
/// other programs want the processor too.
const LONGEST_SECS: f64 = 0.05;

#[tokio::test]
async fn one_press_trains_and_the_two_models_answer_differently() {
    let browser = Browser::start().await;
    let _server = visit_with(&browser, "delete WorkerNavigator.prototype.gpu;").await;
    browser.wait_for("#one-click:enabled").await;
    browser.devtools("Performance.enable", json!({ "timeDomain": "threadTicks" })).await;
    browser.click("#one-click").await;
    expect_light_until_trained(&browser).await;
    expect_fit_everywhere(&browser, "first-trained").await;
    open(&browser, "#try").await;
    browser.click(".ask button[type=submit]").await;
    browser.wait_for(".compare:not(:has([aria-busy=true])) .tuned .answer:not(:empty)").await;
    let answers = browser.texts(".reply .answer").await;
    assert!(answers.iter().all(|answer| !answer.is_empty()) && answers[0] != answers[1], "{answers:?}");
    expect_fit_everywhere(&browser, "first-try").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

/// Looks at the page's thread often: what it takes between two looks is as much as any one task took, or more.
async fn expect_light_until_trained(browser: &Browser) {
    let (start, first) = (Instant::now(), page_secs(browser).await);
    let (mut last, mut longest) = (first, 0_f64);
    while browser.texts(".verdict.good").await.is_empty() {
        assert!(start.elapsed() < 4 * PATIENCE, "{}", browser.text("body").await);
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = page_secs(browser).await;
            (longest, last) = (longest.max(now - last), now);
        }
    }
    let share = (last - first) / start.elapsed().as_secs_f64();
    assert!(share < MOST_OF_A_CORE, "the page's thread took {share} of a core");
    assert!(longest < LONGEST_SECS, "{longest} s of computing in one piece");
}

/// Processor seconds that the page's own thread has taken.
async fn page_secs(browser: &Browser) -> f64 {
    let answer = browser.devtools("Performance.getMetrics", json!({})).await;
    let metrics = answer["metrics"].as_array().expect("metrics");
    let task = metrics.iter().find(|metric| metric["name"] == "TaskDuration").expect("the tasks' time");
    task["value"].as_f64().expect("seconds")
}
