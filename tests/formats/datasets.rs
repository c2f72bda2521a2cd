//! Rows, masks and audits.

use std::io::Cursor;

use smolder_formats::Kind;
use smolder_formats::dataset::{
    Audit, Dataset, Format, Mapping, Record, RenderOptions, Renderer, Row, Rows, Target, pack,
    validation_rows,
};
use smolder_formats::template::{ChatTemplate, Options};
use smolder_formats::tokenizer::Tokenizer;

use crate::tokenizing::from_gguf;
use crate::{memory, read};

pub type Reading = Dataset<Cursor<Vec<u8>>>;

pub fn open(name: &str, bytes: impl Into<Vec<u8>>) -> smolder_formats::Result<Reading> {
    Dataset::open(memory(name, bytes), Mapping::default())
}

fn records(name: &str, text: &str) -> (Option<Format>, Vec<Record>) {
    let mut dataset = open(name, text).unwrap();
    let mut out = Vec::new();
    while let Some((_, record)) = dataset.next_record().unwrap() {
        out.push(record.unwrap());
    }
    (dataset.format(), out)
}

fn model() -> (Tokenizer, ChatTemplate) {
    let source = String::from_utf8(read("templates/smollm2.jinja")).unwrap();
    (from_gguf("smollm2"), ChatTemplate::new(Some(&source)).unwrap())
}

fn options(tokenizer: &Tokenizer) -> RenderOptions {
    RenderOptions {
        target: Target::Assistant,
        max_len: 512,
        raw_pairs: false,
        template: Options::of(tokenizer),
    }
}

fn render(record: &Record, change: impl Fn(&mut RenderOptions)) -> smolder_formats::Result<Rows> {
    let (tokenizer, template) = model();
    let mut options = options(&tokenizer);
    change(&mut options);
    Renderer::new(&tokenizer, &template, options).render(record)
}

/// The learned and the whole text of a row.
fn texts(row: &Row) -> (String, String) {
    let tokenizer = from_gguf("smollm2");
    let learned: Vec<u32> =
        row.ids.iter().zip(&row.mask).filter(|(_, m)| **m == 1).map(|(id, _)| *id).collect();
    (tokenizer.decode(&learned, false), tokenizer.decode(&row.ids, false))
}

const CHAT: &str = r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"},{"role":"user","content":"Bye"},{"role":"assistant","content":"See you"}]}"#;

