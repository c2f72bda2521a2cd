//! What a file is by its first bytes, for messages about files of the wrong kind.

/// What a file of weights is called.
pub(crate) const SAFETENSORS: &str = "a safetensors file";

/// What lies in a file's place where a download went wrong: a page that says so, or what Git keeps instead of the file.
pub(crate) fn stand_in(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    let tag = |name: &[u8]| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    // The line goes on with git-lfs.github.com, further than readers of a magic look.
    if bytes.starts_with(b"version https://") {
        return Some("a Git LFS pointer: `git lfs pull` fetches the file that it stands for");
    }
    (tag(b"<!doc") || tag(b"<html")).then_some("an HTML page")
}

/// Names the kind of file that starts with `bytes`.
pub fn describe(bytes: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 18] = [
        (b"GGUF", "a GGUF file"),
        (b"FUGG", "a big-endian GGUF file"),
        (b"PK\x03\x04", "a ZIP archive (or a PyTorch pickle in one)"),
        (b"\x80\x02", "a Python pickle"),
        (b"\x80\x03", "a Python pickle"),
        (b"\x80\x04", "a Python pickle"),
        (b"\x80\x05", "a Python pickle"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"7z\xbc\xaf", "a 7z archive"),
        (b"BZh", "a bzip2 archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"\xfd7zX", "an xz archive"),
        (b"PAR1", "a Parquet file"),
        (b"%PDF", "a PDF document"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"{", "JSON text"),
        (b"[", "JSON text"),
    ];
    if bytes.get(5..9) == Some(b"\0\0\0{") {
        return SAFETENSORS.into();
    }
    if let Some(found) = stand_in(bytes) {
        return found.into();
    }
    let known = KNOWN.iter().find(|(start, _)| bytes.starts_with(start));
    known.map_or_else(
        || format!("bytes {:02x?}", bytes.get(..bytes.len().min(8)).unwrap_or_default()),
        |k| k.1.into(),
    )
}
