//! What a run warns of, and what ends it.

use super::words::words;

words! {
    /// What a run warns of, and what ends it.
    Trouble {
        step_skipped: "Step {step} was skipped: {cause} was not a finite number ({in_a_row} in a row)", "第 {step} 步已跳过：{cause}不是有限数（连续 {in_a_row} 次）";
        the_loss: "the loss", "损失";
        the_gradient: "the gradient", "梯度";
        rolled_back: "After step {step}, training went back to the checkpoint of step {checkpoint}", "第 {step} 步后退回到第 {checkpoint} 步的存档";
        frozen: "After {step} steps the adapter still changes nothing: raise the learning rate", "{step} 步之后适配器仍无作用：请提高学习率";
        evaluation_infinite: "The held-out loss after step {step} is infinite", "第 {step} 步后，留出示例的损失为无穷大";
        nothing_to_evaluate: "There is only one example: none is held back to test with", "只有一个示例，没有留出用于评估的示例";
        no_sample: "“{prompt}” could not be answered: {reason}", "无法回答“{prompt}”：{reason}";
        unmatched: "The model has no layers called {targets}", "模型中没有名为 {targets} 的层";
        halved: "Memory ran out: the same step is done in parts of {now} instead of {before} examples", "内存不足：同一步改为每次 {now} 个示例（原为 {before} 个）";
        few_rows: "A step wants {wanted} rows, and there are {rows}: it takes all", "每步需要 {wanted} 行，只有 {rows} 行：全部使用";
        rows_dropped: "{rows} rows were left out. The first: {reason}", "舍弃了 {rows} 行，首例：{reason}";
        rows_cut: "{rows} rows were cut at {length} tokens", "{rows} 行在 {length} 个词元处截断";
        rows_cut_at_context: "{rows} rows were cut at {length} tokens, all that the model’s context holds", "{rows} 行在 {length} 个词元处截断（模型上下文的上限）";
        other_evaluation_rows: "The rows to evaluate on are not those of before: the best is looked for anew", "评估所用的行与之前不同：重新寻找最佳结果";
        length_lowered: "Rows may have {context} tokens, the model’s context, not {wanted}", "每行最多 {context} 个词元（模型的上下文长度），而不是 {wanted}";
        checkpoint_damaged: "Checkpoint {file} cannot be used; an older one is. {reason}", "存档 {file} 无法使用，改用较早的一个。{reason}";
        checkpoint_unwritten: "The checkpoint of step {step} could not be written; the one before remains. {reason}", "第 {step} 步的存档无法写入，保留前一个。{reason}";
        other_base: "The adapter was trained on a model that differs: {reason}", "适配器是在不同的模型上训练的：{reason}";
        settings: "Some settings are outside their ranges", "有些设置超出范围";
        settings_do: "Change these in Settings:", "请在“设置”中修改：";
        input: "Model or examples are not what they must be", "模型或示例不符合要求";
        input_do: "Choose others, or change what this names:", "请更换，或按提示修改：";
        nothing: "No row has a token to learn", "没有任何一行含有可学习的词元";
        nothing_do: "Look at the examples: answers may be empty, or cut off because rows are too long.", "请检查示例：回答可能为空，或因过长而被截断。";
        memory: "The device has not enough memory", "设备内存不足";
        memory_do: "Even one row of {tokens} tokens does not fit. Choose a smaller model, or fewer tokens in a row.", "连一行 {tokens} 个词元也放不下。请选择更小的模型，或减少每行词元数。";
        not_finite: "The loss stayed infinite", "损失一直是无穷大";
        not_finite_do: "It began before step {step}, and going back did not help. Lower the learning rate and train again.", "从第 {step} 步前开始，退回存档也无效。请降低学习率后重新训练。";
        full: "There is no room for the adapter", "没有空间写入适配器";
        full_do: "Delete something under Storage on the Model screen, then continue: the last checkpoint is kept.", "请在“模型”页面的“存储”中删除一些文件，然后继续：最后的存档仍在。";
        unwritten: "The adapter could not be written", "适配器无法写入";
        unwritten_do: "Close other tabs of this page, then continue from the last checkpoint.", "请关闭本页的其他标签页，然后从最后的存档继续。";
        other_run: "The checkpoint belongs to another run", "存档属于另一次训练";
        other_run_do: "These differ from it; set them back, or start anew:", "以下内容与它不同；请改回，或重新开始：";
        recovering: "Going on from the last checkpoint", "从最后的存档继续";
        crashed: "The trainer stopped", "训练程序已停止";
        says: "Its words:", "原话：";
    }
}