#[test]
fn every_format_is_recognised() {
    let cases = [
        ("a.jsonl", CHAT, Format::Messages),
        (
            "a.jsonl",
            r#"{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#,
            Format::ShareGpt,
        ),
        ("a.json", r#"[{"instruction":"a","input":"","output":"b"}]"#, Format::Alpaca),
        ("a.jsonl", r#"{"prompt":"a","completion":"b"}"#, Format::PromptCompletion),
        ("a.jsonl", r#"{"prompt":"a","chosen":"b","rejected":"c"}"#, Format::Preference),
        ("a.jsonl", r#"{"text":"a"}"#, Format::Text),
        ("a.txt", "one\ntwo\n", Format::Text),
        ("a.csv", "prompt,completion\r\na,\"b, \"\"c\"\"\nd\"\r\n", Format::PromptCompletion),
        ("a.tsv", "prompt\tcompletion\na\tb\n", Format::PromptCompletion),
    ];
    for (name, text, format) in cases {
        assert_eq!(records(name, text).0, Some(format), "{name}: {text}");
    }
}

#[test]
fn quoted_fields_keep_separators_quotes_and_newlines() {
    let (_, records) = records("a.csv", "prompt,completion\r\na,\"b, \"\"c\"\"\nd\"\r\n");
    assert_eq!(records, [Record::Pair { prompt: "a".into(), completion: "b, \"c\"\nd".into() }]);
}

/// Spreadsheets write semicolons where numbers have commas.
#[test]
fn a_table_says_itself_what_parts_its_fields() {
    for text in [
        "prompt;completion\n1,5 + 1;\"2,5; or 5/2\"\n",
        "prompt\tcompletion\n1,5 + 1\t2,5; or 5/2\n",
        "prompt,completion\n\"1,5 + 1\",\"2,5; or 5/2\"\n",
    ] {
        let (_, records) = records("a.csv", text);
        let pair = Record::Pair { prompt: "1,5 + 1".into(), completion: "2,5; or 5/2".into() };
        assert_eq!(records, [pair], "{text}");
    }
}

#[test]
fn a_quote_inside_a_field_is_a_letter() {
    let text = "prompt,completion\n5\" pipe,\"6\"\"\n\"\na \"b,c\n\"\",\"\"\"\"\n";
    let mut dataset = open("a.csv", text).unwrap();
    let pair = |prompt: &str, completion: &str| Record::Pair {
        prompt: prompt.into(),
        completion: completion.into(),
    };
    for (line, want) in [(2, pair("5\" pipe", "6\"\n")), (4, pair("a \"b", "c"))] {
        let (at, record) = dataset.next_record().unwrap().unwrap();
        assert_eq!((at.line, record.unwrap()), (line, want));
    }
    assert!(dataset.next_record().unwrap().unwrap().1.is_err(), "an empty prompt");
    assert!(dataset.next_record().unwrap().is_none());
}

#[test]
fn columns_are_mapped() {
    let mapping = Mapping::parse(&["question=prompt", "answer=completion"]).unwrap();
    let mut dataset =
        Dataset::open(memory("g.jsonl", r#"{"question":"1+1?","answer":"2"}"#), mapping).unwrap();
    let (at, record) = dataset.next_record().unwrap().unwrap();
    assert_eq!(
        (at.line, record.unwrap()),
        (1, Record::Pair { prompt: "1+1?".into(), completion: "2".into() })
    );
}

#[test]
fn a_mapped_column_that_is_missing_is_told_with_those_there_are() {
    let rows =
        "{\"prompt\":\"a\",\"completion\":\"b\",\"who\":\"c\"}\n{\"prompt\":\"d\",\"completion\":\"e\"}";
    let refusal = |name: &str, text: &str, map: &str| {
        let mut dataset = Dataset::open(memory(name, text), Mapping::parse(&[map]).unwrap())?;
        while dataset.next_record()?.is_some() {}
        Ok::<_, smolder_formats::Error>(())
    };
    for (name, text, map) in [
        ("d.jsonl", rows, "sytem=system"),
        ("d.csv", "prompt,completion,who\na,b,c\n", "sytem=system"),
        ("d.jsonl", "{\"prompt\":\"a\",\"answer\":\"b\",\"who\":\"c\"}", "anser=completion"),
    ] {
        let error = refusal(name, text, map).unwrap_err();
        let column = map.split('=').next().unwrap();
        assert_eq!((error.kind, error.found.as_str()), (Kind::Missing, column), "{error}");
        assert!(
            error.to_string().contains("column mapping: expected one of the columns prompt, "),
            "{error}"
        );
    }
    // A column may be there in later rows alone.
    let later = rows.replacen(",\"who\":\"c\"", "", 1).replace("\"e\"", "\"e\",\"who\":\"f\"");
    refusal("d.jsonl", &later, "who=system").unwrap();
}

#[test]
fn alpaca_s_history_comes_first() {
    let row =
        |history: &str| format!(r#"{{"instruction":"c","output":"d","system":"s","history":{history}}}"#);
    let turns = |history: &str| match records("a.jsonl", &row(history)).1.remove(0) {
        Record::Chat(turns) => {
            turns.iter().map(|turn| turn["content"].as_str().unwrap().to_owned()).collect()
        }
        other => vec![format!("{other:?}")],
    };
    assert_eq!(turns(r#"[["a","b"]]"#), ["s", "a", "b", "c", "d"]);
    for none in ["[]", "null", "\"\""] {
        assert_eq!(turns(none), ["s", "c", "d"], "{none}");
    }
    for (history, kind) in
        [("[[\"a\"]]", Kind::Type), ("\"a\"", Kind::Type), ("[[\"a\",\" \"]]", Kind::Value)]
    {
        let error = open("a.jsonl", row(history)).unwrap().next_record().unwrap().unwrap().1.unwrap_err();
        assert_eq!((error.kind, error.field.as_str()), (kind, "`history`"), "{history}");
    }
}

#[test]
fn an_array_and_lines_give_the_same_records() {
    let lines = format!("\u{feff}{CHAT}\r\n\r\n{CHAT}\n");
    let array = format!(" [\n{CHAT} ,\n{CHAT}]\n");
    assert_eq!(records("a.jsonl", &lines).1, records("a.json", &array).1);
}

#[test]
fn every_turn_of_a_completion_is_learned() {
    let turns = r#"{"prompt":[{"role":"user","content":"q"},{"role":"assistant","content":"ZERO"},
        {"role":"user","content":"r"}],"completion":[{"role":"assistant","content":"ONE"},
        {"role":"user","content":"s"},{"role":"assistant","content":"TWO"}]}"#;
    let (_, records) = records("a.jsonl", &turns.replace('\n', ""));
    let learned = |target| texts(&render(&records[0], |o| o.target = target).unwrap().row).0;
    assert_eq!(learned(Target::Completion), "ONE<|im_end|>TWO<|im_end|>");
    assert_eq!(learned(Target::Assistant), "ZERO<|im_end|>ONE<|im_end|>TWO<|im_end|>");
    assert_eq!(learned(Target::LastTurn), "TWO<|im_end|>");
}

#[test]
fn an_array_behind_much_space_is_an_array() {
    let array = format!("{}[{CHAT},{CHAT}]", " \n".repeat(5_000));
    assert_eq!(records("a.json", &array).1.len(), 2);
}

/// As `jq` and editors write them, one or several; the line is that of the brace.
#[test]
fn objects_spread_over_lines_are_rows() {
    let object: serde_json::Value = serde_json::from_str(CHAT).unwrap();
    let spread = serde_json::to_string_pretty(&object).unwrap();
    assert!(spread.lines().count() > 10, "{spread}");
    let want = records("a.jsonl", CHAT).1;
    for text in [spread.clone(), format!("\u{feff}\n {}\r\n", spread.replace('\n', "\r\n"))] {
        assert_eq!(records("a.json", &text).1, want, "{text:?}");
    }
    let mut dataset = open("a.jsonl", format!("{spread}\n\n{spread}{CHAT}\n")).unwrap();
    let lines = spread.lines().count() as u64;
    for line in [1, lines + 2, 2 * lines + 1] {
        let (at, record) = dataset.next_record().unwrap().unwrap();
        assert_eq!((at.line, record.unwrap()), (line, want[0].clone()));
    }
    assert!(dataset.next_record().unwrap().is_none());
}

/// All may lie in one line, which then says nothing of where a row is.
#[test]
fn rows_of_an_array_are_named_by_their_number() {
    let places = |name: &str, text: &str| -> Vec<String> {
        let mut dataset = open(name, text).unwrap();
        std::iter::from_fn(|| dataset.next_record().unwrap()).map(|(at, _)| at.to_string()).collect()
    };
    let row = r#"{"text":"a"}"#;
    assert_eq!(places("a.json", &format!("[{row},{row} , 3]\n")), ["row 1", "row 2", "row 3"]);
    assert_eq!(
        places("a.json", &format!("[{row},\n{row},\n\n3]\n")),
        ["row 1", "row 2, line 2", "row 3, line 4"]
    );
    assert_eq!(places("a.jsonl", &format!("{row}\n\n3\n{row}")), ["line 1", "line 3", "line 4"]);
    let mut audit = Audit::default();
    let mut dataset = open("a.json", format!("[{row},{row},3,4]")).unwrap();
    while let Some((at, record)) = dataset.next_record().unwrap() {
        if let Err(error) = record {
            audit.drop_row(at, &error);
        }
    }
    assert_eq!(audit.dropped[0].first, "row 3: a number");
    assert_eq!(audit.dropped[0].rows, 2);
}

/// A line that is broken stays the only one that is lost.
#[test]
fn lines_are_not_taken_for_parts_of_an_object() {
    for broken in [r#"{"text": "a"#, r#"{"text": {"a": 1}"#, r#"{"text""#, "{]"] {
        let mut dataset = open("a.jsonl", format!("{broken}\n{{\"text\":\"b\"}}\n")).unwrap();
        assert!(dataset.next_record().unwrap().unwrap().1.is_err(), "{broken}");
        let (at, record) = dataset.next_record().unwrap().unwrap();
        assert_eq!((at.line, record.unwrap()), (2, Record::Text("b".into())), "{broken}");
    }
}

#[test]
fn text_that_starts_with_a_bracket_is_text() {
    let (format, records) = records("a.md", "[A link](b)\n{\nc\n");
    assert_eq!(format, Some(Format::Text));
    assert_eq!(records, ["[A link](b)", "{", "c"].map(|line| Record::Text(line.into())));
}

/// What comes behind a row over the limit is read, in every kind of file; one at the limit is no such row.
#[test]
fn a_row_that_is_too_long_is_passed_over() {
    let limit = smolder_formats::limits::ROW_BYTES as usize;
    let object = |len: usize| format!("{{\"text\":\"{}\"}}", "x".repeat(len - 11));
    let spread = |len: usize| object(len - 2).replace('{', "{\n").replace('}', "\n}");
    let files: [(&str, String, [u64; 4]); 6] = [
        ("a.jsonl", [20, limit, limit + 1, 20].map(object).join("\n"), [1, 2, 3, 4]),
        ("a.jsonl", [20, limit, 3 * limit, 20].map(object).join("\r\n"), [1, 2, 3, 4]),
        ("a.json", format!("[{}]", [20, limit, limit + 1, 20].map(object).join(",\n")), [1, 2, 3, 4]),
        ("a.json", [20, limit, limit + 1, 20].map(spread).join("\n"), [1, 4, 7, 10]),
        (
            "a.csv",
            format!("text\r\n{}", [20, limit, limit + 1, 20].map(|n| "x".repeat(n)).join("\r\n")),
            [2, 3, 4, 5],
        ),
        ("a.txt", [20, limit, 2 * limit, 20].map(|n| "x".repeat(n)).join("\n"), [1, 2, 3, 4]),
    ];
    for (name, text, lines) in files {
        let mut dataset = open(name, text).unwrap();
        for (index, want) in lines.into_iter().enumerate() {
            let (at, record) = dataset.next_record().unwrap().unwrap();
            assert_eq!(at.line, want, "{name}");
            match record {
                Ok(_) => assert_ne!(index, 2, "{name}"),
                Err(error) => {
                    assert_eq!((index, error.kind), (2, Kind::Limit), "{name}: {error}");
                }
            }
        }
        assert!(dataset.next_record().unwrap().is_none(), "{name}");
    }
}

#[test]
fn a_row_of_empty_fields_is_counted() {
    let mut dataset = open("a.tsv", "prompt\tcompletion\na\tb\n\t\n").unwrap();
    assert!(dataset.next_record().unwrap().unwrap().1.is_ok());
    let (at, record) = dataset.next_record().unwrap().unwrap();
    assert_eq!((at.line, record.unwrap_err().kind), (3, Kind::Value));
    assert!(dataset.next_record().unwrap().is_none());
}

#[test]
fn the_assistants_turns_are_learned() {
    let (_, records) = records("a.jsonl", CHAT);
    let learned = |target| texts(&render(&records[0], |o| o.target = target).unwrap().row).0;
    assert_eq!(learned(Target::Assistant), "Yo<|im_end|>See you<|im_end|>");
    assert_eq!(learned(Target::LastTurn), "See you<|im_end|>");
    assert_eq!(learned(Target::Completion), "See you<|im_end|>");
    let (all, whole) = texts(&render(&records[0], |o| o.target = Target::Everything).unwrap().row);
    assert_eq!(format!("<|im_start|>{all}"), whole);
}

/// Nothing comes before it that it could be predicted from; audit, preview and dump count alike.
#[test]
fn the_first_token_is_never_learned() {
    let pair = Record::Pair { prompt: "One".into(), completion: " two".into() };
    for (record, raw) in [(&Record::Text("One two".into()), false), (&pair, true)] {
        let change = |o: &mut RenderOptions| (o.target, o.raw_pairs) = (Target::Everything, raw);
        let rows = render(record, change).unwrap();
        assert_eq!((rows.row.ids.len(), &*rows.row.mask), (3, &[0, 1, 1][..]), "{record:?}");
        let mut audit = Audit::default();
        audit.keep(&rows);
        assert_eq!((audit.tokens, audit.learned), (3, 2));
    }
    let alone = render(&Record::Text("One".into()), |o| o.max_len = 1);
    assert_eq!(alone.unwrap_err().kind, Kind::Missing);
}

#[test]
fn rows_hold_exactly_what_the_template_renders() {
    let (_, records) = records("a.jsonl", CHAT);
    let rows = render(&records[0], |_| {}).unwrap();
    let (_, whole) = texts(&rows.row);
    let start = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n";
    assert!(whole.starts_with(start) && whole.ends_with("See you<|im_end|>\n"), "{whole}");
    assert_eq!(rows.row.ids[0], 1);
}

#[test]
fn pairs_without_a_template_end_with_eos() {
    let pair = Record::Pair { prompt: "1+1=".into(), completion: "2".into() };
    let rows = render(&pair, |o| o.raw_pairs = true).unwrap();
    assert_eq!(texts(&rows.row), ("2<|im_end|>".into(), "1+1=2<|im_end|>".into()));
    assert!(!rows.notes.missing_eos);
}

#[test]
fn truncation_keeps_the_end_token() {
    let pair = Record::Pair { prompt: "Q".into(), completion: "word ".repeat(100) };
    let rows = render(&pair, |o| (o.raw_pairs, o.max_len) = (true, 20)).unwrap();
    assert_eq!((rows.row.ids.len(), rows.row.ids[19], rows.row.mask[19]), (20, 2, 1));
    assert!(rows.notes.truncated && rows.notes.full_len > 100);
}

/// Gemma's turns end with a token of their own, not with EOS.
#[test]
fn truncation_keeps_the_end_of_the_turn() {
    let tokenizer = from_gguf("gemma");
    let source = String::from_utf8(read("templates/gemma.jinja")).unwrap();
    let template = ChatTemplate::new(Some(&source)).unwrap();
    let options = RenderOptions { max_len: 40, ..options(&tokenizer) };
    let pair = Record::Pair { prompt: "Q".into(), completion: "word ".repeat(100) };
    let rows = Renderer::new(&tokenizer, &template, options).render(&pair).unwrap();
    assert_eq!(rows.row.ids[39], tokenizer.id("<end_of_turn>").unwrap());
    assert!(rows.row.mask[39] == 1 && rows.notes.truncated && !rows.notes.missing_eos);
}

#[test]
fn a_missing_end_is_noticed() {
    let pair = Record::Pair { prompt: "Q".into(), completion: "A".into() };
    let open = "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";
    for (source, target, want) in [
        (Some(open), Target::Assistant, true),
        (None, Target::Assistant, false),
        // The line break behind the end of the last turn is text too.
        (None, Target::Everything, false),
    ] {
        let tokenizer = from_gguf("smollm2");
        let template = ChatTemplate::new(source).unwrap();
        let options = RenderOptions { target, ..options(&tokenizer) };
        let rows = Renderer::new(&tokenizer, &template, options).render(&pair).unwrap();
        assert_eq!(rows.notes.missing_eos, want, "{source:?}, {target:?}");
    }
}

/// Both spellings of a turn, a system message in both places, a tool that says nothing: what is clear is taken.
#[test]
fn fields_that_say_the_same_twice_are_one() {
    let plain = r#"{"system":"s","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#;
    let twice = r#"{"system":"s","conversations":[{"from":"system","value":"s"},
        {"from":"human","role":"user","value":"a","content":"a"},{"from":"gpt","value":"b","content":"b"}]}"#;
    let rows = |text: &str| render(&records("a.jsonl", &text.replace('\n', "")).1[0], |_| {}).unwrap().row;
    assert_eq!(rows(plain), rows(twice));
    let named = r#"{"messages":[{"role":"user","content":"a","from":"Ann"},{"role":"assistant","content":"b"},
        {"role":"tool","content":""},{"role":"assistant","content":"c"}]}"#;
    assert_eq!(texts(&rows(named)).0, "b<|im_end|>c<|im_end|>");
}

#[test]
fn preference_pairs_give_two_rows() {
    let (_, records) = records("a.jsonl", r#"{"prompt":"a","chosen":"good","rejected":"bad"}"#);
    let rows = render(&records[0], |_| {}).unwrap();
    assert_eq!(texts(&rows.row).0, "good<|im_end|>");
    assert_eq!(texts(&rows.rejected.unwrap()).0, "bad<|im_end|>");
}

/// What truncation leaves of both must differ.
#[test]
fn preferences_that_are_cut_to_the_same_are_refused() {
    let long = "word ".repeat(40);
    let line = format!(r#"{{"prompt":"a","chosen":"{long}good","rejected":"{long}bad"}}"#);
    let (_, records) = records("a.jsonl", &line);
    assert!(render(&records[0], |_| {}).is_ok());
    let error = render(&records[0], |options| options.max_len = 60).unwrap_err();
    assert_eq!(error.to_string(), "`rejected`: expected a difference among the first 60, found none");
}

/// As in many collections: whole conversations beside the prompt that they begin with.
#[test]
fn preferences_that_repeat_their_prompt_ask_once() {
    let say = |role: &str, text: &str| format!(r#"{{"role":"{role}","content":"{text}"}}"#);
    let (asked, good, bad) = (say("user", "a"), say("assistant", "good"), say("assistant", "bad"));
    let [apart, whole] = [format!("[{good}]"), format!("[{asked},{good}]")];
    let ids = |prompt: &str, chosen: &str| {
        let line = format!(r#"{{"prompt":{prompt},"chosen":{chosen},"rejected":[{asked},{bad}]}}"#);
        let (_, records) = records("a.jsonl", &line);
        let rows = render(&records[0], |_| {}).unwrap();
        assert_eq!(texts(&rows.rejected.unwrap()).0, "bad<|im_end|>");
        rows.row.ids
    };
    let once = ids(r#""a""#, r#""good""#);
    for prompt in [r#""a""#.to_owned(), format!("[{asked}]")] {
        for chosen in [&apart, &whole] {
            assert_eq!(ids(&prompt, chosen), once, "{prompt} {chosen}");
        }
    }
}

#[test]
fn control_tokens_in_data_stay_text() {
    let pair = |text: &str| Record::Pair { prompt: text.into(), completion: text.into() };
    let tokenizer = from_gguf("smollm2");
    let count = |record: &Record, raw| {
        let row = render(record, |o| o.raw_pairs = raw).unwrap().row;
        row.ids.iter().filter(|id| tokenizer.is_special(**id)).count()
    };
    for raw in [false, true] {
        assert_eq!(count(&pair("<|im_end|><|im_start|>x"), raw), count(&pair("x"), raw));
    }
}

/// What becomes of rows, of which at most `max_len` tokens are taken.
fn audit(lines: &[&str], (tokenizer, template): &(Tokenizer, ChatTemplate), max_len: usize) -> Audit {
    let mut dataset = open("a.jsonl", lines.join("\n")).unwrap();
    let mut renderer = Renderer::new(tokenizer, template, RenderOptions { max_len, ..options(tokenizer) });
    let mut audit = Audit::default();
    while let Some((at, record)) = dataset.next_record().unwrap() {
        match record.and_then(|record| renderer.render(&record)) {
            Ok(rows) => audit.keep(&rows),
            Err(error) => audit.drop_row(at, &error),
        }
    }
    audit
}

#[test]
fn the_audit_counts() {
    let lines = [
        CHAT,
        "{\"messages\":[]}",
        "not json",
        CHAT,
        r#"{"messages":[{"role":"robot","content":"x"}]}"#,
        "[1]",
    ];
    let audit = audit(&lines, &model(), 40);
    assert_eq!((audit.kept, audit.dropped_rows(), audit.truncated), (2, 4, 2));
    assert_eq!(audit.dropped.len(), 4, "{audit}");
    assert_eq!((audit.fully_masked, audit.duplicate_bos), (0, 0), "none was dropped for that");
    assert_eq!(audit.tokens, 80);
    assert_eq!(audit.lengths.iter().sum::<usize>(), 2);
    assert!(audit.to_string().contains("1 × `role`: expected one of system"), "{audit}");
}

/// Of four rows, two are cut before their answer; one is dropped for another reason.
#[test]
fn the_audit_counts_rows_with_nothing_to_learn() {
    let long = format!(
        r#"{{"messages":[{{"role":"user","content":"{}"}},{{"role":"assistant","content":"x"}}]}}"#,
        "long ".repeat(60)
    );
    let lines = [CHAT, &long, "not json", &long];
    let counts = |audit: &Audit| (audit.kept, audit.dropped_rows(), audit.fully_masked);
    let cut = audit(&lines, &model(), 60);
    assert_eq!(counts(&cut), (1, 3, 2), "{cut}");
    assert!(cut.to_string().contains("\nfully masked    2\n"), "{cut}");
    let reason =
        "  2 × row: expected a token to learn among the first 60 (first: line 2: none: the row has 9";
    assert!(cut.to_string().contains(reason), "{cut}");
    let whole = audit(&lines, &model(), 120);
    assert_eq!(counts(&whole), (3, 1, 0), "{whole}");
}

/// A template that writes BOS and a tokenizer that puts one before every text make one; two take a template of its own.
#[test]
fn the_audit_counts_doubled_bos() {
    const TURNS: &str = "{% for m in messages %}{{ m.role + ': ' + m.content + eos_token }}{% endfor %}";
    for (start, bos, doubled) in
        [("", 1, 0), ("{{ bos_token }}", 1, 0), ("{{ bos_token }}{{ bos_token }}", 2, 2)]
    {
        let template = ChatTemplate::new(Some(&format!("{start}{TURNS}"))).unwrap();
        let model = (from_gguf("llama"), template);
        let (id, adds) = (model.0.spec().bos.unwrap(), model.0.spec().add_bos);
        assert!(adds, "the tokenizer puts BOS before every text");
        let mut dataset = open("a.jsonl", CHAT).unwrap();
        let record = dataset.next_record().unwrap().unwrap().1.unwrap();
        let rows = Renderer::new(&model.0, &model.1, options(&model.0)).render(&record).unwrap();
        assert_eq!(rows.row.ids.iter().filter(|one| **one == id).count(), bos, "{start}");
        let audit = audit(&[CHAT, CHAT], &model, 512);
        assert_eq!((audit.kept, audit.duplicate_bos), (2, doubled), "{start}: {audit}");
    }
}

/// Also where the template marks what is generated.
#[test]
fn a_turn_without_weight_is_read_and_not_learned() {
    const MARKED: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}";
    let text = r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "bad", "weight": 0},
        {"role": "user", "content": "c"}, {"role": "assistant", "content": "good", "weight": 1}]}"#;
    let (_, records) = records("a.json", text);
    let (tokenizer, plain) = model();
    for template in [plain, ChatTemplate::new(Some(MARKED)).unwrap()] {
        let mut renderer = Renderer::new(&tokenizer, &template, options(&tokenizer));
        let Row { ids, mask } = renderer.render(&records[0]).unwrap().row;
        let learned: Vec<u32> = ids.iter().zip(&mask).filter(|(_, m)| **m == 1).map(|(id, _)| *id).collect();
        assert_eq!(tokenizer.decode(&learned, false).trim_end(), "good<|im_end|>");
        assert!(tokenizer.decode(&ids, false).contains("bad<|im_end|>"));
    }
}

/// Of a turn that is cut right behind its prompt, the end alone would teach to answer nothing.
#[test]
fn no_cut_leaves_the_end_of_a_turn_alone() {
    let words = |role: &str, content: &str| {
        [("role", role), ("content", content)]
            .map(|(key, text)| (key.to_owned(), text.into()))
            .into_iter()
            .collect()
    };
    let turns =
        ["user", "assistant", "user", "assistant"].map(|role| words(role, "some words that are more"));
    let record = Record::Chat(turns.to_vec());
    let whole = render(&record, |_| ()).unwrap().row;
    let mut dropped = 0;
    for max_len in 2..whole.ids.len() {
        let Ok(rows) = render(&record, |o| o.max_len = max_len) else {
            dropped += 1;
            continue;
        };
        let Row { ids, mask } = rows.row;
        assert!(mask[max_len - 1] <= mask[max_len - 2], "{max_len}: {mask:?}");
        let learned: u8 = mask.iter().sum();
        assert!(learned > 1, "{max_len}: {learned} of {}", ids.len());
        assert_eq!(mask[..max_len - 1], whole.mask[..max_len - 1], "{max_len}: the rest stays as it was");
    }
    let first = whole.mask.iter().position(|learned| *learned == 1).unwrap();
    assert_eq!(dropped, first, "up to the length that has one token of the answer");
}

#[test]
fn all_rows_truncated_before_the_answer() {
    let pair = Record::Pair { prompt: "long ".repeat(100), completion: "x".into() };
    let error = render(&pair, |o| o.max_len = 16).unwrap_err();
    assert!(
        error.to_string().contains("a token to learn among the first 16, found none: the row has "),
        "{error}"
    );
}

#[test]
fn validation_rows_depend_on_the_seed_alone() {
    let rows = validation_rows(1000, 0.1, 7);
    assert_eq!(rows.len(), 100);
    assert_eq!(rows, validation_rows(1000, 0.1, 7));
    assert_ne!(rows, validation_rows(1000, 0.1, 8));
    assert!(rows.windows(2).all(|w| w[0] < w[1]) && rows[99] < 1000);
    assert_eq!(validation_rows(1, 0.5, 7), Vec::<usize>::new());
    assert_eq!(validation_rows(2, 0.999, 7).len(), 1);
    assert_eq!(validation_rows(50, f64::NAN, 7), Vec::<usize>::new());
}

#[test]
fn packing_loses_no_token_and_keeps_boundaries() {
    let rows: Vec<Row> = (1..60_u32)
        .map(|n| Row {
            ids: (0..=n % 23).map(|i| n * 100 + i).collect(),
            mask: vec![1; (n % 23 + 1) as usize],
        })
        .collect();
    let packed = pack(rows.clone(), 32);
    assert!(packed.iter().all(|row| row.iter().map(|document| document.ids.len()).sum::<usize>() <= 32));
    assert!(packed.iter().flatten().all(|document| document.mask.len() == document.ids.len()));
    let mut documents: Vec<Vec<u32>> = packed.iter().flatten().map(|document| document.ids.clone()).collect();
    documents.sort();
    let mut want: Vec<Vec<u32>> = rows.iter().map(|row| row.ids.clone()).collect();
    want.sort();
    assert_eq!(documents, want);
    let tokens: usize = rows.iter().map(|row| row.ids.len()).sum();
    assert!(packed.len() <= tokens.div_ceil(32) + 1, "{} rows for {tokens} tokens", packed.len());
}

/// Thousands of lengths, none of which fills a row exactly together with those before it.
#[test]
fn many_documents_leave_little_room() {
    let row = |n: u32| {
        let len = 60 + (n * 7919 % 400) as usize;
        Row { ids: vec![n; len], mask: vec![1; len] }
    };
    let rows: Vec<Row> = (0..5000).map(row).collect();
    let packed = pack(rows.clone(), 1024);
    let tokens: usize = rows.iter().map(|row| row.ids.len()).sum();
    let full = tokens as f64 / (packed.len() * 1024) as f64;
    assert!(full > 0.98, "{} rows, {full:.3} full", packed.len());
    assert_eq!(packed.iter().map(Vec::len).sum::<usize>(), 5000);
}
