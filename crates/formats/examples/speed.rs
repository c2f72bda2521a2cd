//! Measures tokenizing and rendering; `tests/fixtures/formats/speed.py` runs it beside Hugging Face's packages.
//!
//! `speed TOKENIZER.gguf TEMPLATE.jinja TEXT CHATS.json…`: prints seconds, by the clock and of this thread, and checksums
//! as JSON.

#[path = "../../../tests/formats/clock.rs"]
mod clock;

use std::fs::{File, read, read_to_string};
use std::time::Instant;

use serde_json::{Value, json};
use smolder_formats::Source;
use smolder_formats::gguf::Gguf;
use smolder_formats::template::{ChatTemplate, Message, Options};
use smolder_formats::tokenizer::{Specials, Tokenizer};

type Failure = Box<dyn std::error::Error>;

/// What `work` gives, and `[wall, processor]` seconds.
fn measure<T>(work: impl FnOnce() -> T) -> (T, [f64; 2]) {
    let start = Instant::now();
    let (result, ran) = clock::time(work);
    (result, [start.elapsed().as_secs_f64(), ran.as_secs_f64()])
}

fn render(template: &ChatTemplate, tokenizer: &Tokenizer, path: &str) -> Result<Value, Failure> {
    let chats: Vec<Vec<Message>> = serde_json::from_slice(&read(path)?)?;
    let options = Options::of(tokenizer);
    let all = || -> smolder_formats::Result<usize> {
        let text = |chat: &Vec<_>| Ok(template.render(tokenizer, chat, false, &options)?.text().len());
        chats.iter().map(text).sum()
    };
    let (bytes, secs) = measure(all);
    Ok(json!({"secs": secs, "bytes": bytes?}))
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("speed TOKENIZER.gguf TEMPLATE.jinja TEXT CHATS.json…");
    let path = next()?;
    let header = Gguf::read(&mut Source::new(path.clone(), File::open(&path)?)?)?;
    let tokenizer = Tokenizer::from_gguf(&header.metadata)?;
    let template = ChatTemplate::new(Some(&read_to_string(next()?)?))?;
    let text = read_to_string(next()?)?;

    let (ids, secs) = measure(|| tokenizer.encoder().encode(&text, Specials::AsTokens));
    let sum = ids.iter().fold(0_u64, |sum, id| sum.wrapping_mul(31).wrapping_add(u64::from(*id)));
    let rendered =
        arguments.map(|path| render(&template, &tokenizer, &path)).collect::<Result<Vec<_>, _>>()?;
    let encoded = json!({"secs": secs, "tokens": ids.len(), "checksum": sum});
    println!("{}", json!({"tokenize": encoded, "render": rendered}));
    Ok(())
}
