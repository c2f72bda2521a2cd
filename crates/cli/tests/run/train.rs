//! `smolder train` and `smolder eval`.

use crate::program::{Ended, Folder, command, fails, fixtures, json, model, prints, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const WEIGHTS: &str = "adapter_model.safetensors";

/// A folder for a run's output and its log.
struct Place {
    folder: Folder,
    out: String,
    log: String,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let (out, log) = (folder.text("out"), folder.text("log.jsonl"));
        Self { folder, out, log }
    }

    /// Arguments of a run of 40 steps here, unless there are other ones.
    fn arguments<'a>(&'a self, rows: &'a str, model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let usual = [
            ["--device", "cpu"],
            ["--model", model],
            ["--data", rows],
            ["--out", &self.out],
            ["--log-json", &self.log],
            ["--steps", "40"],
            ["--batch-size", "2"],
            ["--seq-len", "48"],
            ["--checkpoint-every", "3"],
            ["--rank", "2"],
            ["--targets", "q_proj,v_proj"],
            ["--dropout", "0.1"],
            ["--lr", "0.01"],
        ];
        let usual = usual.into_iter().filter(|[flag, _]| !more.contains(flag)).flatten();
        ["train", "--raw"].into_iter().chain(usual).chain(more.iter().copied()).collect()
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        // A killed process may leave half a line.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Each step's loss as it is written; a step that was done again must have the same one.
    fn losses(&self) -> BTreeMap<u64, String> {
        let mut losses = BTreeMap::new();
        for line in self.lines() {
            let loss = line["loss"].to_string();
            let before = losses.insert(line["step"].as_u64().unwrap(), loss.clone());
            assert!(before.is_none_or(|before| before == loss), "{line}");
        }
        losses
    }

    fn weights(&self) -> Vec<u8> {
        fs::read(self.folder.path("out").join(WEIGHTS)).unwrap()
    }
}

fn rows() -> String {
    fixtures().join("training/tiny/rows.jsonl").to_str().unwrap().to_owned()
}

fn base() -> String {
    model("llama-llama3/q4_0.gguf")
}

fn trained(place: &Place, more: &[&str]) -> Ended {
    let (rows, model) = (rows(), base());
    let ended = run(&place.arguments(&rows, &model, more));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

#[test]
fn a_run_is_told_in_lines_and_its_adapter_helps() {
    let place = Place::new("train");
    let ended = trained(&place, &["--eval-split", "0.2", "--sample", "Name two", "--sample-tokens", "3"]);
    assert_eq!(ended.out, "", "standard output is for results");
    for words in [
        "40 steps: 8 rows",
        "on the CPU: about",
        "step 1 of 40",
        "evaluation after step 40",
        "done: 40 steps",
    ] {
        assert!(ended.err.contains(words), "{words} is not in {}", ended.err);
    }
    assert!(!ended.err.contains('\u{1b}'), "a pipe is no terminal");
    let lines = place.lines();
    assert_eq!(lines.len(), 40);
    let keys: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["step", "loss", "lr", "grad_norm", "tokens", "tokens_per_s"]);
    let (rows, model) = (rows(), base());
    let eval = |more: &[&str]| -> f64 {
        let arguments = [
            "eval",
            "--device",
            "cpu",
            "--raw",
            "--seq-len",
            "48",
            "--json",
            "--model",
            &model,
            "--data",
            &rows,
        ];
        let found: Value = serde_json::from_str(&prints(&[&arguments, more].concat())).unwrap();
        assert!((found["perplexity"].as_f64().unwrap().ln() - found["loss"].as_f64().unwrap()).abs() < 1e-5);
        found["loss"].as_f64().unwrap()
    };
    let (before, after) = (eval(&[]), eval(&["--adapter", &place.out]));
    assert!(after < 0.9 * before, "{before} {after}");
    let names: Vec<String> = fs::read_dir(&place.out)
        .unwrap()
        .map(|one| one.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().all(|name| !name.contains(".part")), "{names:?}");
    assert_eq!(json(&place.folder.path("out/adapter_config.json"))["r"], 2);
}

#[test]
fn an_estimate_says_what_a_run_would_take_and_begins_none() {
    let (place, rows, model) = (Place::new("estimate"), rows(), base());
    let usual = place.arguments(&rows, &model, &["--estimate"]);
    let without_log = usual.into_iter().filter(|one| *one != "--log-json" && *one != place.log);
    let told = prints(&without_log.collect::<Vec<_>>());
    for words in ["40 steps", "parameters are trained", "on the CPU: about", "of memory, about"] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    assert!(!std::path::Path::new(&place.out).exists(), "nothing is written");
}

