//! What the page calls methods and their settings; those that it does not know keep the trainer's own words.

use super::Phrases;
use super::words::words;
use smolder_protocol::{MethodSpec, OptionSpec};

words! {
    /// A method's title and, behind a colon, what it does.
    MethodWords {
        lora: "LoRA: Adds two narrow matrices beside each layer’s weights. The best known, and a good default.", "LoRA（低秩适配）：在每层权重旁加两个窄矩阵。最常用，也是稳妥的默认选择。";
        prompt_tuning: "Prompt tuning: Learns some virtual words that stand before every text. Tiny, and slower to learn.", "提示调优：学习放在每段文本前的几个虚拟词。体积极小，但学得较慢。";
        lora_plus: "LoRA+: A LoRA whose second matrix learns faster than its first.", "LoRA+：第二个矩阵比第一个学得更快的 LoRA。";
        lora_fa: "LoRA-FA: A LoRA whose first matrix stays random: half as much to learn.", "LoRA-FA：第一个矩阵保持随机的 LoRA，要学的少一半。";
        dora: "DoRA: A LoRA that learns how long each row of the weights is apart from where it points.", "DoRA：把权重每一行的长度与方向分开学习的 LoRA。";
        vera: "VeRA: Random matrices that all layers share; each layer learns two vectors.", "VeRA：各层共用随机矩阵，每层只学两个向量。";
        loha: "LoHa: Two products of narrow matrices, multiplied entry by entry: a higher rank for as many numbers.", "LoHa：两组窄矩阵之积逐元素相乘，同样的参数得到更高的秩。";
        lokr: "LoKr: A Kronecker product of small matrices: a high rank for few numbers.", "LoKr：小矩阵的克罗内克积，用很少的参数得到高秩。";
        hira: "HiRA: Each weight times one plus a number from narrow matrices: a change of any rank, at more work a step.", "HiRA：每个权重乘以“一加窄矩阵之积”，变化可以是任意秩，但每步更费时。";
        adalora: "AdaLoRA: A LoRA that takes rank away while it learns, from where it matters least.", "AdaLoRA：边学边减秩的 LoRA，从最不重要的地方减起。";
        qa_lora: "QA-LoRA: A LoRA that sees sums of blocks of its input: made part of Q4_1 weights, it loses nothing.", "QA-LoRA：只看输入分块之和的 LoRA，并入 Q4_1 权重时没有损失。";
        llama_adapter: "LLaMA-Adapter: Virtual words of each layer that attention sees apart from the text, at first without any weight.", "LLaMA-Adapter：每层各有虚拟词，注意力在文本之外单独看到它们，起初权重为零。";
        compacter: "Compacter: Adapters made of small Kronecker products that all layers share. Tiny; other programs do not read it.", "Compacter：由各层共享的小型克罗内克积构成的适配器，体积极小；其他程序无法读取。";
        miss: "MiSS: A LoRA whose first matrix only sums up blocks of the input: one matrix to learn.", "MiSS：第一个矩阵只对输入分块求和的 LoRA，只学一个矩阵。";
        ia3: "IA³: Stretches what some layers read or give, number by number. Tiny.", "IA³：逐个缩放某些层的输入或输出，体积极小。";
        ln_tuning: "LN tuning: Trains the norms’ weights that the model has already. Tiny.", "LN 调优：训练模型已有的归一化权重，体积极小。";
        pafi: "PaFi: Changes those entries of the weights that are nearest to 0, and stores nothing but these. Other programs do not read it.", "PaFi：只改权重中最接近零的那些元素，也只存储它们；其他程序无法读取。";
        bitfit: "BitFit: Trains biases alone. Tiny; other programs do not read it.", "BitFit：只训练偏置，体积极小；其他程序无法读取。";
        p_tuning: "P-tuning: Virtual words before every text, made by a small network that is left out of the file.", "P-tuning：放在每段文本前的虚拟词，由一个小网络生成，网络本身不写入文件。";
        dylora: "DyLoRA: A LoRA that learns with another rank each time: what comes first in it counts most.", "DyLoRA：每次用不同的秩来学的 LoRA，排在前面的部分最重要。";
        adamix: "AdaMix: A LoRA that learns as several, of which one is drawn each time, and is written as their mean.", "AdaMix：以多个 LoRA 来学，每次随机抽取其一，写出的是它们的平均。";
        molora: "MoLoRA: Several LoRAs beside each layer, mixed anew for each word by a router. Other programs do not read it.", "MoLoRA：每层旁边有多个 LoRA，由路由器为每个词重新混合；其他程序无法读取。";
        mpt: "Multitask prompt tuning: Virtual words before every text, as a product of what tasks share and what is this one’s own.", "多任务提示调优：放在每段文本前的虚拟词，由各任务共有的部分与本任务特有的部分相乘得到。";
        pissa: "PiSSA: A LoRA that starts as the strongest part of each weight, instead of from zero.", "PiSSA：从每个权重最强的部分开始，而不是从零开始的 LoRA。";
        olora: "OLoRA: A LoRA that starts as an orthogonal part of each weight, instead of from zero.", "OLoRA：从每个权重的一个正交部分开始，而不是从零开始的 LoRA。";
        ssf: "SSF: Stretches and shifts what layers give, number by number. Tiny; other programs do not read it.", "SSF：逐个缩放并平移各层的输出，体积极小；其他程序无法读取。";
        prefix_tuning: "Prefix tuning: Virtual words that every layer’s attention sees before each text.", "前缀调优：每一层注意力在每段文本前都能看到的虚拟词。";
        residual_prompt: "Residual prompt tuning: Virtual words before every text; a small network that helps to learn them is left out of the file.", "残差提示调优：放在每段文本前的虚拟词，由一个小网络帮助学习，网络本身不写入文件。";
        mam: "MAM adapter: Prefix tuning and parallel adapters at once. Other programs do not read it.", "MAM 适配器：同时使用前缀调优和并行适配器；其他程序无法读取。";
        houlsby: "Houlsby adapters: A small network behind attention and behind the feed-forward block of each layer. Other programs do not read it.", "Houlsby 适配器：在每层的注意力和前馈块之后各加一个小网络；其他程序无法读取。";
        pfeiffer: "Pfeiffer adapters: A small network behind the feed-forward block of each layer. Other programs do not read it.", "Pfeiffer 适配器：在每层的前馈块之后加一个小网络；其他程序无法读取。";
        parallel_adapter: "Parallel adapters: A small network beside the feed-forward block of each layer. Other programs do not read it.", "并行适配器：在每层的前馈块旁边加一个小网络；其他程序无法读取。";
    }
}

