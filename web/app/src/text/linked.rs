//! What a link offers.

use super::words::words;

words! {
    /// What is said of a link's offer.
    LinkedWords {
        adapter: "A link offers an adapter", "链接提供了一个适配器";
        model: "A link offers a model", "链接提供了一个模型";
        lead: "It would be copied from there into this browser’s private storage, and checked. Nothing comes unless you say so.", "它会从那里复制到浏览器的私有存储并经过核对。未经你同意，不会下载任何内容。";
        file: "{name}: {size} from {host}", "{name}：{size}，来自 {host}";
        asking: "asking for its size", "正在查询大小";
        no_size: "size not told", "大小未知";
        own_host: "{host}, this page’s own server", "{host}（本页所在的服务器）";
        is_here: "{name}: it is here already", "{name}：已在本机";
        take: "Download", "下载";
        leave: "No, thanks", "不用了";
        fetching: "Downloading {name}", "正在下载 {name}";
        waiting: "It is here and waits for its model", "已收到，正在等待所属的模型";
        lend: "Lend it by a link", "用链接分享适配器";
        lend_lead: "Upload the ZIP’s files or the single file to the hub, and paste its address here. Whoever opens the link is asked before anything is downloaded.", "把 ZIP 里的文件或单个文件上传到模型站，再把地址粘贴到这里。打开链接的人会先被询问，然后才会下载。";
        lend_address: "Where it lies at the hub", "它在模型站的地址";
        lend_wrong: "Expected a repository or a `.safetensors`, `.gguf` or `.zip` file at {host}, as in `{example}`.", "应为 {host} 上的仓库，或 `.safetensors`、`.gguf`、`.zip` 文件，例如 `{example}`。";
        refused: "This link cannot be followed", "无法使用该链接";
        host_do: "It points to `{address}`. This page asks nobody but its own server and the hub, {host}. Download the file yourself if you trust it, and drop it here.", "它指向 `{address}`。本页只访问自己的服务器和模型站 {host}。如果你信任该文件，请自行下载后拖放到这里。";
        adapter_do: "Expected the address of an adapter, a `.zip`, `.safetensors` or `.gguf` file, and found `{address}`. Ask for the link again.", "应为适配器（`.zip`、`.safetensors` 或 `.gguf` 文件）的地址，实际为 `{address}`。请重新索取链接。";
        model_do: "Expected one of the models listed here or the address of a `.gguf` file at {host}, and found `{address}`. Ask for the link again.", "应为本页列出的模型或 {host} 上 `.gguf` 文件的地址，实际为 `{address}`。请重新索取链接。";
    }
}
