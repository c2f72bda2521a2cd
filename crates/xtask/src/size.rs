//! How large the page's wasm is: `cargo xtask size`.

use crate::console::say;
use crate::page::{self, Quality};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::Result;
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;

/// What all wasm together may come to, compressed with brotli, in bytes.
const TARGET: usize = 2_000_000;

/// Sizes in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sizes {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

/// Prints the sizes of the release page's wasm, building it if need be.
pub fn report(workspace: &Workspace) -> Result<()> {
    let folder = page::build(workspace, &tools::setup(workspace)?, Quality::Release)?;
    say(format!("\n{:<32}{:>12}{:>12}{:>12}", "", "raw", "gzip", "brotli"));
    let mut total = Sizes::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            let sizes = measure(&fs::read(&path)?)?;
            say(row(&path.file_name().unwrap_or_default().to_string_lossy(), sizes));
            total = total.plus(sizes);
        }
    }
    say(row("total", total));
    let verdict = if total.brotli <= TARGET { "within" } else { "OVER" };
    say(format!("{verdict} the target of {} kB with brotli", TARGET / 1000));
    Ok(())
}

impl Sizes {
    fn plus(self, other: Self) -> Self {
        Self { raw: self.raw + other.raw, gzip: self.gzip + other.gzip, brotli: self.brotli + other.brotli }
    }
}

/// Compresses as servers of static files do beforehand: as well as it goes.
fn measure(bytes: &[u8]) -> Result<Sizes> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut brotli, &BrotliEncoderParams::default())?;
    Ok(Sizes { raw: bytes.len(), gzip: gzip.finish()?.len(), brotli: brotli.len() })
}

fn row(name: &str, sizes: Sizes) -> String {
    let kilobytes = |bytes: usize| format!("{:.1} kB", bytes as f64 / 1000.0);
    format!(
        "{name:<32}{:>12}{:>12}{:>12}",
        kilobytes(sizes.raw),
        kilobytes(sizes.gzip),
        kilobytes(sizes.brotli)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_compresses_and_sizes_add_up() {
        let sizes = measure(&[7; 10_000]).unwrap();
        assert!(sizes.raw == 10_000 && sizes.gzip < 100 && sizes.brotli < 50, "{sizes:?}");
        assert_eq!(sizes.plus(sizes).raw, 20_000);
    }
}
