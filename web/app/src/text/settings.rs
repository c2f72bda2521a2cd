//! Settings: how to train.

use super::words::words;

words! {
    /// What the Settings screen says.
    SettingsWords {
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
        lora: "LoRA", "LoRA（低秩适配）";
        lora_about: "Adds two narrow matrices beside each layer’s weights. The best known, and a good default.", "在每层权重旁加两个窄矩阵。最常用，也是稳妥的默认选择。";
        prompt_tuning: "Prompt tuning", "提示调优";
        prompt_tuning_about: "Learns some virtual words that stand before every text. Tiny, and slower to learn.", "学习放在每段文本前的几个虚拟词。体积极小，但学得较慢。";
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
        rank: "Rank: width of the two matrices", "秩：两个矩阵的宽度";
        alpha: "Alpha: the product counts α/rank", "Alpha：乘积按 α/秩 计算";
        rslora: "Count α/√rank instead (rsLoRA)", "改按 α/√秩 计算（rsLoRA）";
        dropout: "Dropout on the layers’ inputs", "层输入的随机丢弃率";
        targets: "Which layers, as in `q_proj,v_proj`", "作用于哪些层，例如 `q_proj,v_proj`";
        ranks: "Other ranks for some layers, as in `v_proj=16`", "部分层使用其他秩，例如 `v_proj=16`";
        alphas: "Other alphas for some layers, likewise", "部分层使用其他 Alpha，写法相同";
        tokens: "Virtual words", "虚拟词数量";
        init: "What they begin as: vocabulary, text or random", "初始值：vocabulary、text 或 random";
        init_text: "The text for `text`", "`text` 方式使用的文本";
    }
}
