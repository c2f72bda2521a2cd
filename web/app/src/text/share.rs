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
