//! Data: the examples.

use super::words::words;

words! {
    /// What the Data screen says.
    DataWords {
        title: "Give it examples", "提供示例";
        lead: "Show what to answer to what. Some dozens of good examples go a long way.", "告诉它遇到什么该怎样回答。几十个好例子就很有用。";
        source: "Where the examples come from", "示例来源";
        from_sample: "A sample", "自带示例";
        from_table: "Type", "手动输入";
        from_paste: "Paste", "粘贴";
        from_file: "A file", "文件";
        rows: "{count} examples", "{count} 个示例";
        tale_style: "Tell it as a tale", "改写成童话";
        tale_style_about: "Plain sentences, retold as a fairy tale would.", "把平常的句子改写成童话的口吻。";
        instructions_en: "Short answers, English", "英文简短回答";
        instructions_en_about: "Questions, answered in one short sentence.", "用一句简短的英文回答问题。";
        instructions_zh: "Short answers, Chinese", "中文简短回答";
        instructions_zh_about: "The same in Chinese, for models that know it.", "同样的内容，使用中文，适合懂中文的模型。";
        moods: "Name the mood", "判断情绪";
        moods_about: "Sentences and their mood: joy, sorrow, anger or fear.", "句子及其情绪：喜、悲、怒、惧。";
        prompt: "What one asks", "提问";
        completion: "What it shall answer", "期望的回答";
        row: "Example {number}", "示例 {number}";
        add_row: "Add an example", "添加一行";
        remove_row: "Remove example {number}", "删除示例 {number}";
        paste: "Examples as text", "示例文本";
        paste_hint: "JSON lines, CSV with a header, or plain text with empty lines between.", "JSON Lines、带表头的 CSV，或以空行分隔的纯文本。";
        read_as: "Read as", "读取方式";
        read_auto: "Recognise ({kind})", "自动识别（{kind}）";
        json_lines: "JSON", "JSON";
        csv: "CSV", "CSV";
        tsv: "TSV", "TSV";
        plain: "Plain text", "纯文本";
        use_these: "Use these examples", "使用这些示例";
        pick: "Choose a file", "选择文件";
        drop: "or drop it here: JSON, JSONL, CSV, TSV, TXT", "或拖放到这里：JSON、JSONL、CSV、TSV、TXT";
        nothing_yet: "Choose or enter examples to see what the model will read.", "选择或输入示例后，这里会显示模型将读到的内容。";
        reading: "Reading the examples as the model will", "正在按模型的方式读取示例";
        preview: "What the model will read", "模型将读到的内容";
        preview_lead: "Every box is a token. Underlined ones are learned; the others are only read.", "每个方块是一个词元。带下划线的是要学习的，其余只供阅读。";
        learned: "learned", "学习";
        only_read: "only read", "只读";
        more_tokens: "and {count} more", "另有 {count} 个";
        row_title: "Example {number}: {tokens} tokens, {learned} learned", "示例 {number}：{tokens} 个词元，学习 {learned} 个";
        template_built_in: "This model has no chat template of its own; a common one (ChatML) is used.", "该模型没有自己的对话模板，将使用通用的 ChatML。";
        format: "Recognised as", "识别为";
        messages: "chat messages", "对话消息";
        share_gpt: "ShareGPT conversations", "ShareGPT 对话";
        alpaca: "Alpaca instructions", "Alpaca 指令";
        prompt_completion: "prompt and completion", "提问与回答";
        preference: "preference pairs (the better one is learned)", "偏好对（学习较好的一个）";
        text: "plain text", "纯文本";
        unknown: "nothing readable", "无法识别";
        columns: "Which column is which?", "各列的含义是什么？";
        columns_lead: "The columns have names that Smolder does not know. Say what they hold.", "这些列名 Smolder 不认识，请说明它们的内容。";
        map_prompt: "What one asks", "提问";
        map_completion: "What it shall answer", "期望的回答";
        map_text: "Text to learn as it is", "原样学习的文本";
        map_as: "Learn from", "学习内容";
        map_pair: "question and answer", "一问一答";
        map_plain: "one column of text", "一列文本";
        apply: "Apply", "应用";
        audit: "What became of the rows", "各行的处理结果";
        kept: "Rows learned from", "用于学习的行";
        dropped: "Rows left out", "舍弃的行";
        fully_masked: "of these, with nothing to learn", "其中没有可学内容的";
        truncated: "Rows cut at {length} tokens", "在 {length} 个词元处截断的行";
        missing_eos: "Rows without an end token", "没有结束词元的行";
        duplicate_bos: "Rows with two start tokens", "有两个开始词元的行";
        tokens: "Tokens", "词元";
        tokens_learned: "{count}, of which {share} learned", "{count}，其中学习 {share}";
        longest: "Longest row", "最长的行";
        in_tokens: "{count} tokens", "{count} 个词元";
        lengths: "Rows by length", "按长度统计";
        lengths_column: "Tokens in a row", "每行词元数";
        rows_column: "Rows", "行数";
        first: "first: {first}", "首例：{first}";
        cannot: "These examples cannot be read", "无法读取这些示例";
        cannot_do: "Change them or choose others. What was found:", "请修改或更换示例。问题如下：";
        model_cannot: "The model cannot be read", "无法读取该模型";
        model_cannot_do: "Choose another on the Model screen. What was found:", "请在“模型”页面选择其他模型。问题如下：";
        no_rows: "No row is left to learn from", "没有可用于学习的行";
        no_rows_do: "The reasons stand below. A longer row length in Settings helps where rows were cut before their answer.", "原因见下。如果回答之前就被截断，可在“设置”中增大每行长度。";
    }
}