#[test]
fn a_file_of_settings_is_equal_to_flags() {
    let (flags, file) = (Place::new("flags"), Place::new("file"));
    trained(&flags, &["--steps", "4", "--no-shuffle", "--schedule", "cosine"]);
    let (rows, model, out) = (rows(), base(), &file.out);
    let text = format!(
        "model = {model:?}\ndata = {rows:?}\nout = {out:?}\nraw = true\ndevice = \"cpu\"\nsteps = 4\nbatch_size = 2\n\
        seq_len = 48\ncheckpoint_every = 3\nlr = 0.01\nshuffle = false\nschedule = \"cosine\"\n\
        [options]\nrank = 2\ntargets = \"q_proj,v_proj\"\ndropout = 0.1\n"
    );
    fs::write(file.folder.path("run.toml"), text).unwrap();
    let ended = run(&["train", "--config", &file.folder.text("run.toml"), "--log-json", &file.log]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(flags.losses(), file.losses());
    assert!(flags.losses().len() == 4 && flags.weights() == file.weights());
}

fn start(place: &Place, resume: bool) -> Child {
    let (rows, model) = (rows(), base());
    let more: &[&str] = if resume { &["--resume"] } else { &[] };
    command(&place.arguments(&rows, &model, more))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the log has so many lines, or the process has ended; whether it has.
fn reaches(place: &Place, child: &mut Child, lines: usize) -> bool {
    let begin = Instant::now();
    while place.lines().len() < lines {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return true;
        }
        assert!(begin.elapsed() < Duration::from_mins(10), "no progress");
        sleep(Duration::from_millis(2));
    }
    false
}

#[test]
fn killed_at_random_points_and_resumed_it_ends_as_if_nothing_had_happened() {
    let (whole, killed) = (Place::new("whole"), Place::new("killed"));
    trained(&whole, &[]);
    let (mut state, mut kills) = (2_463_534_242_u32, 0);
    // Numerical Recipes' generator; its upper bits are the better ones.
    let mut below = |most: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % most
    };
    loop {
        let mut child = start(&killed, kills > 0);
        let lines = killed.lines().len() + below(6) as usize;
        let ended = reaches(&killed, &mut child, lines);
        sleep(Duration::from_millis(below(8).into()));
        // Does nothing to a process that has ended.
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if ended || status.success() {
            break;
        }
        kills += 1;
        assert!(kills < 60, "it never ends");
    }
    assert!(kills >= 3, "{kills} kills");
    assert_eq!(whole.losses(), killed.losses());
    assert!(whole.losses().len() == 40 && whole.weights() == killed.weights());
}

#[test]
fn ctrl_c_writes_a_checkpoint_and_ends() {
    let (whole, place) = (Place::new("uninterrupted"), Place::new("interrupted"));
    trained(&whole, &[]);
    let mut child = start(&place, false);
    assert!(!reaches(&place, &mut child, 5));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let done = place.lines().len();
    assert!((5..40).contains(&done), "{done} steps");
    let resumed = trained(&place, &["--resume"]);
    assert!(resumed.err.contains(&format!("from step {done} on")), "{}", resumed.err);
    assert_eq!(place.lines().len(), 40, "no step is done twice");
    assert!(whole.losses() == place.losses() && whole.weights() == place.weights());
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let (whole, place) = (Place::new("heard"), Place::new("unheard"));
    trained(&whole, &[]);
    let (rows, model) = (rows(), base());
    let mut child = command(&place.arguments(&rows, &model, &[])).spawn().unwrap();
    drop((child.stderr.take(), child.stdout.take()));
    assert!(child.wait().unwrap().success());
    assert!(whole.losses() == place.losses() && whole.weights() == place.weights());
}

#[test]
fn damaged_checkpoints_are_not_trained_over() {
    let place = Place::new("damaged");
    trained(&place, &["--steps", "1", "--keep", "1"]);
    let out = place.folder.path("out");
    let names = || fs::read_dir(&out).unwrap().map(|one| one.unwrap().path());
    let checkpoint = names().find(|path| path.to_string_lossy().contains("checkpoint-")).unwrap();
    let whole = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, &whole[..whole.len() - 1]).unwrap();
    let (rows, model) = (rows(), base());
    let arguments = place.arguments(&rows, &model, &["--steps", "2", "--resume"]);
    fails(&arguments, &["is damaged", "expected a whole checkpoint"]);
    assert_eq!(fs::read(&checkpoint).unwrap(), whole[..whole.len() - 1], "it may still be mended");
}

#[test]
fn what_cannot_train_is_named() {
    let place = Place::new("refused");
    let (rows, model) = (rows(), base());
    let refused = |more: &[&str], words: &[&str]| drop(fails(&place.arguments(&rows, &model, more), words));
    refused(&["--seed", "9007199254740993"], &["seed: expected at most"]);
    refused(&["--method", "magic"], &["one of lora, ", ", prompt-tuning", "magic"]);
    refused(&["--targets", "none"], &["`targets`", "none"]);
    refused(&["--resume", "--out", "/proc/none"], &["/proc/none"]);
    trained(&place, &["--steps", "1"]);
    refused(&["--steps", "1"], &["expected no checkpoints", "resume"]);
    let written = place.folder.text("mine");
    fs::create_dir(&written).unwrap();
    fs::write(place.folder.path("mine/README.md"), "my own").unwrap();
    refused(&["--out", &written], &["expected no README.md", "name another folder"]);
    assert_eq!(fs::read(place.folder.path("mine/README.md")).unwrap(), b"my own");
    refused(&["--rank", "0", "--out", &place.folder.text("nothing")], &["rank"]);
    assert!(!place.folder.path("nothing").exists(), "what is refused leaves nothing");
    refused(&["--resume", "--rank", "4"], &["the checkpoint is of another run", "options"]);
    let absent = place.folder.text("none.jsonl");
    fails(&place.arguments(&absent, &model, &["--resume"]), &["none.jsonl"]);
    fails(&["eval", "--model", &model, "--data", &absent], &["none.jsonl"]);
}
