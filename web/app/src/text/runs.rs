//! Runs: what was trained so far.

use super::words::words;

words! {
    /// What the Runs screen says.
    RunsWords {
        title: "Your runs", "训练记录";
        lead: "Everything that was trained in this browser stays here until you delete it.", "在这个浏览器里训练过的内容都保存在这里，直到你将其删除。";
        looking: "Looking through the storage", "正在查看存储";
        empty: "Nothing was trained yet.", "还没有训练过。";
        begin: "Train something", "去训练";
        unknown: "settings not known", "设置未知";
        progress: "{step} of {steps} steps", "{step} / {steps} 步";
        steps: "{step} steps", "{step} 步";
        loss: "last loss {loss}", "最后的损失 {loss}";
        complete: "Complete", "已完成";
        early: "Stopped early", "提前停止";
        stopped: "Stopped by hand", "手动停止";
        broken: "Broken off", "已中断";
        running: "Training now", "正在训练";
        open: "Open", "打开";
        go_on: "Continue", "继续训练";
        delete: "Delete", "删除";
        sure: "Delete this run with its checkpoints and its adapter?", "删除这次训练，连同存档和适配器？";
        yes: "Yes, delete", "确定删除";
        keep: "Keep", "保留";
        failed: "The run’s record could not be read", "无法读取这次训练的记录";
        beside: "Side by side", "对比";
        beside_lead: "Runs that ended, those on the same examples together, the lowest held-out loss first.", "已结束的训练，相同数据的排在一起，留出示例损失低的在前。";
        run: "Run", "训练";
        on: "Examples", "数据";
        held_out: "Held-out loss", "留出示例损失";
        last_loss: "Last loss", "最后的损失";
        numbers: "Numbers trained", "训练的参数";
        time: "Time", "用时";
        elsewhere: "Adapters from elsewhere", "来自别处的适配器";
        elsewhere_lead: "A PEFT folder as a ZIP or as its two files, a single safetensors file, or a GGUF LoRA. It is checked against the model that it is for.", "PEFT 文件夹（ZIP 或其中的两个文件）、单个 safetensors 文件，或 GGUF LoRA。会与所属模型核对。";
        base: "The model that it is for", "所属模型";
        pick: "Choose files", "选择文件";
        drop: "or drop them here", "或拖放到这里";
        none: "There is no adapter in `{name}`. What is needed: `adapter_model.safetensors` with `adapter_config.json`, or a `.gguf` file.", "`{name}` 中没有适配器。需要 `adapter_model.safetensors` 和 `adapter_config.json`，或一个 `.gguf` 文件。";
        try_it: "Try", "试用";
        for_model: "for {model}", "用于 {model}";
        left: "Broken off at step {step} of {steps}", "中断在第 {step} 步，共 {steps} 步";
        left_lead: "What was learned until the last checkpoint is kept. Continue when you like.", "最后一次存档之前学到的内容都在，可随时继续。";
    }
}
