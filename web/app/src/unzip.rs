//! Files out of a ZIP archive (APPNOTE 6.3) that is read in parts: its directory, then what is wanted of it.

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path.
    pub(crate) name: String,
    /// Whether it is compressed (method "deflate"); else it is stored as it is.
    pub(crate) deflated: bool,
    /// Bytes in the archive.
    pub(crate) packed_bytes: u64,
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Where its header begins.
    pub(crate) at: u64,
}

/// Bytes of an archive's end in which its directory must lie.
pub(crate) const END_BYTES: u64 = 1 << 20;
/// Bytes of a file's header without its names.
pub(crate) const HEADER_BYTES: u64 = 30;
const METHODS: [u16; 2] = [0, 8];

/// The files in an archive of which `end` is the last part, from `end_at` on; encrypted ones and those packed in
/// another way are left out. `None` for what is no such archive, or one of 4 GiB and more.
pub(crate) fn entries(end: &[u8], end_at: u64) -> Option<Vec<Entry>> {
    let closing = (0..end.len().checked_sub(21)?).rev().find(|at| end[*at..].starts_with(b"PK\x05\x06"))?;
    let count = short(end, closing + 10)?;
    let mut at = usize::try_from(long(end, closing + 16)?.checked_sub(end_at)?).ok()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if !end.get(at..)?.starts_with(b"PK\x01\x02") {
            return None;
        }
        let lengths = [28, 30, 32].map(|field| short(end, at + field).map(usize::from));
        let [name_len, extra, comment] = [lengths[0]?, lengths[1]?, lengths[2]?];
        let (flags, method) = (short(end, at + 8)?, short(end, at + 10)?);
        if METHODS.contains(&method) && flags & 1 == 0 {
            entries.push(Entry {
                name: String::from_utf8_lossy(end.get(at + 46..at + 46 + name_len)?).into_owned(),
                deflated: method == 8,
                packed_bytes: long(end, at + 20)?,
                bytes: long(end, at + 24)?,
                at: long(end, at + 42)?,
            });
        }
        at += 46 + name_len + extra + comment;
    }
    Some(entries)
}

/// Where a file's bytes begin, behind its header.
pub(crate) fn content_at(entry: &Entry, header: &[u8]) -> Option<u64> {
    let (name, extra) = (short(header, 26)?, short(header, 28)?);
    let known = header.starts_with(b"PK\x03\x04");
    known.then_some(entry.at + HEADER_BYTES + u64::from(name) + u64::from(extra))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zip::archive;

    #[test]
    fn what_was_archived_is_found_from_the_end_alone() {
        let files = [("r/a.json".to_owned(), b"{}".to_vec()), ("r/b.bin".to_owned(), vec![7; 300])];
        let zip = archive(&files);
        let cut = 200;
        let found = entries(&zip[cut..], cut as u64).unwrap();
        assert_eq!(found.len(), 2);
        for (entry, (name, bytes)) in found.iter().zip(&files) {
            assert_eq!((&entry.name, entry.bytes, entry.deflated), (name, bytes.len() as u64, false));
            let at = content_at(entry, &zip[entry.at as usize..]).unwrap() as usize;
            assert_eq!(&zip[at..at + entry.packed_bytes as usize], bytes);
        }
    }

    #[test]
    fn what_is_no_archive_is_none_wherever_it_is_cut() {
        let zip = archive(&[("a".to_owned(), vec![1; 9])]);
        for end in 0..zip.len() {
            assert_eq!(entries(&zip[..end], 0), None, "{end}");
        }
        assert_eq!(entries(&zip[60..], 60), None, "the directory is before the part that is there");
        let entry = &entries(&zip, 0).unwrap()[0];
        assert_eq!(content_at(entry, b"no header at all, but long enough"), None);
    }
}
