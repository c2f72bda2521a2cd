//! The methods' own settings as flags: help and names come from where the methods declare them.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use serde_json::{Map, Value};

/// Those that were given.
#[derive(Debug, Default, PartialEq)]
pub struct MethodFlags(pub Map<String, Value>);

/// A setting of a method, as the method declares it.
struct Setting {
    method: &'static str,
    name: &'static str,
    /// As JSON; its type is the setting's.
    default: &'static str,
    about: &'static str,
}

const fn setting(
    method: &'static str,
    name: &'static str,
    default: &'static str,
    about: &'static str,
) -> Setting {
    Setting { method, name, default, about }
}

/// Every setting of every method.
const SETTINGS: [Setting; 7] = [
    setting("lora", "rank", "8", "width of the two matrices"),
    setting("lora", "alpha", "16", "the product counts α/rank"),
    setting("lora", "rslora", "false", "let it count α/√rank"),
    setting("lora", "targets", "\"all-linear\"", "which linear layers, as in q_proj,v_proj"),
    setting("prompt-tuning", "tokens", "20", "how many"),
    setting("prompt-tuning", "init", "\"vocabulary\"", "what they begin as: vocabulary, text or random"),
    setting("prompt-tuning", "text", "\"\"", "the text for --init text"),
];

impl Setting {
    fn value(&self, text: &str) -> Value {
        match serde_json::from_str(self.default) {
            Ok(Value::String(_)) => text.into(),
            // What does not parse is the method's to refuse, by name.
            _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        }
    }

    fn flag(&self, methods: &[&str]) -> Arg {
        let default = self.default.trim_matches('"');
        let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
        let help = format!("{}: {}{default}", methods.join(", "), self.about);
        let flag = Arg::new(self.name).long(self.name).help(help);
        match self.default {
            "true" | "false" => flag
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_parser(PossibleValuesParser::new(["true", "false"])),
            _ => flag.value_name("VALUE").allow_hyphen_values(true),
        }
    }
}

/// The first of each name.
fn unique() -> impl Iterator<Item = &'static Setting> {
    let first = |index: usize, name| SETTINGS.iter().take(index).all(|before| before.name != name);
    SETTINGS.iter().enumerate().filter(move |(index, one)| first(*index, one.name)).map(|(_, one)| one)
}

impl Args for MethodFlags {
    fn augment_args(command: Command) -> Command {
        let methods = |name| -> Vec<&str> {
            SETTINGS.iter().filter(|one| one.name == name).map(|one| one.method).collect()
        };
        let flags = unique().map(|one| one.flag(&methods(one.name)));
        command.next_help_heading("Settings of the methods").args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for MethodFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |one: &'static Setting| {
            let text = matches.get_one::<String>(one.name)?;
            Some((one.name.to_owned(), one.value(text)))
        };
        Ok(Self(unique().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn given(arguments: &[&str]) -> Value {
        let command = MethodFlags::augment_args(Command::new("train"));
        let matches = command.try_get_matches_from([&["train"], arguments].concat()).unwrap();
        MethodFlags::from_arg_matches(&matches).unwrap().0.into()
    }

    #[test]
    fn values_have_the_type_of_the_setting() {
        assert_eq!(given(&[]), json!({}), "what is not given is left to the file and the method");
        assert_eq!(given(&["--rank", "4", "--alpha=8.5"]), json!({"rank": 4, "alpha": 8.5}));
        assert_eq!(given(&["--rslora"]), json!({"rslora": true}));
        assert_eq!(given(&["--rslora=false", "--text", "12"]), json!({"rslora": false, "text": "12"}));
        assert_eq!(given(&["--targets", "q_proj,v_proj"]), json!({"targets": "q_proj,v_proj"}));
        assert_eq!(given(&["--rank", "many"]), json!({"rank": "many"}));
        assert_eq!(given(&["--rank", "-1"]), json!({"rank": -1}));
    }

    #[test]
    fn help_names_the_method_and_the_default() {
        let help = MethodFlags::augment_args(Command::new("train")).render_help().to_string();
        let line = |flag: &str| help.lines().find(|line| line.contains(flag)).unwrap().to_owned();
        assert!(line("--rank").contains("lora: width of the two matrices [default: 8]"));
        assert!(line("--text").ends_with("the text for --init text"));
    }
}
