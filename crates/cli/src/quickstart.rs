//! `smolder` alone: the model that comes with it, fine-tuned on data that comes with it.

use crate::output::{Output, program, tell};
use crate::train::train;
use crate::train_view::Screen;
use anyhow::Result;
use smolder_protocol::TrainConfig;
use smolder_protocol::bundled::{MODEL, SAMPLES};
use smolder_protocol::train::{DeviceChoice, Sample, ScheduleKind, TrainEvent};
use std::path::Path;

/// What is asked before and after; none of it is in the data.
const PROMPTS: [&str; 3] =
    ["The cat lost her hat.", "A poor man found a golden key.", "The king could not sleep."];

/// Trains for less than a minute on two processor cores and shows what changed.
pub fn run() -> Result<()> {
    let data = &SAMPLES[0];
    let out = free(MODEL.id);
    tell!("Fine-tuning {}, {}, on {}: {}.\n", MODEL.id, MODEL.about, data.id, data.about);
    let (mut screen, mut samples) = (Screen::open(None, false)?, Vec::new());
    train((config(data.id, &out), false), &mut |event| match event {
        TrainEvent::Sampled(sample) => {
            samples.push(sample.clone());
            Ok(())
        }
        other => screen.show(other),
    })?;
    let mut output = Output::new();
    // What nobody reads any more needs no second try.
    let _ = output.show(&(before_and_after(&samples) + &advice(data.id, &out) + "\n"));
    output.finish()
}

fn config(data: &str, out: &str) -> TrainConfig {
    TrainConfig {
        model: MODEL.id.to_owned(),
        data: data.to_owned(),
        out: out.to_owned(),
        // Kernels this small are done before a GPU has started.
        device: DeviceChoice::Cpu,
        lr: Some(2e-3),
        schedule: ScheduleKind::Linear,
        warmup_ratio: 0.05,
        // More of them and the rows that are held back get worse again.
        epochs: Some(5.0),
        eval_split: Some(0.1),
        samples: PROMPTS.map(str::to_owned).to_vec(),
        sample_tokens: 60,
        ..TrainConfig::default()
    }
}

/// A folder that is not there: `tales-adapter`, `tales-adapter-2` …
fn free(model: &str) -> String {
    let name = format!("{model}-adapter");
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !Path::new(name).exists()).unwrap_or(name)
}

/// For each prompt the first answer and the last.
fn before_and_after(samples: &[Sample]) -> String {
    let answer = |sample: Option<&Sample>| sample.map_or("", |sample| sample.text.trim()).to_owned();
    let block = |prompt: &&str| {
        let mut of_prompt = samples.iter().filter(|sample| sample.prompt == *prompt);
        let (first, last) = (answer(of_prompt.clone().next()), answer(of_prompt.next_back()));
        format!("\n{prompt}\n  before  {first}\n  after   {last}\n")
    };
    PROMPTS.iter().map(block).collect()
}

fn advice(data: &str, out: &str) -> String {
    let (model, smolder) = (MODEL.id, program());
    format!(
        "\nThe adapter is in {out}. What to try next:\n\
        \x20 {smolder} chat --model {model} --adapter {out}\n\
        \x20 {smolder} merge --model {model} --adapter {out} --out {out}/merged.gguf --data {data}\n\
        \x20 {smolder} train --model smollm2-135m --data {data}   # a model of 135 million parameters\n\
        \x20 {smolder} train --model {model} --data FILE          # your own examples\n\
        \x20 {smolder} help"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_is_shown_with_its_first_and_its_last_answer() {
        let sample =
            |step, prompt: &str, text: &str| Sample { step, prompt: prompt.into(), text: text.into() };
        let mut samples: Vec<Sample> = PROMPTS.iter().map(|prompt| sample(0, prompt, " old\n")).collect();
        samples.extend(PROMPTS.iter().map(|prompt| sample(5, prompt, "middle")));
        samples.extend(PROMPTS.iter().map(|prompt| sample(9, prompt, "new")));
        let shown = before_and_after(&samples);
        assert_eq!(shown.matches("  before  old\n  after   new\n").count(), PROMPTS.len(), "{shown}");
    }

    #[test]
    fn the_settings_can_train() {
        assert_eq!(config("tale-style", "out").problems(), []);
    }
}
