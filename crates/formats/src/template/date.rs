//! Days, for templates that write today.

use minijinja::value::{Rest, Value};
use minijinja::{Error, ErrorKind};

/// A day of the Gregorian calendar: year, month and day.
pub type Date = (i32, u8, u8);

/// The day, in UTC, on which a moment lies that is so many seconds after the start of 1970.
pub fn date_of(seconds: u64) -> Date {
    // Days since 1 March of the year 0, in eras of 400 years, years that end with February, and months from March on.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    (i32::try_from(year).unwrap_or(i32::MAX), month as u8, day as u8)
}

/// `strftime_now`, for a day that the caller names.
pub(super) fn value(year: i32, month: u8, day: u8) -> Value {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    Value::from_function(move |format: &str, _: Rest<Value>| -> Result<String, Error> {
        let name = MONTHS.get(usize::from(month).saturating_sub(1)).copied().unwrap_or_default();
        let short = name.get(..3).unwrap_or_default();
        let text = format
            .replace("%d", &format!("{day:02}"))
            .replace("%m", &format!("{month:02}"))
            .replace("%Y", &format!("{year:04}"))
            .replace("%b", short)
            .replace("%B", name);
        if text.contains('%') { Err(unknown()) } else { Ok(text) }
    })
}

fn unknown() -> Error {
    Error::new(ErrorKind::InvalidOperation, "only %d %m %Y %b %B are known of a date")
}
