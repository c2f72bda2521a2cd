use super::file::parse as settings;
use super::*;
use clap::Parser;
use serde_json::{Value, json};

#[derive(Parser)]
struct Train {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(flags: &[&str]) -> Arguments {
    Train::try_parse_from([&["train"], flags].concat()).unwrap().arguments
}

fn parse(text: &str, json: bool) -> Result<TrainConfig> {
    settings(text, json).map(|file| file.config)
}

/// The settings that flags make of a file's.
fn overridden(file: &str, flags: &[&str]) -> TrainConfig {
    let mut config = parse(file, false).unwrap();
    arguments(flags).override_in(&mut config);
    config
}

const FILE: &str = r#"
    model = "smollm2-135m"
    data = "rows.jsonl"
    map = ["question=prompt"]
    method = "prompt-tuning"
    lr = 3e-2
    betas = [0.9, 0.95]
    schedule = "wsd"
    warmup_ratio = 0.1
    epochs = 2.5
    batch_tokens = 4096
    loss_on = "last-turn"
    shuffle = false
    eval_split = 0.1
    samples = ["你好", "Why?"]

    [options]
    tokens = 8
    init = "text"
"#;

#[test]
fn toml_and_json_mean_the_same() {
    let json = json!({
        "model": "smollm2-135m", "data": "rows.jsonl", "map": ["question=prompt"], "method": "prompt-tuning",
        "lr": 0.03, "betas": [0.9, 0.95], "schedule": "wsd", "warmup_ratio": 0.1, "epochs": 2.5,
        "batch_tokens": 4096, "loss_on": "last-turn", "shuffle": false, "eval_split": 0.1,
        "samples": ["你好", "Why?"], "options": {"tokens": 8, "init": "text"},
    });
    assert_eq!(parse(FILE, false).unwrap(), parse(&json.to_string(), true).unwrap());
}

#[test]
fn flags_and_a_file_mean_the_same() {
    let flags = [
        "--model=smollm2-135m",
        "--data=rows.jsonl",
        "--map=question=prompt",
        "--method=prompt-tuning",
        "--lr=3e-2",
        "--betas",
        "0.9",
        "0.95",
        "--schedule=wsd",
        "--warmup-ratio=0.1",
        "--epochs=2.5",
        "--batch-tokens=4096",
        "--loss-on=last-turn",
        "--no-shuffle",
        "--eval-split=0.1",
        "--sample=你好",
        "--sample=Why?",
        "--tokens=8",
        "--init=text",
    ];
    assert_eq!(overridden("", &flags), parse(FILE, false).unwrap());
}

#[test]
fn every_setting_has_a_flag() {
    let flags = [
        "--model=m",
        "--data=d",
        "--map=a=b",
        "--raw",
        "--out=o",
        "--device=cpu",
        "--method=other",
        "--adapter=a",
        "--lr=0.5",
        "--weight-decay=0.5",
        "--betas",
        "0.5",
        "0.5",
        "--eps=0.5",
        "--clip=0.5",
        "--schedule=linear",
        "--warmup-steps=5",
        "--warmup-ratio=0.5",
        "--decay-ratio=0.5",
        "--final-share=0.5",
        "--steps=5",
        "--epochs=5",
        "--batch-size=5",
        "--batch-tokens=5",
        "--grad-accum=5",
        "--seq-len=5",
        "--packing",
        "--loss-on=all",
        "--seed=5",
        "--no-shuffle",
        "--eval-data=e",
        "--eval-split=0.5",
        "--eval-every=5",
        "--patience=5",
        "--checkpoint-every=5",
        "--keep=5",
        "--keep-best=false",
        "--sample=s",
        "--sample-every=5",
        "--sample-tokens=5",
        "--rank=5",
    ];
    let object = |config: TrainConfig| match serde_json::to_value(config).unwrap() {
        Value::Object(map) => map,
        other => panic!("{other}"),
    };
    let (changed, default) = (object(overridden("", &flags)), object(TrainConfig::default()));
    let missed: Vec<_> = default.iter().filter(|(key, value)| changed[*key] == **value).collect();
    assert!(missed.is_empty(), "no flag changes {missed:?}");
}

#[test]
fn flags_override_the_file_and_leave_the_rest() {
    let config = overridden(FILE, &["--lr", "0.001", "--no-shuffle=false", "--tokens", "4"]);
    let mut expected = TrainConfig { lr: Some(1e-3), shuffle: true, ..parse(FILE, false).unwrap() };
    expected.options.insert("tokens".into(), 4.into());
    assert_eq!(config, expected);
}

#[test]
fn a_flag_replaces_what_it_excludes() {
    let config = overridden(
        FILE,
        &["--steps", "5", "--batch-size", "2", "--eval-data", "e.jsonl", "--warmup-steps", "3"],
    );
    assert_eq!((config.steps, config.epochs), (Some(5), None));
    assert_eq!((config.batch_size, config.batch_tokens), (Some(2), None));
    assert_eq!((config.eval_data.as_deref(), config.eval_split), (Some("e.jsonl"), None));
    assert_eq!((config.warmup_steps, config.warmup_ratio), (3, 0.0));
    assert_eq!(config.problems(), []);
}

#[test]
fn another_method_does_not_inherit_the_files_settings() {
    let config = overridden(FILE, &["--method", "lora", "--rank", "4"]);
    assert_eq!(Value::from(config.options), json!({"rank": 4}));
    let same = overridden(FILE, &["--method", "prompt-tuning"]);
    assert_eq!(Value::from(same.options), json!({"tokens": 8, "init": "text"}));
}

#[test]
fn what_no_file_may_say_is_refused_by_name() {
    let error = |text, json| format!("{:#}", parse(text, json).unwrap_err());
    assert!(error("learning_rate = 1", false).contains("unknown field `learning_rate`"));
    assert!(error("{\"lr\": \"high\"}", true).contains("invalid type"));
    assert!(error("lr = [", false).contains("line 1"));
}

#[test]
fn not_a_number_is_refused_in_a_file_and_as_a_flag() {
    let names = |config: &TrainConfig| {
        config.problems().into_iter().map(|problem| problem.setting).collect::<Vec<_>>()
    };
    let error = parse("model='m'\ndata='d'\nlr = nan", false).unwrap_err();
    assert_eq!(error.to_string(), "`lr`: expected a number, found nan");
    assert_eq!(names(&overridden("model='m'\ndata='d'", &["--lr", "NaN"])), ["lr"]);
}

#[test]
fn all_problems_are_told_at_once() {
    let error = arguments(&["--seq-len", "1", "--lr", "1e9"]).settings().unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().skip(1).map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["model", "data", "lr", "seq_len"]);
}

