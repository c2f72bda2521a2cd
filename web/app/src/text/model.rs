//! Model: what to start from.

use super::words::words;

words! {
    /// What the Model screen says.
    ModelWords {
        title: "Choose a model", "选择模型";
        lead: "Training changes how it writes; what it knows, it brings along. A smaller model trains faster.", "训练改变它的写法，知识则来自模型本身。模型越小，训练越快。";
        here: "On this machine", "本机上的模型";
        bundled_name: "Tales", "Tales（童话）";
        bundled_about: "A tiny storyteller, made for this page and trained on the Grimms’ fairy tales. It knows nothing else and learns in seconds.", "专为本页制作的小型讲故事模型，用格林童话训练而成。它别无所知，但几秒钟就能学会新东西。";
        own: "Your own file", "你自己的文件";
        partial: "{here} arrived", "已收到 {here}";
        add: "Add a model", "添加模型";
        add_lead: "A GGUF file from this machine. It is copied into this browser’s private storage and goes nowhere else.", "选择本机上的 GGUF 文件。它会复制到浏览器的私有存储，不会传到别处。";
        pick: "Choose a file", "选择文件";
        drop: "or drop it here", "或拖放到这里";
        not_gguf: "`{name}` is no GGUF file. Models end in `.gguf`; most have one at the hub, under “Quantizations”.", "`{name}` 不是 GGUF 文件。模型文件以 `.gguf` 结尾，多数模型可在模型站的“Quantizations”栏找到。";
        importing: "Copying {name}", "正在复制 {name}";
        of: "{done} of {total}", "{done}，共 {total}";
        cancel: "Cancel", "取消";
        catalog: "Models worth starting from", "值得一试的模型";
        catalog_lead: "Downloaded once into this browser’s private storage, and checked. Broken off, a download goes on where it was.", "只需下载一次，保存在浏览器的私有存储中并经过校验；中断后可从断点继续。";
        parameters: "{count} parameters", "{count} 个参数";
        fits: "Fits this machine", "适合本机";
        tight: "Tight on this machine", "对本机来说偏大";
        too_large: "Too large for this machine", "超出本机的容量";
        fits_short: "Fits", "适合";
        tight_short: "Tight", "偏大";
        too_large_short: "Too large", "过大";
        licence: "Licence: {name}", "许可证：{name}";
        terms: "terms", "条款";
        download: "Download {size}", "下载 {size}";
        download_from: "from {host}", "来自 {host}";
        link: "or from an address at the hub", "或使用模型站上的地址";
        link_get: "Download", "下载";
        not_link: "Expected the address of a `.gguf` file at {host}, as in `{example}`.", "应为 {host} 上 `.gguf` 文件的地址，例如 `{example}`。";
        download_at: "from {host}, in a new tab", "来自 {host}，在新标签页打开";
        gated: "The hub asks you to accept the licence first.", "模型站要求先接受许可证。";
        storage: "Storage", "存储";
        storage_lead: "What this page keeps in your browser.", "本页保存在浏览器中的文件。";
        storage_empty: "Nothing is stored yet.", "还没有保存任何文件。";
        storage_sum: "{used} in {count} files; {free} free", "{count} 个文件共 {used}；剩余 {free}";
        shelf_models: "Model", "模型";
        shelf_data: "Examples", "示例数据";
        shelf_adapters: "Adapter", "适配器";
        delete: "Delete", "删除";
        delete_sure: "Delete {name} for good?", "确定永久删除 {name}？";
        delete_yes: "Yes, delete", "确定删除";
        keep: "Keep", "保留";
    }
}
