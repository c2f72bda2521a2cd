//! Integers that 64 bits do not hold.

/// The digits of the first one in a valid JSON text.
pub(super) fn integer(json: &[u8]) -> Option<&str> {
    let mut rest = json;
    while let Some((first, behind)) = rest.split_first() {
        rest = match first {
            b'"' => behind_string(behind),
            b'-' | b'0'..=b'9' => {
                let end = rest.iter().position(|byte| !is_number(*byte)).unwrap_or(rest.len());
                let (number, behind) = rest.split_at(end);
                if let Some(digits) = std::str::from_utf8(number).ok().filter(|text| is_wide(text)) {
                    return Some(digits);
                }
                behind
            }
            _ => behind,
        };
    }
    None
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

fn is_wide(number: &str) -> bool {
    let integer = !number.contains(['.', 'e', 'E']);
    integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err()
}

/// What follows a string's closing quote.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    loop {
        match rest {
            [b'"', behind @ ..] => return behind,
            [b'\\', escaped @ ..] => rest = escaped.get(1..).unwrap_or_default(),
            [_, behind @ ..] => rest = behind,
            [] => return rest,
        }
    }
}