words! {
    /// What a setting is: of any method, or of the one whose name comes first.
    OptionWords {
        rank: "Rank: width of the two matrices", "秩：两个矩阵的宽度";
        vera_rank: "Rank: width of the shared matrices", "秩：共用矩阵的宽度";
        loha_rank: "Rank: width of the four matrices", "秩：四个矩阵的宽度";
        lokr_rank: "Rank: width of the matrices that make the second factor", "秩：构成第二个因子的矩阵的宽度";
        miss_rank: "Rank: numbers of a block", "秩：每个分块的数目";
        adalora_rank: "Rank at the beginning", "开始时的秩";
        molora_rank: "Rank: width of the two matrices of each LoRA", "秩：每个 LoRA 的两个矩阵的宽度";
        mpt_rank: "Rank of what is a task’s own", "任务特有部分的秩";
        experts: "How many LoRAs", "LoRA 的数量";
        final_rank: "Rank that is left, on average of the layers", "最终保留的秩（各层平均）";
        prune_from: "Share of the run after which rank is taken away", "训练进行到多少比例后开始减秩";
        prune_until: "Share of the run after which no more is", "训练进行到多少比例后不再减秩";
        prune_every: "Steps from one time to the next", "每隔多少步减一次";
        orthogonality: "What the loss counts that the matrices are not orthonormal", "矩阵偏离正交的部分在损失中的权重";
        group: "Numbers of a block, as many as the weights’ blocks have", "每个分块的数目，与权重的分块相同";
        encoder: "The network: `mlp` for three layers, `lstm` for one that sees all virtual words", "网络类型：`mlp` 为三层，`lstm` 会看到全部虚拟词";
        layers: "How many layers, counted from the last; 0 for all", "从最后一层数起用多少层；0 表示全部";
        factors: "Into how many parts the widths are divided", "宽度分成多少份";
        alpha: "Alpha: the product counts α/rank", "Alpha：乘积按 α/秩 计算";
        rslora: "Count α/√rank instead (rsLoRA)", "改按 α/√秩 计算（rsLoRA）";
        ranks: "Other ranks for some layers, as in `v_proj=16`", "部分层使用其他秩，例如 `v_proj=16`";
        alphas: "Other alphas for some layers, likewise", "部分层使用其他 Alpha，写法相同";
        dropout: "Dropout on the layers’ inputs", "层输入的随机丢弃率";
        targets: "Which layers, as in `q_proj,v_proj`", "作用于哪些层，例如 `q_proj,v_proj`";
        ln_tuning_targets: "Which norms, as in `input_layernorm,norm`", "训练哪些归一化层，例如 `input_layernorm,norm`";
        tokens: "Virtual words", "虚拟词数量";
        init: "What they begin as: vocabulary, text or random", "初始值：vocabulary、text 或 random";
        text: "The text for `text`", "`text` 方式使用的文本";
        hidden: "Width of the network that makes them", "生成它们的网络的宽度";
        projection: "Let a network make them of embeddings that begin random", "由网络从随机初始的嵌入生成它们";
        ratio: "The second matrix’s learning rate over the first’s", "第二个矩阵与第一个矩阵的学习率之比";
        d_initial: "What the vector between the two matrices begins as", "两个矩阵之间向量的初始值";
        factor: "Rows and columns of the first factor; -1 for the two that are closest", "第一个因子的行列数；-1 表示取最接近的两个数";
        decompose_both: "Let narrow matrices make the first factor too", "第一个因子也由窄矩阵构成";
        feedforward: "Those of them whose input is multiplied, not their result", "其中缩放输入而非输出的层";
        biases: "`existing` for those that the model has, `all` to add them where it has none", "`existing` 只训练模型已有的偏置，`all` 在没有的地方加上";
        width: "Numbers that a token is narrowed to", "每个词元压缩到的维数";
        share: "Share of each weight’s entries that are trained", "每个权重中参与训练的元素比例";
        scale: "What the adapter’s result is multiplied with", "适配器输出的倍数";
    }
}

