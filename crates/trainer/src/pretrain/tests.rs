use super::*;
use smolder_formats::{Dtype, Source};
use smolder_models::peft::Base;
use smolder_models::{Model, Opened};
use std::io::Cursor;

fn settings() -> Settings {
    Settings {
        name: "tiny".into(),
        vocabulary: 300,
        width: 64,
        layers: 2,
        heads: 2,
        feed_forward: 96,
        context: 32,
        steps: 40,
        batch_tokens: 128,
        rate: 1e-2,
        weight_decay: 0.1,
        chat_share: 0.25,
        held_out: 0.2,
        seed: 5,
        dtype: Dtype::F32,
    }
}

fn text() -> String {
    let (who, what) = (["fox", "hen", "king", "cat"], ["ate bread", "ran home", "slept well"]);
    let tale = |n: usize| {
        let line = |m: usize| format!("The {} {}. Then it was night. ", who[(n + m) % 4], what[(n * m) % 3]);
        (0..8).map(line).collect::<String>()
    };
    (0..12).map(tale).collect::<Vec<_>>().join("\n<|endoftext|>\n")
}

fn train(text: &str, settings: &Settings) -> Result<(Pretrained, Vec<Progress>), PretrainError> {
    let mut seen = Vec::new();
    let mut watch = |progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    };
    let trained = pollster::block_on(pretrain(text, settings, &Device::flex(), &mut watch))?;
    Ok((trained, seen))
}

fn open(file: Vec<u8>) -> Opened<Cursor<Vec<u8>>> {
    let mut file = Some(file);
    Opened::gguf("tiny.gguf", &mut |name| {
        file.take().map(|bytes| Source::new(name, Cursor::new(bytes))).transpose()
    })
    .unwrap()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

#[test]
fn the_loss_falls_and_the_file_computes_the_same() {
    let (trained, seen) = train(&text(), &settings()).unwrap();
    let losses: Vec<f32> = seen
        .iter()
        .filter_map(|one| if let Progress::Step { loss, .. } = one { Some(*loss) } else { None })
        .collect();
    assert_eq!(losses.len(), 4);
    // Guessing costs ln 300 = 5.7 nats a token.
    assert!(losses[0] > 2.0 && trained.held_out_loss < 1.0, "{losses:?} {}", trained.held_out_loss);
    assert_eq!(seen.last(), Some(&Progress::HeldOut { loss: trained.held_out_loss }));

    let file = pollster::block_on(trained.write(&[("general.license", "cc0-1.0")], Vec::new()));
    let mut opened = open(file.unwrap());
    assert_eq!(opened.template.source(), ChatTemplate::new(None).unwrap().source());
    let ids = opened.tokenizer.encode_text("The king ran home. Then it");
    let config = opened.config.clone();
    let mut go = |_, _| ControlFlow::Continue(());
    let model =
        pollster::block_on(Model::load(opened.weights.source(), config, &Device::flex(), &mut go)).unwrap();
    let found = values(model.last_norm(model.hidden(&model.batch(&[&ids], &Base), None, &Base), &Base));
    let mask = vec![true; ids.len()];
    let expected = values(trained.network.hidden(&trained.network.weights, &[Sequence { ids, mask }]));
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?} {expected:?}");
}

#[test]
fn the_same_seed_gives_the_same_model() {
    let short = Settings { steps: 3, ..settings() };
    let weights = |settings: &Settings| {
        let (trained, _) = train(&text(), settings).unwrap();
        trained.network.weights.into_iter().flat_map(values).map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(weights(&short), weights(&short));
    assert_ne!(weights(&short), weights(&Settings { seed: 6, ..short }));
}

#[test]
fn conversations_take_their_share_and_only_answers_are_learned() {
    let (settings, text) = (settings(), text());
    let documents: Vec<&str> = text.split(text::END).map(str::trim).collect();
    let metadata = settings.metadata(&learn(documents.iter().copied(), &CONTROLS, 300));
    let (tokenizer, template) = (Tokenizer::from_gguf(&metadata).unwrap(), ChatTemplate::new(None).unwrap());
    let mut corpus = Corpus::new(&documents, &settings, &tokenizer, &template).unwrap();
    let drawn: Vec<Sequence> = (0..100).flat_map(|_| corpus.batch(&settings)).collect();
    let (chats, stretches): (Vec<_>, Vec<_>) =
        drawn.into_iter().partition(|one| one.ids.first() == tokenizer.id(CONTROLS[1]).as_ref());
    let tokens = |some: &[Sequence]| some.iter().map(|one| one.ids.len()).sum::<usize>() as f64;
    let share = tokens(&chats) / (tokens(&chats) + tokens(&stretches));
    assert!((share - 0.25).abs() < 0.02, "{share}");
    assert!(chats.iter().all(|one| one.labels() > 0 && one.labels() < one.ids.len() - 4));
    assert!(stretches.iter().all(|one| one.labels() == 31));
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let refused = |text: &str, settings: Settings| train(text, &settings).unwrap_err().to_string();
    let short = refused("Once.\n<|endoftext|>\nTwice.", settings());
    assert!(short.contains("expected at least 33 tokens to train and 32 to evaluate on, found "), "{short}");
    let uneven = refused(&text(), Settings { heads: 3, ..settings() });
    assert!(uneven.contains("heads"), "{uneven}");
    let partial = refused(&text(), Settings { feed_forward: 80, dtype: Dtype::Q8_0, ..settings() });
    assert!(partial.contains("ffn_down.weight") && partial.contains("Q8_0 blocks of 32"), "{partial}");
    let wild = refused(&text(), Settings { rate: 1e300, ..settings() });
    assert!(wild.contains("try a lower learning rate"), "{wild}");
}
