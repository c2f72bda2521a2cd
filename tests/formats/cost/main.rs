//! Time and memory: what reading may cost, counted by the allocator.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "counting allocations takes an allocator, and that trait is unsafe")]

#[path = "../clock.rs"]
mod clock;
mod hostile;
mod nested;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smolder_formats::Source;
use smolder_formats::dataset::{Dataset, Mapping};
use smolder_formats::gguf::{Gguf, GgufFile};
use smolder_formats::safetensors::Safetensors;
use smolder_formats::tokenizer::{Tokenizer, TokenizerConfig};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's pointer, from `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: the counters are the process's.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Peak bytes allocated while `work` runs, and how long it takes.
fn measure<T>(work: impl FnOnce() -> T) -> (T, usize, Duration) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let (result, ran) = clock::time(work);
    (result, PEAK.load(Relaxed) - before, ran)
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/formats").join(name))
        .unwrap()
}

const MIB: usize = 1 << 20;

/// A start of real bytes and zeros up to a length, without holding them.
struct Long {
    head: Cursor<Vec<u8>>,
    len: u64,
    at: u64,
}

impl Read for Long {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.head.set_position(self.at);
        let left = (self.len - self.at).min(buffer.len() as u64) as usize;
        let mut n = self.head.read(&mut buffer[..left])?;
        if n == 0 {
            buffer[..left].fill(0);
            n = left;
        }
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Long {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(_) => self.len,
            SeekFrom::Current(by) => self.at.wrapping_add_signed(by),
        };
        Ok(self.at)
    }
}

#[test]
fn the_header_of_a_file_of_100_mb() {
    let _turn = turn();
    let head = fixture("tokenizers/smollm2.gguf");
    let vocabulary = head.len();
    let long = Long { head: Cursor::new(head), len: 100_000_000, at: 0 };
    let (header, peak, time) = measure(|| Gguf::read(&mut Source::new("m.gguf", long).unwrap()).unwrap());
    assert_eq!(header.metadata.strings("tokenizer.ggml.tokens").unwrap().unwrap().len(), 49152);
    println!("header of a 100 MB file: {time:?}, {:.1} MiB at the peak", peak as f64 / MIB as f64);
    assert!(peak < vocabulary + 32 * MIB, "{peak} bytes");
    let limit = if cfg!(debug_assertions) { 3000 } else { 300 };
    assert!(time < Duration::from_millis(limit), "{time:?}");
}

/// What one input may cost, whatever it is.
fn bounded<T>(what: &str, file: usize, work: impl FnOnce() -> T) -> T {
    let (result, peak, time) = measure(work);
    println!(
        "{what}: {time:?}, {:.1} MiB for a file of {:.1}",
        peak as f64 / MIB as f64,
        file as f64 / MIB as f64
    );
    assert!(peak <= 64 * MIB + 2 * file, "{what}: {peak} bytes for a file of {file}");
    assert!(time < Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 }), "{what}: {time:?}");
    result
}

fn gguf(pairs: &[(&str, u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend((pairs.len() as u64).to_le_bytes());
    for (key, kind, value) in pairs {
        out.extend((key.len() as u64).to_le_bytes());
        out.extend(key.as_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(value);
    }
    out
}

fn strings(items: impl Iterator<Item = String>) -> Vec<u8> {
    let items: Vec<String> = items.collect();
    let mut out = 8_u32.to_le_bytes().to_vec();
    out.extend((items.len() as u64).to_le_bytes());
    for item in items {
        out.extend((item.len() as u64).to_le_bytes());
        out.extend(item.as_bytes());
    }
    out
}

fn open_gguf(bytes: &[u8]) -> smolder_formats::Result<Gguf> {
    Gguf::read(&mut Source::new("m.gguf", Cursor::new(bytes)).unwrap())
}

#[test]
fn a_million_empty_strings() {
    let _turn = turn();
    let list = strings((0..1_000_000).map(|_| String::new()));
    let bytes = gguf(&[("a", 9, list.clone()), ("b", 9, list.clone()), ("c", 9, list)]);
    bounded("three million empty strings", bytes.len(), || open_gguf(&bytes).unwrap());
}

#[test]
fn a_string_at_the_cap() {
    let _turn = turn();
    let mut value = (16_u64 << 20).to_le_bytes().to_vec();
    value.extend(vec![b'x'; 16 << 20]);
    let bytes = gguf(&[("a", 8, value)]);
    bounded("a string of 16 MiB", bytes.len(), || open_gguf(&bytes).unwrap());
}

#[test]
fn ten_thousand_keys() {
    let _turn = turn();
    let keys: Vec<String> = (0..10_000).map(|n| format!("key.{n}")).collect();
    let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), 0, vec![0])).collect();
    let bytes = gguf(&pairs);
    bounded("10,000 keys", bytes.len(), || open_gguf(&bytes).unwrap());
}

