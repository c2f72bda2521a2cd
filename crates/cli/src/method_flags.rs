//! The methods' own settings as flags: help and names come from where the methods declare them.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use serde_json::{Map, Value};
use smolder_models::peft::{METHODS, Method, OptionSpec};

/// Those that were given.
#[derive(Debug, Default, PartialEq)]
pub struct MethodFlags(pub Map<String, Value>);

/// Every setting of every method.
fn settings() -> impl Iterator<Item = (&'static Method, &'static OptionSpec)> {
    METHODS.into_iter().flat_map(|method| method.options.iter().map(move |option| (method, option)))
}

/// The first of each name.
fn unique() -> impl Iterator<Item = &'static OptionSpec> {
    let first = |index: usize, name| settings().take(index).all(|(_, before)| before.name != name);
    settings().enumerate().filter(move |(index, (_, one))| first(*index, one.name)).map(|(_, (_, one))| one)
}

/// The settings' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    unique().map(|one| one.name)
}

fn value(option: &OptionSpec, text: &str) -> Value {
    match serde_json::from_str(option.default) {
        Ok(Value::String(_)) => text.into(),
        // What does not parse is the method's to refuse, by name.
        _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

/// What a setting means, for the methods to which it means that.
fn meaning(option: &OptionSpec) -> String {
    let default = option.default.trim_matches('"');
    let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
    let methods: Vec<&str> =
        settings().filter(|(_, one)| *one == option).map(|(method, _)| method.name).collect();
    format!("{}: {}{default}", methods.join(", "), option.about)
}

fn flag(option: &OptionSpec) -> Arg {
    let mut meanings: Vec<String> = Vec::new();
    for (_, one) in settings().filter(|(_, one)| one.name == option.name) {
        let meaning = meaning(one);
        if !meanings.contains(&meaning) {
            meanings.push(meaning);
        }
    }
    let flag = Arg::new(option.name).long(option.name).help(meanings.join("; "));
    match option.default {
        "true" | "false" => flag
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(PossibleValuesParser::new(["true", "false"])),
        _ => flag.value_name("VALUE").allow_hyphen_values(true),
    }
}

impl Args for MethodFlags {
    fn augment_args(command: Command) -> Command {
        command.next_help_heading("Settings of the methods").args(unique().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for MethodFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |one: &OptionSpec| {
            let text = matches.get_one::<String>(one.name)?;
            Some((one.name.to_owned(), value(one, text)))
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
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let meant = "--rank <VALUE> lora, lora-plus, lora-fa, dylora, adamix, dora, pissa, olora, qa-lora, hira: width of the two matrices [default: 8]; molora: ";
        assert!(help.contains(meant), "{help}");
        assert!(
            help.contains(
                "--text <VALUE> prompt-tuning, residual-prompt, mpt, prefix-tuning, mam: the text for --init text"
            ),
            "{help}"
        );
    }
}
