//! The byte alphabet of byte-level BPE: printable bytes stand for themselves, the rest for U+0100 onwards.

use super::spec::{Spec, Style};
use crate::error::{Error, Kind, Result};

/// Whether a byte is spelled as the character with its number.
const fn stands_for_itself(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

/// The character that spells each byte.
const ALPHABET: [char; 256] = {
    let mut alphabet = ['\0'; 256];
    let mut byte = 0;
    let mut extra = 0x100;
    while byte < 256 {
        let code = if stands_for_itself(byte as u8) { byte as u32 } else { extra };
        if !stands_for_itself(byte as u8) {
            extra += 1;
        }
        if let Some(c) = char::from_u32(code) {
            alphabet[byte] = c;
        }
        byte += 1;
    }
    alphabet
};

/// The character that spells a byte.
pub(super) fn spell(byte: u8) -> char {
    ALPHABET[usize::from(byte)]
}

/// The byte that a character spells.
pub(super) fn byte(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ 0..=0xff => Some(code as u8).filter(|byte| stands_for_itself(*byte)),
        0x100..=0x143 => ALPHABET.iter().position(|spelled| *spelled == c).map(|byte| byte as u8),
        _ => None,
    }
}

/// The token id of each byte: of its spelling, or of `<0xNN>`.
#[derive(Debug)]
pub(super) struct ByteIds([Option<u32>; 256]);

impl ByteIds {
    /// # Errors
    /// [`Kind::Missing`] where a printable ASCII character has no token: then this is no byte-level vocabulary.
    /// Other bytes may lack one, and are dropped as the reference does; SmolLM2 has none for most control characters.
    pub(super) fn new(spec: &Spec) -> Result<Self> {
        let mut ids = [None; 256];
        let byte_level = matches!(spec.style, Style::ByteLevel { .. });
        let mut buffer = [0; 4];
        for (byte, id) in (0..=u8::MAX).zip(ids.iter_mut()) {
            *id = if byte_level {
                spec.vocabulary.id(spell(byte).encode_utf8(&mut buffer))
            } else {
                spec.vocabulary.id(&format!("<0x{byte:02X}>"))
            };
        }
        let absent = (0..=u8::MAX).zip(&ids).find(|(byte, id)| matches!(byte, b' '..=b'~') && id.is_none());
        match absent {
            Some((byte, _)) if byte_level => {
                let field = format!("character `{}`", char::from(byte));
                Err(Error::new(Kind::Missing, field, "a token for every printable ASCII character", "none"))
            }
            _ => Ok(Self(ids)),
        }
    }

    pub(super) fn id(&self, byte: u8) -> Option<u32> {
        self.0[usize::from(byte)]
    }
}
