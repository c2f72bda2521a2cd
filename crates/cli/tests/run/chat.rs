//! `smolder chat` in a pipe.

use crate::program::{Ended, command, model, prints};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

fn chat(more: &[&str]) -> Command {
    let path = model("llama/f32.gguf");
    let base = ["chat", "--model", &path, "--device", "cpu", "--max-tokens", "12"];
    let mut command = command(&[&base[..], more].concat());
    command.stdin(Stdio::piped());
    command
}

/// All that is said to these lines.
fn says(lines: impl AsRef<[u8]>, more: &[&str]) -> Ended {
    let mut child = chat(more).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_ref()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// What the model adds to a text with control tokens.
fn adds(text: &str) -> String {
    let path = model("llama/f32.gguf");
    let base = ["generate", "--model", &path, "--device", "cpu", "--max-tokens", "12"];
    prints(&[&base[..], &["--raw", "--prompt", text]].concat())
}

#[test]
fn every_line_is_answered_in_the_light_of_those_before() {
    let ended = says("one\nin the sea\n/quit\nnever said\n", &["--system", "He is here."]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.err, "The model has no chat template: the built-in ChatML is used.\n");
    let turn = |role: &str, text: &str| format!("<|im_start|>{role}\n{text}<|im_end|>\n");
    let asked = |text: &str| turn("user", text) + "<|im_start|>assistant\n";
    let before = turn("system", "He is here.") + &asked("one");
    let first = adds(&before);
    let answer = first.strip_suffix('\n').unwrap();
    let second = adds(&(before + answer + "<|im_end|>\n" + &asked("in the sea")));
    assert_eq!(ended.out, first + &second);
}

#[test]
fn it_ends_with_its_input_or_an_empty_line() {
    let one = says("one", &[]);
    assert_eq!((one.code, says("one\n\ntwo\n", &[]).out), (Some(0), one.out));
    let nothing = says("", &[]);
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(0), ""));
}

#[test]
fn a_line_that_is_no_text_is_told_and_the_next_one_answered() {
    let ended = says(b"caf\xe9\none\n", &[]);
    assert_eq!((ended.code, &ended.out), (Some(0), &says("one\n", &[]).out), "{ended:?}");
    assert!(
        ended
            .err
            .ends_with("\nThis line is not UTF-8 text and cannot be answered: write it again in UTF-8.\n")
    );
}

#[test]
fn a_line_that_does_not_fit_is_told_and_the_next_one_answered() {
    let (short, context) = ("the", ["--context", "60"]);
    let ended = says(format!("one\nthe end of the land and the sea and a story\n{short}\n"), &context);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<&str> = ended.err.lines().collect();
    assert!(lines[1].contains("--context") && lines[1].contains("expected at most 59 tokens"), "{lines:?}");
    assert_eq!(ended.out, says(format!("one\n{short}\n"), &context).out, "as if it had not been said");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_while_it_waits() {
    let mut child: Child = chat(&[]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    let mut answer = String::new();
    lines.read_line(&mut answer).unwrap();
    // The answer has arrived; the program needs a moment to wait for the next line.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
}
