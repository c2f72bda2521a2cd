//! Numbers as people read them.

/// Sizes in binary units: "128 MiB", "1.5 GiB".
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let tenths = (value * 10.0).round() / 10.0;
    let digits = usize::from(tenths < 100.0 && tenths.fract() != 0.0);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Counts with a comma between thousands: "65,535".
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A large count in few signs: "135M", "1.2B".
pub(crate) fn short(count: u64) -> String {
    let (value, unit) = match count {
        1_000_000_000.. => (count as f64 / 1e9, "B"),
        1_000_000.. => (count as f64 / 1e6, "M"),
        _ => return self::count(count),
    };
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$}{unit}")
}

/// A duration from a fraction of a second to minutes: "0.4 s", "12 s", "2 min 5 s".
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds < 59.5 {
        format!("{seconds:.0} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {} s", whole / 60, whole % 60)
    }
}

/// A duration that may be short: "0.3 ms", "42 ms", else as [`seconds`].
pub(crate) fn millis(millis: f64) -> String {
    match millis {
        m if m < 9.95 => format!("{m:.1} ms"),
        m if m < 999.5 => format!("{m:.0} ms"),
        m => seconds(m / 1000.0),
    }
}

/// A rounding error, as engineers write them: "1.2e-7", "0" for none.
pub(crate) fn error(value: f32) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_at_most_one_digit_after_the_point() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(16 * 1024), "16 KiB");
        assert_eq!(bytes(128 << 20), "128 MiB");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
        assert_eq!(bytes((1 << 30) - 1), "1 GiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
    }

    #[test]
    fn counts_have_commas_between_thousands() {
        assert_eq!(count(8), "8");
        assert_eq!(count(256), "256");
        assert_eq!(count(65_535), "65,535");
        assert_eq!(count(1_000_000), "1,000,000");
    }

    #[test]
    fn large_counts_are_short() {
        assert_eq!(short(134_515_008), "135M");
        assert_eq!(short(1_235_814_400), "1.2B");
        assert_eq!(short(2_400_000), "2.4M");
        assert_eq!(short(9_999), "9,999");
    }

    #[test]
    fn durations_choose_their_unit() {
        assert_eq!(seconds(0.44), "0.4 s");
        assert_eq!(seconds(9.96), "10 s");
        assert_eq!(seconds(59.7), "1 min 0 s");
        assert_eq!(seconds(125.0), "2 min 5 s");
        assert_eq!(millis(0.26), "0.3 ms");
        assert_eq!(millis(42.4), "42 ms");
        assert_eq!(millis(1500.0), "1.5 s");
    }

    #[test]
    fn errors_are_written_with_their_exponent() {
        assert_eq!(error(0.0), "0");
        assert_eq!(error(1.19e-7), "1.2e-7");
        assert_eq!(error(f32::NAN), "NaN");
    }
}
