//! Measures tokenizing and rendering; `tests/fixtures/formats/speed.py` runs it beside Hugging Face's packages.
//!
//! `speed TOKENIZER.gguf TEMPLATE.jinja TEXT CHATS.json`: prints seconds and checksums as JSON.

use std::fs::{File, read, read_to_string};
use std::time::Instant;

use smolder_formats::Source;
use smolder_formats::gguf::Gguf;
use smolder_formats::template::{ChatTemplate, Message, Options};
use smolder_formats::tokenizer::{Specials, Tokenizer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("speed TOKENIZER.gguf TEMPLATE.jinja TEXT CHATS.json");
    let path = next()?;
    let header = Gguf::read(&mut Source::new(path.clone(), File::open(&path)?)?)?;
    let tokenizer = Tokenizer::from_gguf(&header.metadata)?;
    let template = ChatTemplate::new(Some(&read_to_string(next()?)?))?;
    let text = read_to_string(next()?)?;
    let chats: Vec<Vec<Message>> = serde_json::from_slice(&read(next()?)?)?;

    let start = Instant::now();
    let ids = tokenizer.encoder().encode(&text, Specials::AsTokens);
    let tokenize_secs = start.elapsed().as_secs_f64();

    let options = Options::of(&tokenizer);
    let start = Instant::now();
    let mut bytes = 0;
    for chat in &chats {
        bytes += template.render(&tokenizer, chat, false, &options)?.text().len();
    }
    let render_secs = start.elapsed().as_secs_f64();
    let sum = ids.iter().fold(0_u64, |sum, id| sum.wrapping_mul(31).wrapping_add(u64::from(*id)));
    println!(
        "{}",
        serde_json::json!({
            "tokenize_secs": tokenize_secs, "tokens": ids.len(), "ids_checksum": sum,
            "render_secs": render_secs, "rendered_bytes": bytes,
        })
    );
    Ok(())
}