/// A method's name and what it does.
pub(crate) fn method_words(spec: &MethodSpec, t: &Phrases) -> (String, String) {
    let words = t.methods.find(&field(&spec.name)).and_then(|words| words.split_once([':', '：']));
    words.map_or_else(
        || (spec.name.clone(), format!("{} {}", t.settings.method_words, spec.about)),
        |(title, about)| (title.to_owned(), about.trim().to_owned()),
    )
}

/// What a method's setting is.
pub(crate) fn option_label(method: &str, option: &OptionSpec, t: &Phrases) -> String {
    let name = field(&option.name);
    let words = t.options.find(&format!("{}_{name}", field(method))).or_else(|| t.options.find(&name));
    words.map_or_else(|| format!("{}: {}", option.name, option.about), str::to_owned)
}

fn field(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    fn option(name: &str) -> OptionSpec {
        OptionSpec { name: name.into(), default: 4.into(), about: "how many".into() }
    }

    #[test]
    fn what_the_page_has_no_words_for_keeps_the_trainers() {
        let spec = MethodSpec { name: "new".into(), about: "does new things".into(), options: vec![] };
        for language in Language::ALL {
            let t = language.phrases();
            assert_eq!(option_label("lora", &option("bits"), t), "bits: how many");
            let (title, about) = method_words(&spec, t);
            assert_eq!(title, "new");
            assert!(about.ends_with("does new things"));
        }
    }

    #[test]
    fn a_methods_own_words_come_before_those_for_all() {
        let t = Language::English.phrases();
        assert_eq!(option_label("lora", &option("rank"), t), "Rank: width of the two matrices");
        assert_eq!(
            option_label("ln-tuning", &option("targets"), t),
            "Which norms, as in `input_layernorm,norm`"
        );
    }

    #[test]
    fn every_method_has_a_title_and_a_sentence() {
        for (name, english, chinese) in MethodWords::PAIRS {
            for (words, colon) in [(english, ": "), (chinese, "：")] {
                let (title, about) = words.split_once(colon).unwrap_or_default();
                assert!(!title.is_empty() && about.ends_with(['.', '。']), "{name}: {words}");
            }
        }
    }
}
