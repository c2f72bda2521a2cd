//! Settings: how to train.

use super::words::words;

words! {
    /// What the Settings screen says.
    SettingsWords {
        takes: "What it will take", "预计开销";
        takes_lead: "Loads the model and tries a step with one example. Nothing is trained yet.", "载入模型并用一个示例试算一步，尚不训练。";
        estimate: "Estimate", "估算";
        estimating: "Trying a step", "正在试算一步";
        takes_time: "Time, without samples", "时间（不含试答）";
        takes_memory: "Memory on the device", "设备内存";
        takes_steps: "Steps", "步数";
        takes_numbers: "Numbers that are trained", "训练的参数";
        link: "Settings from a link", "链接带来的设置";
        link_lead: "The link would change these:", "该链接会更改以下设置：";
        link_same: "They are what is chosen already.", "与当前设置相同。";
        link_take: "Use them", "采用";
        link_leave: "Leave mine as they are", "保留我的设置";
        link_broken: "The link’s settings cannot be used", "链接中的设置无法使用";
        link_broken_do: "Ask for the link again. Yours are as they were. What was found:", "请重新索取链接。你的设置没有改变。原因：";
        title: "Choose how thoroughly to train", "选择训练的细致程度";
        lead: "A preset is enough. Everything that it decides can be changed below.", "选一个预设就够了，各项都可以在下面修改。";
        presets: "Presets", "预设";
        quick: "Quick look", "快速体验";
        quick_about: "Thirty steps, to see whether it works at all.", "三十步，先看看有没有效果。";
        balanced: "Balanced", "均衡";
        balanced_about: "Three times through the examples.", "把示例学习三遍。";
        thorough: "Thorough", "细致";
        thorough_about: "Up to ten times; a tenth is held back to test with, and training ends when that gets no better.", "最多十遍；留出十分之一用于评估，不再进步时自动停止。";
        custom: "Your own", "自定义";
        custom_about: "What is set below.", "以下面的设置为准。";
        method: "Method", "方法";
        more_methods: "{count} more methods", "另外 {count} 种方法";
        advanced: "Advanced", "高级";
        group_length: "How long", "时长";
        group_rate: "Learning rate", "学习率";
        group_batches: "Batches", "批次";
        group_method: "Method: {name}", "方法：{name}";
        group_evaluation: "Evaluation", "评估";
        group_rest: "Order and device", "顺序与设备";
        epochs: "Times through the examples", "学习遍数";
        steps: "Steps, instead of that", "或者：步数";
        lr: "Peak", "峰值";
        lr_default: "the method’s own", "方法默认值";
        schedule: "Course", "变化方式";
        constant: "it stays", "不变";
        linear: "it falls along a line", "线性下降";
        cosine: "it falls along a cosine", "余弦下降";
        wsd: "it stays and falls at the end", "先保持，最后下降";
        warmup: "Share of steps to warm up over", "预热所占步数比例";
        weight_decay: "Weight decay", "权重衰减";
        clip: "Largest gradient norm", "梯度范数上限";
        batch_size: "Examples in a batch", "每批示例数";
        grad_accum: "Batches in a step", "每步批数";
        seq_len: "Tokens in a row at most", "每行最多词元数";
        packing: "Put several short examples into one row", "把多个短示例拼成一行";
        loss_on: "Learn from", "学习内容";
        loss_assistant: "all answers", "所有回答";
        loss_all: "everything", "全部文本";
        loss_completion: "what follows the prompt", "提示之后的内容";
        loss_last_turn: "the last answer", "最后一个回答";
        eval_split: "Share held back to test with", "留出用于评估的比例";
        eval_every: "Steps between evaluations", "评估间隔步数";
        patience: "Stop after so many without progress", "连续多少次无进步即停止";
        samples: "Prompts to answer meanwhile, one a line", "训练中试答的提问，每行一个";
        sample_every: "Steps between samples", "试答间隔步数";
        seed: "Seed", "随机种子";
        shuffle: "Another order each time through", "每遍打乱顺序";
        device: "Device", "设备";
        device_auto: "the faster one", "自动选择较快的";
        device_gpu: "GPU", "GPU（显卡）";
        device_cpu: "CPU", "CPU（处理器）";
        checkpoint_every: "Steps between checkpoints", "存档间隔步数";
        empty_for: "empty: {value}", "留空：{value}";
        wrong: "Expected {expected}; found {found}.", "应为 {expected}，实际为 {found}。";
        wrong_number: "a number", "一个数";
        invalid: "Some settings cannot train anything", "有些设置无法用于训练";
        method_words: "In the method’s own words:", "方法自己的说明：";
    }
}
