//! A first visit, on a machine without a GPU: one press, and there is something to compare. The page stays light meanwhile.

use crate::browser::Browser;
use crate::flow::open;
use crate::look::expect_fit_everywhere;
use crate::no_gpu::visit_with;
use serde_json::json;
use std::time::Instant;

/// What the page's own thread may take of a core while it shows a run.
const MOST_OF_A_CORE: f64 = 0.05;
/// Seconds in one piece after which a press or a key would be felt to wait.
const LONGEST_TASK_SECS: f64 = 0.05;

#[tokio::test]
async fn one_press_trains_and_the_two_models_answer_differently() {
    let browser = Browser::start().await;
    let _server = visit_with(&browser, "delete WorkerNavigator.prototype.gpu;").await;
    browser.wait_for("#one-click:enabled").await;
    browser.devtools("Performance.enable", json!({ "timeDomain": "threadTicks" })).await;
    browser.script(WATCH_TASKS).await;
    let (start, before) = (Instant::now(), page_secs(&browser).await);
    browser.click("#one-click").await;
    browser.wait_for(".verdict.good").await;
    let share = (page_secs(&browser).await - before) / start.elapsed().as_secs_f64();
    let longest = browser.script("return longest / 1000").await;
    println!("{:?}, {share}, {longest}", start.elapsed());
    assert!(share < MOST_OF_A_CORE, "the page's thread took {share} of a core");
    assert!(longest.as_f64().is_some_and(|secs| secs < LONGEST_TASK_SECS), "{longest} s in one piece");
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

/// Keeps the time of the longest task from now on, in milliseconds.
const WATCH_TASKS: &str = "window.longest = 0; new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    }).observe({ type: 'longtask' })";

/// Processor seconds that the page's own thread has taken.
async fn page_secs(browser: &Browser) -> f64 {
    let answer = browser.devtools("Performance.getMetrics", json!({})).await;
    let metrics = answer["metrics"].as_array().expect("metrics");
    let task = metrics.iter().find(|metric| metric["name"] == "TaskDuration").expect("the tasks' time");
    task["value"].as_f64().expect("seconds")
}
