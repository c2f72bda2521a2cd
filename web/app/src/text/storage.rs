//! What can go wrong with files.

use super::words::words;

words! {
    /// What can go wrong with files.
    StorageWords {
        none: "This browser has no private storage for the page", "浏览器没有为本页提供私有存储";
        none_do: "Private windows often forbid it. Open the page in an ordinary window, or allow site data for it.", "隐私窗口通常会禁用它。请在普通窗口中打开本页，或允许本站保存数据。";
        full: "There is not enough room", "空间不足";
        full_do: "Delete a model under Storage, or free space on this machine, then try again.", "请在“存储”中删除一个模型，或在本机上腾出空间，然后重试。";
        full_missing: "{size} more are needed.", "还需要 {size}。";
        in_use: "Another tab uses the file", "另一个标签页正在使用该文件";
        in_use_do: "Close it, or let it finish, then try again.", "请关闭它或等它完成，然后重试。";
        file: "The file is not what it must be", "文件不符合要求";
        file_do: "Choose another file. What was found:", "请选择其他文件。问题如下：";
        other_base: "The adapter was trained on another model", "该适配器属于另一个模型";
        other_base_do: "It names `{expected}`, and `{found}` is not that file. Choose its model, or another adapter.", "它所用的模型是 `{expected}`，而 `{found}` 不是那个文件。请选择对应的模型，或更换适配器。";
        sha256: "The file is not the one that was asked for", "文件与预期的不一致";
        sha256_do: "Its checksum differs, so it was deleted. Download it again.", "校验和不同，已将其删除。请重新下载。";
        answer: "The server does not have the file", "服务器上没有该文件";
        answer_do: "It answered with status {status}. Reload the page, or choose another file.", "服务器返回状态 {status}。请重新载入页面，或选择其他文件。";
        network: "The server cannot be reached", "无法连接服务器";
        network_do: "Check the connection and try again; what has arrived is kept.", "请检查网络后重试，已收到的部分会保留。";
        unknown_keys: "The adapter’s settings say what means nothing here, and is passed over: {keys}", "该适配器的设置中有此处无意义的内容，已忽略：{keys}";
        idle: "The adapter changes nothing: what it adds is exactly zero.", "该适配器不产生任何作用：它所增加的恰好为零。";
        cancelled: "Stopped", "已停止";
        cancelled_do: "Nothing was changed.", "没有任何改动。";
        refused: "The browser refused", "浏览器拒绝了操作";
        refused_do: "Try again; if it stays, restart the browser.", "请重试；如仍不行，请重启浏览器。";
    }
}
