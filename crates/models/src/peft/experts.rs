//! How many parts a method has of which each has its say.

use serde_json::Value;
use smolder_formats::adapter::AdapterConfig;
use smolder_formats::{Error, Kind, Result};

/// More are refused.
pub(super) const MOST: u64 = 64;

/// The number in a config under a method's own key.
///
/// # Errors
/// [`Kind::Value`] where it is no number from 1 to [`MOST`].
pub(super) fn stated(config: &AdapterConfig, key: &str) -> Result<u64> {
    let stated = config.raw.get(key).unwrap_or(&Value::Null);
    let found = stated.as_u64().filter(|count| (1..=MOST).contains(count));
    found.ok_or_else(|| {
        Error::new(Kind::Value, format!("`{key}`"), format!("a whole number from 1 to {MOST}"), stated)
    })
}