#[test]
fn the_largest_vocabulary() {
    let _turn = turn();
    let tokens = (0..512 * 1024 - 200).map(|n| format!("{n:x}x"));
    let ascii = ('!'..='~').map(String::from).chain(["Ġ".to_owned()]);
    let name = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let bytes = gguf(&[
        ("tokenizer.ggml.model", 8, name("gpt2")),
        ("tokenizer.ggml.pre", 8, name("gpt-2")),
        ("tokenizer.ggml.tokens", 9, strings(ascii.chain(tokens))),
        ("tokenizer.ggml.merges", 9, strings(std::iter::empty())),
    ]);
    bounded("a vocabulary of half a million", bytes.len(), || {
        Tokenizer::from_gguf(&open_gguf(&bytes).unwrap().metadata).unwrap()
    });
}

#[test]
fn a_header_of_tiny_tensors() {
    let _turn = turn();
    let tensors: Vec<String> = (0..60_000)
        .map(|n| format!("\"{n}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"))
        .collect();
    let header = format!("{{{}}}", tensors.join(","));
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    bounded("60,000 tensors", bytes.len(), || {
        Safetensors::open(Source::new("w.safetensors", Cursor::new(&bytes)).unwrap()).unwrap()
    });
}

#[test]
fn a_tokenizer_of_brackets() {
    let _turn = turn();
    let json = format!("{{\"model\":{{}},\"pre_tokenizer\":[{}0]}}", "0,".repeat(19 << 20));
    bounded("a pre-tokenizer of 40 MB", json.len(), || {
        assert!(Tokenizer::from_json(json.as_bytes(), &TokenizerConfig::default()).is_err());
    });
}

#[test]
fn a_row_of_small_values() {
    let _turn = turn();
    let row = format!("{{\"text\":[{}0]}}", "0,".repeat((1 << 19) - 20));
    bounded("a row of half a million values", row.len(), || {
        let source = Source::new("d.jsonl", Cursor::new(row.as_bytes())).unwrap();
        let mut dataset = Dataset::open(source, Mapping::default()).unwrap();
        assert!(dataset.next_record().unwrap().unwrap().1.is_err());
    });
}

/// It is passed over, and little of it is ever held.
#[test]
fn a_line_of_100_mb() {
    let _turn = turn();
    // An array that is never closed ends the file.
    for (name, byte, rows) in [("d.txt", b'x', vec![false, true]), ("d.json", b'[', vec![])] {
        let mut line = vec![byte; 100 << 20];
        line.extend(b"\nbehind");
        let (read, peak, time) = measure(|| {
            let source = Source::new(name, Cursor::new(line.as_slice())).unwrap();
            let mut dataset = Dataset::open(source, Mapping::default()).unwrap();
            let mut read = Vec::new();
            while let Ok(Some((_, row))) = dataset.next_record() {
                read.push(row.is_ok());
            }
            read
        });
        println!("{name} of 100 MB: {time:?}, {:.1} MiB", peak as f64 / MIB as f64);
        assert_eq!(read, rows);
        assert!(peak < 4 * MIB, "{peak} bytes");
        assert!(time < Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 }), "{time:?}");
    }
}

#[test]
fn a_long_text_of_one_word() {
    let _turn = turn();
    let tokenizer =
        Tokenizer::from_json(&fixture("tokenizers/llama.json"), &TokenizerConfig::default()).unwrap();
    let text = "ab".repeat(1 << 19);
    bounded("a word of 1 MiB", text.len(), || tokenizer.encode_text(&text).len());
}

#[test]
fn a_chunk_at_a_time() {
    let _turn = turn();
    let head = gguf(&[]);
    let mut bytes = head.clone();
    bytes[8] = 1;
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(b"w");
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend((24_u64 << 20).to_le_bytes());
    bytes.extend([0; 12]);
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    let len = bytes.len() as u64 + (96 << 20);
    let long = Long { head: Cursor::new(bytes), len, at: 0 };
    let mut file = GgufFile::open(Source::new("m.gguf", long).unwrap()).unwrap();
    let tensor = file.header.tensors[0].clone();
    let (read, peak, _) = measure(|| {
        let mut read = 0;
        smolder_formats::TensorSource::read_chunks(&mut file, &tensor, 1 << 20, &mut |chunk| {
            read += chunk.len();
            Ok(())
        })
        .unwrap();
        read
    });
    assert_eq!(read, 96 << 20);
    assert!(peak < 2 * MIB, "{peak} bytes for a payload of 96 MiB");
}
