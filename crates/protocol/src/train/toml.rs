//! Settings as text: the file that `smolder train --config` reads, and what a link carries.

use super::TrainConfig;
use serde_json::{Map, Value};

impl TrainConfig {
    /// The settings that are not the defaults, by their keys.
    pub fn own(&self) -> Map<String, Value> {
        let defaults = fields(&Self::default());
        fields(self).into_iter().filter(|(key, value)| defaults.get(key) != Some(value)).collect()
    }

    /// The same as TOML.
    pub fn to_toml(&self) -> String {
        let mut own = self.own();
        let options = own.remove("options");
        match options.as_ref().and_then(Value::as_object) {
            Some(options) => lines(&own) + "\n[options]\n" + &lines(options),
            None => lines(&own),
        }
    }
}

fn fields(config: &TrainConfig) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// TOML has no null: a setting without a value is left out.
fn lines(settings: &Map<String, Value>) -> String {
    let known = settings.iter().filter(|(_, value)| !value.is_null());
    known.fold(String::new(), |text, (key, value)| text + key + " = " + &toml(value) + "\n")
}

/// JSON's strings, numbers and arrays are TOML's, but for DEL, which TOML wants escaped.
fn toml(value: &Value) -> String {
    value.to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> TrainConfig {
        let mut config = TrainConfig {
            model: "tales".into(),
            data: "C:\\a \"b\"\u{7f}.jsonl".into(),
            lr: Some(2e-4),
            betas: [0.9, 0.95],
            steps: Some(30),
            packing: true,
            samples: vec!["狼\nwolf".into()],
            ..TrainConfig::default()
        };
        config.options.insert("rank".into(), 4.into());
        config.options.insert("targets".into(), "q_proj,v_proj".into());
        config
    }

    #[test]
    fn only_what_differs_is_said_and_the_rest_follows() {
        assert_eq!(TrainConfig::default().to_toml(), "");
        let own = config().own();
        assert_eq!(own.len(), 8, "{own:?}");
        assert_eq!(serde_json::from_value::<TrainConfig>(Value::Object(own)).unwrap(), config());
    }

    #[test]
    fn the_file_says_the_same() {
        let read: TrainConfig = ::toml::from_str(&config().to_toml()).unwrap();
        assert_eq!(read, config());
    }
}
