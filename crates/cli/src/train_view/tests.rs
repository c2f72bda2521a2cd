use super::*;
use smolder_protocol::train::{End, EndCause, Memory};

fn stepped(step: u64, loss: f32) -> TrainEvent {
    let memory = Memory { device_bytes: Some(5 << 20), process_bytes: Some(9 << 20) };
    // 100 tokens a step at 50 a second: two seconds each.
    let (tokens, tokens_per_s) = (100 * step, 50.0);
    TrainEvent::Stepped(StepReport { step, loss, lr: 1e-3, grad_norm: 0.25, tokens, tokens_per_s, memory })
}

fn started(done: u64, steps: u64) -> TrainEvent {
    TrainEvent::Started(Plan {
        done,
        steps,
        lr: 1e-3,
        rows: 10,
        tokens: 1000,
        labelled_tokens: 500,
        eval_rows: 0,
        trained_parameters: 1,
        frozen_parameters: 9,
        gpu: None,
        memory_bytes: 1 << 20,
        duration_secs: None,
    })
}

fn view(events: &[TrainEvent]) -> View {
    let mut view = View::default();
    for event in events {
        view.update(event);
    }
    view
}

#[test]
fn before_the_first_step_the_plan_is_shown() {
    assert_eq!(View::default().lines(), [""; 0]);
    let lines = view(&[started(0, 8)]).lines();
    assert!(lines.len() == 3 && lines[0].starts_with("8 steps: 10 rows"), "{lines:?}");
}

#[test]
fn steps_show_the_curve_the_speed_and_the_time_left() {
    let lines =
        view(&[started(0, 34), stepped(1, 4.0), stepped(2, 3.0), stepped(3, 2.0), stepped(4, 0.5)]).lines();
    assert_eq!(
        lines,
        [
            "step 4 of 34 (11 %): loss 0.5000, lr 1.0e-3, gradient norm 0.250",
            "4.00 █▆▄▁ 0.50",
            "50 tokens/s, 5.0 MiB on the device, 9.0 MiB in the process, 1 min 00 s left",
        ]
    );
}

#[test]
fn an_evaluation_is_shown_until_something_else_happens() {
    let looking = TrainEvent::Evaluating { done: 300, total: 900 };
    let events = [started(0, 8), stepped(1, 4.0), looking, stepped(2, 3.0)];
    let shown = |count| view(&events[..count]).lines().iter().any(|line| line == "evaluating 33 %");
    assert_eq!([1, 2, 3, 4].map(shown), [false, false, true, false]);
    assert_eq!(plain(&events[2], 8), None);
}

#[test]
fn a_resumed_run_counts_only_its_own_time() {
    let resumed = view(&[started(20, 34), stepped(21, 4.0)]);
    assert!(resumed.seconds_left().is_none());
    let later = view(&[started(20, 34), stepped(21, 4.0), stepped(22, 4.0)]);
    assert_eq!(later.seconds_left(), Some(24.0));
}

#[test]
fn the_newest_of_each_sort_is_shown_and_three_warnings() {
    let sampled = |text: &str| TrainEvent::Sampled(Sample { step: 1, prompt: "p".into(), text: text.into() });
    let warned = |rows| TrainEvent::Warned(Warning::RowsTruncated { rows, seq_len: 9, longer: true });
    let mut events = vec![started(0, 9), stepped(1, 1.0), sampled("old"), sampled("new")];
    events.extend((1..=4).map(warned));
    events.push(TrainEvent::Checkpointed { step: 1, best: true });
    let lines = view(&events).lines();
    assert_eq!(lines[3..5], ["checkpoint after step 1, the best so far", "sample after step 1: p → new"]);
    let rows: Vec<&str> = lines[5..].iter().map(|line| &line[..8]).collect();
    assert_eq!(rows, ["! 2 rows", "! 3 rows", "! 4 rows"]);
}

#[test]
fn the_end_is_the_last_line() {
    let cause = EndCause::Stopped;
    let end = End { cause, step: 3, loss: None, best: None, duration_secs: 5.0 };
    let view = view(&[started(0, 9), stepped(1, 1.0), TrainEvent::Finished(end)]);
    assert_eq!(view.lines().last().unwrap(), "stopped; --resume goes on: 3 steps in 5 s");
}

#[test]
fn a_pause_is_shown_until_the_next_step() {
    let mut view = view(&[started(0, 9), stepped(1, 1.0), TrainEvent::Paused { step: 1 }]);
    assert_eq!(view.lines().last().unwrap(), "paused");
    view.update(&stepped(2, 1.0));
    assert!(!view.lines().contains(&"paused".to_owned()));
}

#[test]
fn a_sparkline_reaches_from_the_lowest_to_the_highest() {
    assert_eq!(sparkline(&[], 8), "");
    assert_eq!(sparkline(&[2.0], 8), "▁");
    assert_eq!(sparkline(&[1.0, 1.0, 1.0], 8), "▁▁▁");
    assert_eq!(sparkline(&[8.0, 1.0, 4.5], 8), "█▁▅");
    assert_eq!(sparkline(&[0.0, 2.0, 6.0, 8.0], 2), "▁█");
    let many: Vec<f32> = (0..1000_u16).map(f32::from).collect();
    assert_eq!(sparkline(&many, 8), "▁▂▃▄▅▆▇█");
}

#[test]
fn the_log_is_json_with_the_numbers_as_they_are() {
    let TrainEvent::Stepped(mut report) = stepped(3, 1.834_2) else { unreachable!() };
    (report.lr, report.tokens_per_s) = (1e-7, 50.123_456);
    let line = log_line(&report);
    assert_eq!(
        line,
        r#"{"step":3,"loss":1.8342,"lr":0.0000001,"grad_norm":0.25,"tokens":300,"tokens_per_s":50.123}"#
    );
    assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
}

#[test]
fn a_skipped_step_is_in_the_log_and_is_kept_with_the_others() {
    let line = skipped_line(2, NotFinite::Gradient);
    assert_eq!(line, r#"{"step":2,"skipped":"gradient"}"#);
    let log = format!("{{\"step\":1}}\n{line}\n");
    assert_eq!([1, 2].map(|done| kept(log.as_bytes(), done)), [11, log.len()]);
}

#[test]
fn half_a_line_of_a_log_is_not_kept() {
    let log = b"{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"st";
    assert_eq!([0, 1, 3, 9].map(|done| kept(log, done)), [0, 11, 33, 33]);
}

#[test]
fn a_frame_replaces_the_one_before() {
    let lines = ["a".to_owned(), "b".to_owned()];
    assert_eq!(frame(0, &lines), "\x1b[J\x1b[?7la\nb\n\x1b[?7h");
    assert!(frame(3, &lines).starts_with("\x1b[3F\x1b[J"));
}

#[test]
fn a_log_file_is_begun_anew_or_gone_on_with() {
    let path = std::env::temp_dir().join(format!("smolder-log-{}.jsonl", std::process::id()));
    // What goes on behind step 2 does step 3 again.
    for (resume, done, step, expected) in
        [(false, 0, 1, "1"), (true, 1, 2, "12"), (true, 2, 3, "123"), (true, 2, 3, "123"), (false, 0, 1, "1")]
    {
        let mut screen = Screen::open(Some(&path), resume).unwrap();
        screen.show(&started(done, 4)).unwrap();
        screen.show(&stepped(step, 1.0)).unwrap();
        drop(screen);
        let text = fs::read_to_string(&path).unwrap();
        let steps: String = text.lines().map(|line| &line[8..9]).collect();
        assert_eq!(steps, expected);
    }
    fs::remove_file(path).unwrap();
}
