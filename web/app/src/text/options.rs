//! What the page calls methods and their settings; those that it does not know keep the trainer's own words.

use super::Phrases;
use smolder_protocol::{MethodSpec, OptionSpec};

/// A method's name.
pub(crate) fn method_name(spec: &MethodSpec, t: &Phrases) -> String {
    match &*spec.name {
        "lora" => t.settings.lora.to_owned(),
        "prompt-tuning" => t.settings.prompt_tuning.to_owned(),
        other => other.to_owned(),
    }
}

/// What a method does.
pub(crate) fn method_about(spec: &MethodSpec, t: &Phrases) -> String {
    match &*spec.name {
        "lora" => t.settings.lora_about.to_owned(),
        "prompt-tuning" => t.settings.prompt_tuning_about.to_owned(),
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
