//! The page's words: one file per language, the same fields in each.
//!
//! A missing field does not compile; an empty one, or one whose `{placeholders}` differ, fails the tests below.
//! Words between backticks are shown as code.

mod data;
mod en;
mod linked;
mod methods;
mod model;
mod problems;
mod runs;
mod settings;
mod share;
mod storage;
mod told;
mod train;
mod trouble;
mod try_it;
mod way;
mod words;
mod zh;

pub(crate) use methods::{method_words, option_label};
pub(crate) use problems::{Words, failure_words, problem_words};
pub(crate) use told::{
    generate_failure_words, note_line, remark_line, run_failure_words, storage_failure_words,
};

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// What `<html lang>` and the saved choice hold.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// The language's own name for itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "中文",
        }
    }

    pub(crate) fn phrases(self) -> &'static Phrases {
        match self {
            Self::English => &en::PHRASES,
            Self::Chinese => &zh::PHRASES,
        }
    }

    /// The language that a BCP 47 tag asks for, if it is one of ours.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// The saved choice, else the first of the browser's languages that the page speaks, else English.
    pub(crate) fn choose<'a>(saved: Option<&'a str>, wanted: impl IntoIterator<Item = &'a str>) -> Self {
        saved.into_iter().chain(wanted).find_map(Self::from_tag).unwrap_or(Self::English)
    }
}

/// Declares [`Phrases`], the shell's and the Check screen's words together with the other screens' own, and a list of its fields, which is what the tests compare.
macro_rules! phrases {
    ($($name:ident)*; $($screen:ident: $Words:ty,)*) => {
        /// Everything the page says, in one language.
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Phrases { $(pub(crate) $name: &'static str,)* $(pub(crate) $screen: $Words,)* }

        impl Phrases {
            #[cfg(test)]
            fn fields(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)*]
            }

            /// The screens' own words: name, English, Chinese.
            #[cfg(test)]
            fn pairs() -> Vec<(&'static str, &'static str, &'static str)> {
                [$(<$Words>::PAIRS,)*].concat()
            }
        }
    };
}

phrases! {
    // Shell
    title promise skip language theme theme_auto theme_light theme_dark privacy build
    // Check: progress
    checking checking_lead step_worker step_adapter step_self_test step_storage loaded loaded_of step_done
    step_current step_waiting retry reload
    // Check: verdict
    ready ready_lead slow slow_lead cpu cpu_lead reload_lead stopped unnamed_gpu checked_in check_again
    // Check: facts
    facts graphics adapter driver backend kind discrete integrated virtual_gpu software unknown f16 subgroups
    subgroup_size subgroup_sizes timestamps yes no limits buffer binding storage_buffers invocations workgroup_memory workgroups
    self_test kernel result passed failed max_error duration not_run machine storage_free storage_used
    cpu_threads not_told
    // Check: problems
    problems blocking slows note browser_says
    no_web_gpu no_web_gpu_do insecure insecure_do no_adapter no_adapter_do refused refused_do lost lost_do wrong
    wrong_do limit limit_do software_adapter software_adapter_do no_f16 no_f16_do native_build
    // Check: failures
    no_workers no_workers_do worker_missing worker_missing_do worker_crashed worker_crashed_do worker_silent
    worker_silent_do other_build other_build_do
    // Check: report
    report report_lead copy copied copy_failed;
    way: way::Way,
    model: model::ModelWords,
    storage: storage::StorageWords,
    data: data::DataWords,
    settings: settings::SettingsWords,
    methods: methods::MethodWords,
    options: methods::OptionWords,
    train: train::TrainWords,
    trouble: trouble::Trouble,
    try_it: try_it::TryWords,
    share: share::ShareWords,
    runs: runs::RunsWords,
    linked: linked::LinkedWords,
}

/// `text` with each `{name}` replaced by its value.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Terms that are the same in both languages.
    const SHARED: [&str; 4] = ["title", "json_lines", "csv", "tsv"];

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<_> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_phrase_is_said_in_every_language() {
        let fields = en::PHRASES.fields().into_iter().zip(zh::PHRASES.fields());
        let fields = fields.map(|((name, english), (_, chinese))| (name, english, chinese));
        for (name, english, chinese) in fields.chain(Phrases::pairs()) {
            assert!(!english.trim().is_empty() && !chinese.trim().is_empty(), "{name} is empty");
            assert_eq!(placeholders(english), placeholders(chinese), "placeholders of {name}");
            assert_eq!(english.matches('`').count() % 2, 0, "open code in {name}");
            assert_eq!(chinese.matches('`').count() % 2, 0, "open code in {name}");
            let chinese_script = chinese.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(chinese_script || SHARED.contains(&name), "{name} is not translated: {chinese}");
        }
    }

    #[test]
    fn the_saved_language_wins_then_the_browsers_then_english() {
        use Language::{Chinese, English};
        assert_eq!(Language::choose(Some("zh-Hans"), ["en-GB"]), Chinese);
        assert_eq!(Language::choose(None, ["de-DE", "zh-TW", "en"]), Chinese);
        assert_eq!(Language::choose(None, ["EN_us"]), English);
        assert_eq!(Language::choose(Some("tlh"), ["de", "fr"]), English);
        assert_eq!(Language::choose(Some(""), []), English);
    }

    #[test]
    fn filling_replaces_what_is_named_and_leaves_the_rest() {
        assert_eq!(fill("{a} of {b}", &[("a", "1"), ("b", "2")]), "1 of 2");
        assert_eq!(fill("{a} {c}", &[("a", "1")]), "1 {c}");
    }
}
