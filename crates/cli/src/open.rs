//! Files by path, and how far reading them has come.

use anyhow::{Context, Result};
use smolder_formats::Source;
use smolder_formats::gguf::SplitGguf;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// A file as a source named by its path.
pub fn source(path: &Path) -> Result<Source<File>> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    Ok(Source::new(path.display().to_string(), file)?)
}

/// A GGUF model with all its parts, which lie in one folder.
pub fn model(path: &Path) -> Result<SplitGguf<File>> {
    let name = path.file_name().with_context(|| format!("{} is no file", path.display()))?.to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new(""));
    let open = |part: &str| {
        let path = folder.join(part);
        let file = File::open(&path)
            .map_err(|e| smolder_formats::Error::io("file", &e).in_file(&path.display().to_string()))?;
        Source::new(path.display().to_string(), file)
    };
    Ok(SplitGguf::open(&name, open)?)
}

/// Shows how much is done on a terminal once it has taken a second; nothing in a pipe.
pub fn progress(what: &'static str) -> impl FnMut(u64, u64) {
    let (start, terminal) = (Instant::now(), std::io::stderr().is_terminal());
    let mut shown = start;
    move |done, total| {
        let now = Instant::now();
        if terminal && now - start > Duration::from_secs(1) && now - shown > Duration::from_millis(200) {
            shown = now;
            let percent = (100 * done).checked_div(total).unwrap_or(100);
            eprint!("\r{what} {percent} %\x1b[K");
        }
        if terminal && done == total && shown != start {
            eprint!("\r\x1b[K");
            let _ = std::io::stderr().flush();
        }
    }
}
