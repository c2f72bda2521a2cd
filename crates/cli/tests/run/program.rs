//! The program, the models that it is given, and a folder for what it writes.

use serde_json::Value;
use smolder_formats::safetensors::Safetensors;
use smolder_formats::{Source, TensorSource};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// A file or folder of `tests/fixtures/models`, as an argument.
pub fn model(path: &str) -> String {
    fixtures().join("models").join(path).to_str().unwrap().to_owned()
}

/// The entry of `manifest.json` with this name.
pub fn case(name: &str) -> Value {
    let manifest = json(&fixtures().join("models/manifest.json"));
    manifest["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap().clone()
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Ids as the command line takes them.
pub fn listed(ids: &Value) -> String {
    ids.as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>().join(",")
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The program, without the machine's models.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smolder"));
    command.env("SMOLDER_CACHE", std::env::temp_dir().join("smolder-none")).env_remove("RUST_BACKTRACE");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn run(arguments: &[&str]) -> Ended {
    let output = command(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// What a command that must work prints.
pub fn prints(arguments: &[&str]) -> String {
    let ended = run(arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out
}

/// Runs a command that must fail with a sentence that has all of `words`, and nothing of a panic.
pub fn fails(arguments: &[&str], words: &[&str]) -> Ended {
    let ended = run(arguments);
    assert!(ended.code == Some(1) && ended.out.is_empty(), "{ended:?}");
    assert!(ended.err.contains("smolder: ") && !ended.err.contains("panicked"), "{}", ended.err);
    for word in words {
        assert!(ended.err.contains(word), "{word:?} is not in {}", ended.err);
    }
    ended
}

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("smolder-run-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The same as an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The names of what is in it.
    pub fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Shape and numbers of the tensor `logits`.
pub fn logits(path: &Path) -> (Vec<u64>, Vec<f32>) {
    let source = Source::new(path.display().to_string(), File::open(path).unwrap()).unwrap();
    let mut file = Safetensors::open(source).unwrap();
    let info = file.require("logits").unwrap().clone();
    let values = file.read_f32(&info).unwrap();
    (info.shape, values)
}

/// Fails unless both files hold the same logits, but for rounding.
pub fn assert_logits(found: &Path, expected: &Path, tolerance: f32) {
    let ((shape, found), (expected_shape, expected)) = (logits(found), logits(expected));
    assert_eq!(shape, expected_shape);
    let errors = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
    let worst = errors.fold(0.0, f32::max);
    assert!(worst <= tolerance, "off by {worst:e}");
}
