//! Train: the run.

use super::words::words;

words! {
    /// What the Train screen says.
    TrainWords {
        idle: "Ready to train", "可以开始训练";
        not_ready: "Not ready yet", "还不能开始";
        no_model: "The model {name} is not on this machine: choose another, or get it on the Model screen.", "本机没有模型 {name}：请更换，或在“模型”页面获取。";
        no_data: "The examples {name} are not on this machine: choose others on the Data screen.", "本机没有示例 {name}：请在“数据”页面更换。";
        idle_lead: "Everything happens in this tab. You can pause or stop at any time.", "一切都在本标签页内进行，可随时暂停或停止。";
        starting: "Loading the model", "正在载入模型";
        starting_lead: "Its weights go to the device, the examples through its tokenizer.", "权重送往设备，示例经过分词。";
        running: "Training: step {step} of {steps}", "训练中：第 {step} 步，共 {steps} 步";
        running_lead: "The loss should fall. The samples below show what that means in words.", "损失应当下降。下面的试答会显示它意味着什么。";
        pausing: "Pausing after this step", "本步完成后暂停";
        paused: "Paused at step {step}", "已暂停在第 {step} 步";
        paused_lead: "A checkpoint is written. Continue when you like.", "存档已写好，可随时继续。";
        stopping: "Stopping after this step", "本步完成后停止";
        complete: "Trained: {steps} steps in {time}", "训练完成：{steps} 步，用时 {time}";
        complete_lead: "The loss went from {first} to {last}. See what it learned.", "损失从 {first} 降到 {last}。去看看它学到了什么。";
        complete_flat: "The adapter is written. See what it learned.", "适配器已写好。去看看它学到了什么。";
        early: "Stopped early: it got no better", "提前停止：不再进步";
        stopped: "Stopped at step {step}", "已停在第 {step} 步";
        stopped_lead: "What was learned until here is kept.", "到此为止学到的内容已保留。";
        failed: "Training ended without an adapter", "训练结束，没有得到适配器";
        elsewhere: "Another tab of this page is training", "本页的另一个标签页正在训练";
        elsewhere_lead: "One run at a time: two would share this machine’s GPU and memory. Wait for it or stop it there; this tab notices.", "一次只进行一个训练，否则两者要争用本机的 GPU 和内存。请等它结束，或到那个标签页停止；本页会自动察觉。";
        start: "Start training", "开始训练";
        again: "Train again", "重新训练";
        go_on: "Continue the last run", "继续上次的训练";
        pause: "Pause", "暂停";
        resume: "Continue", "继续";
        save: "Save a checkpoint", "立即存档";
        stop: "Stop", "停止";
        try_it: "Try it", "试用";
        choice: "What will be trained", "训练内容";
        base: "Model", "模型";
        examples: "Examples", "示例";
        method: "Method", "方法";
        length: "Length", "时长";
        steps_count: "{count} steps", "{count} 步";
        epochs_count: "{count} times through the examples", "示例学习 {count} 遍";
        change: "Change", "更改";
        left: "about {time} left", "约剩 {time}";
        progress: "Progress", "进度";
        numbers: "Now", "当前";
        loss: "Loss", "损失";
        loss_unit: "nats per learned token", "每个学习词元的 nat 数";
        raw: "each step", "每步";
        smooth: "smoothed", "平滑";
        evaluation: "held-out examples", "留出的示例";
        lr: "Learning rate", "学习率";
        grad_norm: "Gradient norm", "梯度范数";
        speed: "Tokens per second", "每秒词元数";
        memory: "Memory", "内存";
        device_memory: "device", "设备";
        process_memory: "this tab’s program", "本页程序";
        mib: "MiB", "MiB（兆字节）";
        step: "Step", "步";
        no_points: "The first step draws this.", "完成第一步后显示。";
        table: "As a table", "显示为表格";
        table_part: "Every {n}th of {count} steps", "共 {count} 步，每 {n} 步一行";
        samples: "Samples", "试答";
        samples_lead: "The same prompts, before and now.", "相同的提问，训练前与现在。";
        no_samples: "Prompts to answer meanwhile can be set in Settings.", "可在“设置”中填写训练中试答的提问。";
        before: "Before", "训练前";
        at_step: "After step {step}", "第 {step} 步之后";
        waiting: "Comes later in the run.", "稍后出现。";
        empty_answer: "(It wrote nothing.)", "（没有写出任何内容。）";
        log: "What happened", "事件记录";
        plan: "{rows} rows, {tokens} tokens; {trained} of {all} numbers are trained; about {memory} on the device", "{rows} 行，{tokens} 个词元；训练 {all} 个数中的 {trained} 个；设备约用 {memory}";
        evaluating: "testing on held-out examples, {percent} %", "正在用留出的示例评估，{percent} %";
        evaluated: "Held-out loss after step {step}: {loss}", "第 {step} 步后，留出示例的损失：{loss}";
        evaluated_best: "Held-out loss after step {step}: {loss}, the best so far", "第 {step} 步后，留出示例的损失：{loss}，目前最佳";
        checkpointed: "Checkpoint after step {step}", "第 {step} 步后已存档";
        checkpointed_best: "Checkpoint of the best so far, after step {step}", "已存档目前最佳结果（第 {step} 步后）";
        was_paused: "Paused at step {step}", "暂停在第 {step} 步";
        continued: "Went on from step {step}", "从第 {step} 步继续";
        spoken: "Step {step} of {steps}, loss {loss}", "第 {step} 步，共 {steps} 步，损失 {loss}";
        awake: "Keep the screen awake", "保持屏幕常亮";
    }
}
