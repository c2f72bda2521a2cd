//! What the page hands to the browser's downloads.

use crate::browser::Browser;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Clicks the button and writes the file that it gives into `folder`.
pub async fn saved(browser: &Browser, button: &str, folder: &Path) -> PathBuf {
    let watch = "const done = arguments[arguments.length - 1]; const create = URL.createObjectURL;
        URL.createObjectURL = (blob) => { window.given = blob; return create(blob); };
        HTMLElement.prototype.click = function () {
            const reader = new FileReader();
            reader.onload = () => done([this.download, reader.result.split(',')[1]]);
            reader.readAsDataURL(given);
        };
        document.querySelector(arguments[0]).dispatchEvent(new MouseEvent('click', { bubbles: true }));";
    let given = browser.client.execute_async(watch, vec![Value::from(button)]).await;
    let given = given.unwrap_or_else(|error| panic!("{button} gives no file: {error}"));
    let (name, base64): (String, String) = serde_json::from_value(given).expect("a name and bytes");
    let path = folder.join(name);
    std::fs::write(&path, decoded(&base64)).expect("the file is written");
    path
}

/// Base64 of RFC 4648.
fn decoded(base64: &str) -> Vec<u8> {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = base64.bytes().filter_map(|sign| SIGNS.iter().position(|known| *known == sign));
    let digits: Vec<u32> = digits.map(|digit| digit as u32).collect();
    let group = |group: &[u32]| {
        let bits = (0..4).fold(0, |bits, at| bits << 6 | group.get(at).copied().unwrap_or_default());
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

/// Puts the files of an archive, which are stored as they are, into a folder beside it.
pub fn unpacked(archive: &Path) -> PathBuf {
    let folder = archive.with_extension("");
    std::fs::create_dir_all(&folder).expect("a folder");
    let bytes = std::fs::read(archive).expect("an archive");
    let mut rest = &bytes[..];
    while let Some(entry) = rest.strip_prefix(b"PK\x03\x04") {
        let short = |at: usize| usize::from(u16::from_le_bytes([entry[at], entry[at + 1]]));
        assert_eq!(short(4), 0, "a file that is stored as it is");
        let size = short(14) | short(16) << 16;
        let (name, after) = entry[26..].split_at(short(22));
        let name = Path::new(std::str::from_utf8(name).expect("UTF-8")).file_name().expect("a file's name");
        let (content, after) = after[short(24)..].split_at(size);
        std::fs::write(folder.join(name), content).expect("the file is written");
        rest = after;
    }
    folder
}
