//! Datasets that are broken, hostile or something else.

use std::io::{Cursor, Read, Seek, SeekFrom};

use smolder_formats::dataset::{Dataset, Mapping, Record};
use smolder_formats::{Error, Kind, Result, Source};

use super::{cases, refused};
use crate::datasets::open;
use crate::memory;

/// Reads to the end of the file; the first row that fails, or the file, is the result.
fn all((name, bytes): (&str, impl Into<Vec<u8>>)) -> Result<Vec<Record>> {
    let mut dataset = open(name, bytes)?;
    let mut out = Vec::new();
    while let Some((at, record)) = dataset.next_record()? {
        out.push(record.map_err(|e| e.within(&at.to_string()))?);
    }
    Ok(out)
}

fn json(line: &str) -> (&str, &str) {
    ("d.jsonl", line)
}

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

fn chat(turns: &str) -> (&'static str, String) {
    ("d.jsonl", format!("{{\"messages\":[{turns}]}}"))
}

cases! { all;
    empty_dataset: ("d.jsonl", "") => Missing, "d.jsonl", "an empty file";
    utf16_with_mark: ("d.jsonl", utf16("{\"text\":\"a\"}")) => Encoding, "UTF-16";
    utf16_without_mark: ("d.jsonl", utf16("{\"text\":\"a\"}")[2..].to_vec()) => Encoding, "UTF-16 or binary";
    latin1_bytes: ("d.txt", b"caf\xe9".to_vec()) => Encoding, "line 1", "UTF-8 text", "byte 3";
    zip_renamed: ("d.jsonl", b"PK\x03\x04abcdefghijkl".to_vec()) => Magic, "ZIP archive";
    gzip_renamed: ("d.jsonl", b"\x1f\x8b\x08abcdefghijkl".to_vec()) => Magic, "gzip";
    pdf_renamed: ("d.txt", b"%PDF-1.7\nmore".to_vec()) => Magic, "start", "a PDF document";
    picture_renamed: ("d.txt", b"\x89PNG\r\n\x1a\nmore".to_vec()) => Magic, "start", "a PNG picture";
    photograph_renamed: ("d.txt", b"\xff\xd8\xff\xe0more\n".to_vec()) => Magic, "start", "a JPEG picture";
    parquet_renamed: ("d.jsonl", b"PAR1abcdefghijkl".to_vec()) => Magic, "Parquet";
    pickle_as_dataset: ("d.jsonl", b"\x80\x04\x95abcdefghijkl".to_vec()) => Magic, "pickle";
    gguf_as_dataset: ("d.jsonl", b"GGUF\x03\0\0\0\x10\x01\0\0\0\0\0\0".to_vec()) => Magic, "a GGUF file";
    git_lfs_pointer_as_dataset: ("d.jsonl", "version https://git-lfs.github.com/spec/v1\n") => Magic, "start", "a Git LFS pointer";
    web_page_as_dataset: ("d.jsonl", "<html><head></head></html>\n") => Syntax, "line 1", "found an HTML page";
    integer_of_65_bits: json(r#"{"text":"a","n":18446744073709551616}"#) => Value, "line 1: row: expected integers of at most 64 bits, found 18446744073709551616";
    negative_integer_of_65_bits: json(r#"{"text":"a","n":{"b":["\"9",-9223372036854775809]}}"#) => Value, "64 bits, found -9223372036854775809";
    row_of_brackets: ("d.jsonl", format!("{{\"text\":\"a\",\"x\":[{}0]}}", "[0],".repeat(200_000))) => Limit, "line 1: values: expected lists and objects that take at most 10 MiB in memory, found more";
    lone_surrogate: json(r#"{"text":"\ud800"}"#) => Syntax, "line 1", "valid JSON", "hex escape";
    nul_in_text: json(r#"{"text":"a\u0000b"}"#) => Encoding, "line 1", "NUL";
    nul_in_a_message: chat(r#"{"role":"user","content":"\u0000"},{"role":"assistant","content":"x"}"#) => Encoding, "NUL";
    line_of_100_mb: ("d.jsonl", vec![b'x'; 100 << 20]) => Limit, "line 1", "row: expected at most 1048576 bytes, found 104857600";
    array_element_of_2_mb: ("d.json", format!("[\"{}\"]", "x".repeat(2 << 20))) => Limit, "row 1", "1048576", "found 2097154";
    csv_field_that_never_ends: ("d.csv", format!("text\n\"{}", "x".repeat(2 << 20))) => Syntax, "line 2", "a closing quote";
    csv_header_of_2_mb: ("d.csv", "x".repeat(2 << 20)) => Limit, "at most 1048576 bytes";
    json_100_k_deep: ("d.jsonl", "[".repeat(100_000)) => Truncated, "closing bracket";
    object_100_k_deep: ("d.jsonl", "{\"text\":".repeat(100_000)) => Syntax, "valid JSON";
    nested_65_deep: ("d.jsonl", format!("{{\"text\":{}{}}}", "[".repeat(65), "]".repeat(65))) => Syntax, "nested";
    duplicate_json_key: json(r#"{"text":"a","text":"b"}"#) => Duplicate, "line 1", "duplicate key `text`";
    array_without_end: ("d.json", r#"[{"text":"a"},"#) => Truncated, "closing bracket", "file's end";
    blank_element_in_an_array: ("d.json", r#"[{"text":"a"},,{"text":"b"}]"#) => Syntax, "d.json: row 2: ", "either side of a comma";
    comma_at_the_end_of_an_array: ("d.json", "[{\"text\":\"a\"},\n]") => Syntax, "either side of a comma";
    array_of_a_comma: ("d.json", "[ , ]") => Syntax, "either side of a comma";
    csv_with_carriage_returns_alone: ("d.csv", "prompt,completion\ra,b\rc,d\r") => Syntax, "line 1", "a carriage return alone";
    object_over_lines_without_end: ("d.json", "{\n\"text\": \"a\"\n") => Truncated, "line 1", "the object's closing brace";
    text_behind_an_object_over_lines: ("d.json", "{\n\"text\": \"a\"\n}\n, {}") => Syntax, "line 4", "an object or the file's end";
    text_after_array: ("d.json", r#"[{"text":"a"}] x"#) => Syntax, "nothing after the array";
    unknown_columns: json(r#"{"foo":"a","bar":"b"}"#) => Missing, "columns", "prompt+completion", "foo, bar";
    a_mistake_has_its_column: ("d.jsonl", "{\"text\":\"a\"}\n{\"text\" \"b\"}") => Syntax, "line 2: expected valid JSON, found a mistake at column 9 (expected `:`)";
    a_mistake_in_a_row_over_lines_has_its_line: ("d.json", "[{\"text\":\"a\"},\n{\n\"text\" \"b\"}]") => Syntax, "row 2, line 2: expected valid JSON, found a mistake at line 3, column 8";
    a_row_of_an_array_has_its_number: ("d.json", r#"[{"text":"a"},{"text":"b"},{"text":3}]"#) => Type, "row 3: `text`: expected a text, found a number";
    a_row_of_nothing: json("{}\n{\"text\":\"a\"}") => Missing, "line 1: columns", "found none";
    row_is_a_number: json("3") => Type, "line 1", "a JSON object", "a number";
    unknown_role: chat(r#"{"role":"robot","content":"x"}"#) => Value, "`role`", "robot";
    missing_role: chat(r#"{"content":"x"}"#) => Missing, "`role`";
    role_is_a_number: chat(r#"{"role":1,"content":"x"}"#) => Type, "`role`", "a number";
    missing_content: chat(r#"{"role":"user"}"#) => Missing, "`content`";
    content_is_null: chat(r#"{"role":"user","content":null}"#) => Type, "`content`", "null";
    message_is_a_text: chat(r#""hi""#) => Type, "message", "a string";
    messages_is_a_text: json(r#"{"messages":"hi"}"#) => Type, "`messages`", "a list of messages";
    no_messages: chat("") => Missing, "a user's message";
    assistant_first: chat(r#"{"role":"assistant","content":"x"}"#) => Value, "the user to start";
    no_assistant: chat(r#"{"role":"user","content":"x"}"#) => Missing, "an assistant's message";
    empty_answer: chat(r#"{"role":"user","content":"x"},{"role":"assistant","content":" \n"}"#) => Value, "with content";
    empty_question: chat(r#"{"role":"user","content":" "},{"role":"assistant","content":"x"}"#) => Value, "user's messages with content";
    empty_later_question: chat(r#"{"role":"user","content":"x"},{"role":"assistant","content":"y"},{"role":"tool","content":""},{"role":"user","content":""}"#) => Value, "user's messages with content";
    empty_question_of_sharegpt: json(r#"{"conversations":[{"from":"human","value":""},{"from":"gpt","value":"x"}]}"#) => Value, "user's messages with content";
    system_between_turns: chat(r#"{"role":"user","content":"x"},{"role":"system","content":"y"},{"role":"assistant","content":"z"}"#) => Value, "system messages at the start alone";
    system_between_turns_of_sharegpt: json(r#"{"conversations":[{"from":"human","value":"x"},{"from":"gpt","value":"y"},{"from":"system","value":"z"}]}"#) => Value, "system messages at the start alone";
    system_twice: json(r#"{"system":"a","conversations":[{"from":"system","value":"b"},{"from":"human","value":"x"},{"from":"gpt","value":"y"}]}"#) => Mismatch, "`system`", "the same in both places";
    role_and_from_differ: json(r#"{"conversations":[{"from":"human","role":"assistant","value":"x"}]}"#) => Mismatch, "`role` and `from`";
    role_and_from_differ_in_messages: chat(r#"{"from":"gpt","role":"user","content":"x"}"#) => Mismatch, "`role` and `from`";
    content_and_value_differ: chat(r#"{"role":"user","content":"x","value":"y"}"#) => Mismatch, "`content` and `value`";
    value_and_content_differ: json(r#"{"conversations":[{"from":"human","value":"x","content":"y"}]}"#) => Mismatch, "`content` and `value`";
    unknown_from: json(r#"{"conversations":[{"from":"alien","value":"x"}]}"#) => Value, "`from`", "alien";
    missing_value: json(r#"{"conversations":[{"from":"human"}]}"#) => Missing, "`value`";
    empty_completion: json(r#"{"prompt":"a","completion":""}"#) => Value, "`completion`", "an empty one";
    completion_is_a_number: json(r#"{"prompt":"a","completion":7}"#) => Type, "`completion`", "a number";
    empty_output: json(r#"{"instruction":"a","output":" "}"#) => Value, "`output`";
    input_is_a_number: json(r#"{"instruction":"a","input":42,"output":"b"}"#) => Type, "`input`", "a number";
    system_is_a_list: json(r#"{"instruction":"a","output":"b","system":["c"]}"#) => Type, "`system`", "an array";
    system_of_sharegpt_is_a_number: json(r#"{"conversations":[{"from":"human","value":"x"},{"from":"gpt","value":"y"}],"system":7}"#) => Type, "`system`", "a number";
    empty_text: json(r#"{"text":""}"#) => Value, "`text`";
    missing_prompt_of_a_preference: json(r#"{"chosen":"a","rejected":"b"}"#) => Value, "the user to start";
    chosen_is_rejected: json(r#"{"prompt":"a","chosen":"b","rejected":"b"}"#) => Value, "`rejected`", "another answer than `chosen`";
    csv_unclosed_quote: ("d.csv", "prompt,completion\na,\"b\n") => Syntax, "line 2", "a closing quote";
    csv_ragged: ("d.csv", "prompt,completion\na,b,c\n") => Mismatch, "line 2", "2 fields", "found 3";
    csv_too_few: ("d.csv", "prompt,completion\na\n") => Mismatch, "2 fields", "found 1";
    csv_text_after_quote: ("d.csv", "prompt,completion\n\"a\"x,b\n") => Syntax, "separator after a quoted field";
    csv_column_twice: ("d.csv", "prompt,prompt\na,b\n") => Duplicate, "`prompt` twice";
    csv_unknown_columns: ("d.csv", "foo,bar\na,b\n") => Missing, "columns", "foo, bar";
}

#[test]
fn a_mapping_that_is_no_pair() {
    refused(Mapping::parse(&["question"]), Kind::Syntax, &["column=field", "question"]);
}

/// They are said on terminals, which would take them at their word.
#[test]
fn columns_are_named_without_their_control_characters() {
    let long = "x".repeat(1_000);
    let mapping = Mapping::parse(&["q=text"]).unwrap();
    let table = format!("a\x1b[31m,\u{202e}b,{long},c\n1,2,3,4\n");
    let error = Dataset::open(memory("d.csv", table), mapping).unwrap_err();
    let words = ["one of the columns a\\u{1b}[31m, \\u{202e}b, xxx", "xxx…, found q"];
    let error = refused(Err::<(), _>(error), Kind::Missing, &words);
    assert!(error.to_string().len() < 800, "{error}");
}

#[test]
fn a_mapping_that_is_ambiguous() {
    for pairs in [["a=prompt", "b=prompt"], ["a=prompt", "a=completion"]] {
        refused(Mapping::parse(&pairs), Kind::Duplicate, &["each column and each field once", pairs[1]]);
    }
    let mapping = Mapping::parse(&["question=prompt"]).unwrap();
    let row = r#"{"question":"a","prompt":"b","completion":"c"}"#;
    let (_, record) = Dataset::open(memory("d.jsonl", row), mapping).unwrap().next_record().unwrap().unwrap();
    refused(record, Kind::Duplicate, &["column mapping", "one column to become `prompt`"]);
}

#[test]
fn a_script_in_a_cell_is_text() {
    let records = all(("d.csv", "prompt,completion\n<script>alert(1)</script>,x\n")).unwrap();
    assert_eq!(
        records,
        [Record::Pair { prompt: "<script>alert(1)</script>".into(), completion: "x".into() }]
    );
}

#[test]
fn invisible_characters_are_kept() {
    let text = "\u{202e}abc\u{200b}\u{200d}\u{2066}";
    let records = all(("d.jsonl", format!("{{\"text\":\"{text}\"}}"))).unwrap();
    assert_eq!(records, [Record::Text(text.into())]);
}

#[test]
fn a_byte_order_mark_is_no_text() {
    for (name, text) in
        [("d.txt", "\u{feff}a"), ("d.jsonl", "\u{feff}{\"text\":\"a\"}"), ("d.csv", "\u{feff}text\na\n")]
    {
        assert_eq!(all((name, text)).unwrap(), [Record::Text("a".into())], "{name}");
    }
}

#[test]
fn lines_that_end_as_in_windows() {
    for (name, text) in [
        ("d.txt", "a\r\nb\r\n"),
        ("d.jsonl", "{\"text\":\"a\"}\r\n{\"text\":\"b\"}\r\n"),
        ("d.csv", "text\r\na\r\n\"b\"\r\n"),
    ] {
        assert_eq!(all((name, text)).unwrap(), ["a", "b"].map(|text| Record::Text(text.into())), "{name}");
    }
}

#[test]
fn text_that_runs_from_right_to_left_is_kept() {
    let records = all(("d.txt", "שלום مرحبا\n")).unwrap();
    assert_eq!(records, [Record::Text("שלום مرحبا".into())]);
}

#[test]
fn one_row_is_a_dataset() {
    assert_eq!(all(("d.txt", "only")).unwrap(), [Record::Text("only".into())]);
}

/// A file that states more bytes than it then gives, or gives more than it stated.
struct Changing {
    inner: Cursor<Vec<u8>>,
    stated: u64,
}

impl Read for Changing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl Seek for Changing {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        match to {
            SeekFrom::End(0) => Ok(self.stated),
            other => self.inner.seek(other),
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read() {
    for stated in [40, 1000] {
        let line = r#"{"text":"one line of a file"}"#;
        let inner = Cursor::new(format!("{line}\n{line}\n").into_bytes());
        let source = Source::new("d.jsonl", Changing { inner, stated }).unwrap();
        let mut dataset = Dataset::open(source, Mapping::default()).unwrap();
        let error: Error = loop {
            match dataset.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("no refusal for {stated} stated bytes"),
                Err(error) => break error,
            }
        };
        refused(Err::<(), _>(error), Kind::Mismatch, &["d.jsonl", "the file changed while it was read"]);
    }
}

#[test]
fn a_million_and_one_rows() {
    let mut dataset = open("d.txt", "x\n".repeat(1_000_001)).unwrap();
    let error = loop {
        match dataset.next_record() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no refusal"),
            Err(error) => break error,
        }
    };
    refused(Err::<(), _>(error), Kind::Limit, &["at most 1000000 rows"]);
}

/// What 64 bits hold is read, and so are floats beyond them and digits in texts.
#[test]
fn large_numbers_that_are_read() {
    for number in [
        "18446744073709551615",
        "-9223372036854775808",
        "1e300",
        "18446744073709551616.0",
        "\"18446744073709551616\"",
    ] {
        let row = format!("{{\"n\":[1e20,\"\\\\\",{number}],\"text\":\"18446744073709551616 a\"}}");
        assert_eq!(all(json(&row)).unwrap().len(), 1, "{row}");
    }
}
