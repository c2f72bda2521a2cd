//! Try: base and tuned side by side.

use super::words::words;

words! {
    /// What the Try screen says.
    TryWords {
        title: "See what it learned", "看看它学到了什么";
        lead: "The same prompt and the same dice for both; what differs is the training.", "两边使用相同的提问和相同的随机数，差别只在于训练。";
        adapter: "Adapter", "适配器";
        strength: "Strength: {percent} %", "强度：{percent} %";
        strength_about: "0 % is the base model; more than 100 % exaggerates what was learned.", "0 % 即基础模型；超过 100 % 会夸大学到的内容。";
        prompt: "Prompt", "提问";
        prompt_hint: "Ask something like your examples, but not one of them.", "问一个与示例相似、但不在其中的问题。";
        kind: "Read it as", "理解为";
        kind_question: "a question to answer", "要回答的问题";
        kind_beginning: "a beginning to go on from", "要续写的开头";
        go: "Answer", "回答";
        stop: "Stop", "停止";
        base: "Before training", "训练前";
        tuned: "After training", "训练后";
        waiting: "The answer appears here, word by word.", "回答会逐字显示在这里。";
        reading: "Reading the prompt", "正在阅读提问";
        queued: "Comes next", "随后开始";
        nothing: "(It wrote nothing.)", "（没有写出任何内容。）";
        same: "Both answers are the same. Train longer, or with a higher learning rate.", "两个回答相同。请训练更久，或提高学习率。";
        speed: "{tokens} tokens, {speed} per second", "{tokens} 个词元，每秒 {speed} 个";
        count: "{tokens} tokens", "{tokens} 个词元";
        how: "How it writes", "生成方式";
        length: "Tokens at most", "最多词元数";
        temperature: "Temperature", "温度";
        temperature_about: "0 takes the likeliest word each time.", "0 表示每次都取可能性最大的词。";
        seed: "Seed", "随机种子";
        failed: "It could not answer", "无法回答";
        failed_do: "Try again. What was found:", "请重试。问题如下：";
        too_long: "The prompt has {tokens} tokens; {room} fit.", "提问有 {tokens} 个词元，最多 {room} 个。";
        no_memory: "The device has not enough memory.", "设备内存不足。";
        no_model: "The model is not loaded.", "模型没有载入。";
    }
}
