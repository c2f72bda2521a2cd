//! What the page calls methods and their settings; those that it does not know keep the trainer's own words.

use super::Phrases;
use smolder_protocol::{MethodSpec, OptionSpec};

/// A method's name.
pub(crate) fn method_name(spec: &MethodSpec, t: &Phrases) -> String {
    match &*spec.name {
        "lora" => t.settings.lora.to_owned(),
        "prompt-tuning" => t.settings.prompt_tuning.to_owned(),
        "lora-plus" => "LoRA+".to_owned(),
        "lora-fa" => "LoRA-FA".to_owned(),
        "dora" => "DoRA".to_owned(),
        "vera" => "VeRA".to_owned(),
        "loha" => "LoHa".to_owned(),
        "lokr" => "LoKr".to_owned(),
        "hira" => "HiRA".to_owned(),
        "miss" => "MiSS".to_owned(),
        "ia3" => "IA³".to_owned(),
        "ln-tuning" => "LN tuning".to_owned(),
        "bitfit" => "BitFit".to_owned(),
        "p-tuning" => "P-tuning".to_owned(),
        "dylora" => "DyLoRA".to_owned(),
        "pissa" => "PiSSA".to_owned(),
        "olora" => "OLoRA".to_owned(),
        "ssf" => "SSF".to_owned(),
        "prefix-tuning" => "Prefix tuning".to_owned(),
        "residual-prompt" => t.settings.residual_prompt.to_owned(),
        "mam" => t.settings.mam.to_owned(),
        "houlsby" => t.settings.houlsby.to_owned(),
        "pfeiffer" => t.settings.pfeiffer.to_owned(),
        "parallel-adapter" => t.settings.parallel_adapter.to_owned(),
        other => other.to_owned(),
    }
}

/// What a method does.
pub(crate) fn method_about(spec: &MethodSpec, t: &Phrases) -> String {
    match &*spec.name {
        "lora" => t.settings.lora_about.to_owned(),
        "prompt-tuning" => t.settings.prompt_tuning_about.to_owned(),
        "lora-plus" => t.settings.lora_plus_about.to_owned(),
        "lora-fa" => t.settings.lora_fa_about.to_owned(),
        "dora" => t.settings.dora_about.to_owned(),
        "vera" => t.settings.vera_about.to_owned(),
        "loha" => t.settings.loha_about.to_owned(),
        "lokr" => t.settings.lokr_about.to_owned(),
        "hira" => t.settings.hira_about.to_owned(),
        "miss" => t.settings.miss_about.to_owned(),
        "ia3" => t.settings.ia3_about.to_owned(),
        "ln-tuning" => t.settings.ln_tuning_about.to_owned(),
        "bitfit" => t.settings.bitfit_about.to_owned(),
        "p-tuning" => t.settings.p_tuning_about.to_owned(),
        "dylora" => t.settings.dylora_about.to_owned(),
        "pissa" => t.settings.pissa_about.to_owned(),
        "olora" => t.settings.olora_about.to_owned(),
        "ssf" => t.settings.ssf_about.to_owned(),
        "prefix-tuning" => t.settings.prefix_tuning_about.to_owned(),
        "residual-prompt" => t.settings.residual_prompt_about.to_owned(),
        "mam" => t.settings.mam_about.to_owned(),
        "houlsby" => t.settings.houlsby_about.to_owned(),
        "pfeiffer" => t.settings.pfeiffer_about.to_owned(),
        "parallel-adapter" => t.settings.parallel_adapter_about.to_owned(),
        _ => format!("{} {}", t.settings.method_words, spec.about),
    }
}

/// What a setting is.
pub(crate) fn option_label(option: &OptionSpec, t: &Phrases) -> String {
    let words = &t.settings;
    match &*option.name {
        "rank" => words.rank.to_owned(),
        "alpha" => words.alpha.to_owned(),
        "rslora" => words.rslora.to_owned(),
        "ranks" => words.ranks.to_owned(),
        "alphas" => words.alphas.to_owned(),
        "dropout" => words.dropout.to_owned(),
        "targets" => words.targets.to_owned(),
        "tokens" => words.tokens.to_owned(),
        "init" => words.init.to_owned(),
        "text" => words.init_text.to_owned(),
        name => format!("{name}: {}", option.about),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn what_the_page_has_no_words_for_keeps_the_trainers() {
        let option = OptionSpec { name: "bits".into(), default: 4.into(), about: "how many".into() };
        let spec = MethodSpec { name: "new".into(), about: "does new things".into(), options: vec![] };
        for language in Language::ALL {
            let t = language.phrases();
            assert_eq!(option_label(&option, t), "bits: how many");
            assert_eq!(method_name(&spec, t), "new");
            assert!(method_about(&spec, t).ends_with("does new things"));
        }
    }
}
