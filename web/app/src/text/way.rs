//! The way through the page.

use super::words::words;

words! {
    /// The way through the page.
    Way {
        title: "Steps", "步骤";
        check: "Check", "检查";
        model: "Model", "模型";
        data: "Data", "数据";
        settings: "Settings", "设置";
        train: "Train", "训练";
        try_it: "Try", "试用";
        share: "Share", "分享";
        runs: "Runs", "训练记录";
        done: "done", "完成";
        later: "after training", "训练之后";
        back: "Back: {screen}", "返回：{screen}";
        onward: "Continue: {screen}", "继续：{screen}";
        one_click: "Train now", "立即训练";
        one_click_lead: "With the model and the examples that come with this page. It takes no download and no settings.", "使用本页自带的模型和示例数据，无需下载，也无需设置。";
        choose: "Choose model and data", "选择模型和数据";
        preparing: "Preparing", "正在准备";
        trainer_missing: "The trainer does not run. The Check screen says why.", "训练程序没有运行，原因见“检查”页面。";
        to_check: "To the Check screen", "前往“检查”页面";
    }
}