#[test]
fn a_file_may_use_the_flags_own_names() {
    let file = "no_shuffle = true\nsample = 'Why?'\nrank = 4\nlog_json = 'steps.jsonl'\nresume = true\n\
        [options]\nalpha = 8\n";
    let found = settings(file, false).unwrap();
    let flags = ["--no-shuffle", "--sample=Why?", "--rank=4", "--alpha=8"];
    assert_eq!(found.config, overridden("", &flags));
    assert_eq!((found.resume, found.log_json), (true, Some("steps.jsonl".into())));
    let refused = settings("no_shuffle = 1", false).unwrap_err();
    assert!(format!("{refused:#}").starts_with("`no_shuffle`: invalid type"), "{refused:#}");
}

#[test]
fn a_negative_number_is_refused_by_its_setting() {
    let error = arguments(&["--model=m", "--data=d", "--lr", "-1"]).settings().unwrap_err().to_string();
    assert!(error.contains("lr: "), "{error}");
}

#[test]
fn an_adapter_is_continued_with_its_own_settings() {
    let error = |flags: &[&str]| {
        let flags = [&["--model=m", "--data=d", "--adapter=a"], flags].concat();
        arguments(&flags)
            .settings()
            .map(|settings| settings.config.adapter)
            .map_err(|error| error.to_string())
    };
    assert_eq!(error(&[]), Ok(Some("a".to_owned())));
    let refused = "an adapter is continued as it is: leave out rank, alpha, method, or --adapter";
    assert_eq!(error(&["--rank=4", "--alpha=3", "--method=lora"]), Err(refused.to_owned()));
}
