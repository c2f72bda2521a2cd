//! A cache of its own for a test, and the program run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What is downloaded in the tests.
pub const MODEL: &str = "o/r/m.gguf";

/// A cache folder.
pub struct Place {
    pub cache: PathBuf,
    hub: String,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub success: bool,
    pub out: String,
    pub err: String,
}

impl Place {
    /// An empty cache, and the hub at an address.
    pub fn new(name: &str, hub: &str) -> Self {
        let cache = std::env::temp_dir().join(format!("smolder-download-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&cache);
        fs::create_dir_all(&cache).unwrap();
        Self { cache, hub: hub.to_owned() }
    }

    /// The same cache with another hub.
    pub fn at(mut self, hub: &str) -> Self {
        hub.clone_into(&mut self.hub);
        self
    }

    /// Where the test's model lies, or with an ending what belongs to it.
    pub fn file(&self, ending: &str) -> PathBuf {
        self.cache.join(format!("models/o/r/main/m.gguf{ending}"))
    }

    /// Puts what an earlier, broken download left.
    pub fn leave(&self, part: &[u8], etag: &str) {
        fs::create_dir_all(self.file("").parent().unwrap()).unwrap();
        fs::write(self.file(".part"), part).unwrap();
        fs::write(self.file(".part.etag"), etag).unwrap();
    }

    /// The program with nothing of the machine's own settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smolder"));
        for proxy in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
            command.env_remove(proxy).env_remove(proxy.to_ascii_lowercase());
        }
        command.env_remove("HF_TOKEN").env("SMOLDER_CACHE", &self.cache).env("HF_ENDPOINT", &self.hub);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(&self.command(arguments).output().unwrap())
    }

    /// `smolder models get` of the test's model.
    pub fn get(&self) -> Ended {
        self.run(&["models", "get", MODEL])
    }

    /// Gets the model, which must work, and checks that exactly `expected` is there and nothing else.
    pub fn gets(&self, expected: &[u8]) -> Ended {
        let ended = self.get();
        assert!(ended.success, "{ended:?}");
        assert_eq!(ended.out.trim_end(), self.file("").display().to_string());
        assert!(fs::read(self.file("")).unwrap() == expected, "other bytes than were served");
        assert!(!self.file(".part").exists() && !self.file(".part.etag").exists(), "nothing is left over");
        ended
    }

    /// Gets the model, which must fail with a sentence that has all of `words`.
    pub fn fails(&self, words: &[&str]) -> Ended {
        let ended = self.get();
        assert!(!ended.success && ended.out.is_empty(), "{ended:?}");
        assert!(!self.file("").exists(), "there is a file where none may be");
        for word in words {
            assert!(ended.err.contains(word), "{word:?} is not in {}", ended.err);
        }
        ended
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.cache);
    }
}

/// The output as text.
pub fn ended(output: &Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ended { success: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Bytes that a GGUF file could start with.
pub fn model(len: usize) -> Vec<u8> {
    let noise = (0..len).map(|index| ((index * 7919) >> 3) as u8);
    b"GGUF".iter().copied().chain(noise).take(len).collect()
}

/// The length of a file, or zero.
pub fn len(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}
