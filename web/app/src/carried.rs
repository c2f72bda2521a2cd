//! Settings in a link: `#settings=` and what differs from the defaults, as JSON.

use crate::bundled;
use serde_json::{Map, Value};
use smolder_protocol::TrainConfig;
use smolder_protocol::bundled::{MODEL, SAMPLES};

/// What such a link's last part begins with.
pub(crate) const PREFIX: &str = "#settings=";
/// Settings that are about one machine.
const LOCAL: [&str; 5] = ["out", "device", "adapter", "eval_data", "map"];

/// The JSON that a link carries; files only where every page has them.
pub(crate) fn json(config: &TrainConfig) -> String {
    let mut own = config.own();
    own.retain(|key, value| match key.as_str() {
        "model" => value == bundled::MODEL,
        "data" => value.as_str().is_some_and(|file| bundled::examples(file).is_some()),
        key => !LOCAL.contains(&key),
    });
    Value::Object(own).to_string()
}

/// What a link's JSON brings: `now` with its settings, or why it cannot be read.
pub(crate) fn read(json: &str, now: &TrainConfig) -> Result<TrainConfig, String> {
    let own: Map<String, Value> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let carried = TrainConfig {
        model: now.model.clone(),
        data: now.data.clone(),
        map: now.map.clone(),
        out: now.out.clone(),
        device: now.device,
        adapter: now.adapter.clone(),
        ..TrainConfig::default()
    };
    let Ok(Value::Object(mut fields)) = serde_json::to_value(&carried) else { return Err(String::new()) };
    fields.extend(own.into_iter().filter(|(key, _)| !LOCAL.contains(&key.as_str())));
    let read: TrainConfig =
        serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
    match read.problems().first() {
        Some(problem) => Err(problem.to_string()),
        None => Ok(read),
    }
}

/// The settings for a terminal, where what comes with Smolder has names instead of files.
pub(crate) fn toml(config: &TrainConfig) -> String {
    let mut config = config.clone();
    if config.model == MODEL.file {
        MODEL.id.clone_into(&mut config.model);
    }
    let sample = SAMPLES.iter().find(|sample| sample.file.rsplit('/').next() == Some(&config.data));
    if let Some(sample) = sample {
        sample.id.clone_into(&mut config.data);
    }
    config.to_toml()
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::train::DeviceChoice;

    fn run() -> TrainConfig {
        TrainConfig {
            model: bundled::MODEL.into(),
            data: "mine.csv".into(),
            out: "run-1".into(),
            device: DeviceChoice::Gpu,
            lr: Some(5e-4),
            steps: Some(7),
            ..TrainConfig::default()
        }
    }

    #[test]
    fn a_link_brings_settings_and_leaves_what_is_the_persons() {
        let now = TrainConfig {
            data: "theirs.csv".into(),
            model: "m.gguf".into(),
            seed: 5,
            ..TrainConfig::default()
        };
        let read = read(&json(&run()), &now).unwrap();
        assert_eq!((read.lr, read.steps, read.seed), (Some(5e-4), Some(7), 0));
        assert_eq!((&*read.model, &*read.data, &*read.out), (bundled::MODEL, "theirs.csv", "adapter"));
        assert_eq!(read.device, DeviceChoice::Auto);
    }

    #[test]
    fn what_cannot_train_is_refused_with_a_reason() {
        for (json, reason) in [
            ("", "EOF"),
            ("[]", "invalid type"),
            (r#"{"colour":1}"#, "unknown field `colour`"),
            (r#"{"lr":"fast"}"#, "invalid type"),
            (r#"{"lr":7.0}"#, "lr: expected"),
        ] {
            let error = read(json, &run()).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }

    #[test]
    fn a_terminal_knows_what_comes_along_by_name() {
        let text = toml(&TrainConfig { data: "tale-style.jsonl".into(), ..run() });
        assert!(text.contains("model = \"tales\"\n") && text.contains("data = \"tale-style\"\n"), "{text}");
        assert!(text.contains("lr = 0.0005\n") && text.contains("out = \"run-1\"\n"), "{text}");
    }
}
