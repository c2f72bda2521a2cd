//! Files in one file: a ZIP archive without compression (APPNOTE 6.3, method "store"), for what hardly compresses.

/// The archive of `files`, each a name and its bytes. Files of 4 GiB or more do not fit the format.
pub(crate) fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let offset = out.len() as u32;
        let described = description(name, bytes);
        out.extend([b"PK\x03\x04".as_slice(), &described, name.as_bytes(), bytes].concat());
        // No comment, the first disk, no attributes; then where the file begins.
        directory.extend([b"PK\x01\x02".as_slice(), &VERSION, &described, &[0; 10]].concat());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size) = (out.len() as u32, directory.len() as u32);
    let count = (files.len() as u16).to_le_bytes();
    out.extend(directory);
    out.extend([b"PK\x05\x06".as_slice(), &[0; 4], &count, &count].concat());
    out.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
    out.extend([0; 2]);
    out
}

/// 2.0, the oldest that has folders.
const VERSION: [u8; 2] = [20, 0];
/// Names are UTF-8.
const FLAGS: [u8; 2] = [0, 8];
/// Stored, at midnight of the first of January 1980, the format's own zero: the same files give the same bytes.
const METHOD_AND_TIME: [u8; 6] = [0, 0, 0, 0, 0x21, 0];

/// What stands before a file and in the directory alike.
fn description(name: &str, bytes: &[u8]) -> Vec<u8> {
    let size = (bytes.len() as u32).to_le_bytes();
    let names = [(name.len() as u16).to_le_bytes(), [0; 2]].concat();
    [VERSION.as_slice(), &FLAGS, &METHOD_AND_TIME, &crc32(bytes).to_le_bytes(), &size, &size, &names].concat()
}

/// CRC-32 as ZIP and PNG have it: polynomial 0xEDB88320, reflected.
fn crc32(bytes: &[u8]) -> u32 {
    let table: [u32; 256] = std::array::from_fn(|index| {
        (0..8).fold(index as u32, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 0xFF) as usize];
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    fn u32_at(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    #[test]
    fn the_directory_leads_to_every_file() {
        let files = [("a.json".to_owned(), b"{}".to_vec()), ("模型.bin".to_owned(), vec![7; 300])];
        let zip = archive(&files);
        let end = zip.len() - 22;
        assert_eq!(&zip[end..end + 4], b"PK\x05\x06");
        assert_eq!(zip[end + 10], 2);
        let mut entry = u32_at(&zip, end + 16);
        assert_eq!(entry + u32_at(&zip, end + 12), end);
        for (name, bytes) in &files {
            assert_eq!(&zip[entry..entry + 4], b"PK\x01\x02");
            assert_eq!(u32_at(&zip, entry + 16), crc32(bytes) as usize);
            assert_eq!(u32_at(&zip, entry + 24), bytes.len());
            let local = u32_at(&zip, entry + 42);
            assert_eq!(&zip[local..local + 4], b"PK\x03\x04");
            let data = local + 30 + name.len();
            assert_eq!(&zip[local + 30..data], name.as_bytes());
            assert_eq!(&zip[data..data + bytes.len()], bytes);
            entry += 46 + name.len();
        }
        assert_eq!(entry, end);
    }
}
