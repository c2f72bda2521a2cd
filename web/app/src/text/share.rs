//! Share: take the adapter along.

use super::words::words;

words! {
    /// What the Share screen says.
    ShareWords {
        title: "Take your adapter along", "带走你的适配器";
        lead: "It holds what was learned, and works with the model it was trained on.", "它包含学到的内容，需配合所用的基础模型使用。";
        peft: "PEFT folder (ZIP)", "PEFT 文件夹（ZIP）";
        peft_about: "For Python: transformers with PEFT opens it. With a model card.", "用于 Python：transformers 加 PEFT 可直接打开，附模型说明。";
        safetensors: "Single file (safetensors)", "单个文件（safetensors）";
        safetensors_about: "Everything in one file, for Smolder here and in the terminal.", "全部在一个文件里，供本页和终端里的 Smolder 使用。";
        gguf: "LoRA for llama.cpp (GGUF)", "llama.cpp 用 LoRA（GGUF）";
        gguf_about: "For llama.cpp, Ollama, LM Studio and others, beside the base model.", "用于 llama.cpp、Ollama、LM Studio 等，与基础模型一起载入。";
        mlx: "MLX folder (ZIP)", "MLX 文件夹（ZIP）";
        mlx_about: "For mlx-lm on Apple’s computers.", "用于苹果电脑上的 mlx-lm。";
        merged: "Whole model (GGUF)", "完整模型（GGUF）";
        merged_about: "The model with the adapter inside: one file that needs nothing else. As large as the model.", "适配器已并入模型：一个文件，无需其他内容，与模型一样大。";
        card: "Model card (Markdown)", "模型说明（Markdown）";
        card_about: "What it was trained on, with which settings, and how well.", "记录训练所用的数据、设置和结果。";
        writing: "Writing", "正在写出";
        unfit: "Not every method and model can be written in this form. What was found:", "并非所有方法和模型都能写成这种形式。原因：";
        settings: "Train the same way elsewhere", "在别处以同样方式训练";
        settings_lead: "A file for `smolder train --config run.toml`, and a link that brings the settings to this page. Neither holds your examples.", "可供 `smolder train --config run.toml` 使用的文件，以及把设置带到本页的链接。两者都不含你的示例。";
        toml: "Save run.toml", "保存 run.toml";
        copy_link: "Copy the link", "复制链接";
        copy_failed: "The browser refused: copy the address of the link below", "浏览器拒绝了：请复制下面链接的地址";
        link: "The link itself", "链接";
        run: "Run", "训练";
        save: "Save", "保存";
        saved: "Handed to the browser’s downloads.", "已交给浏览器下载。";
        failed: "It could not be written", "无法写出";
        about: "About this adapter", "关于这个适配器";
        base: "Base model", "基础模型";
        examples: "Examples", "示例";
        steps: "Steps", "步数";
        loss: "Last loss", "最后的损失";
        best: "Best held-out loss", "留出示例的最佳损失";
    }
}
