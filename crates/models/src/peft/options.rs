//! A method's settings: declared once for the terminal's help, the page's form and the reader.

use serde_json::{Map, Value};
use smolder_formats::{Error, Kind, Result};

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// Its name: `rank`.
    pub name: &'static str,
    /// Its default, as JSON.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// Settings of one method: those that were given, and defaults for the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    values: Map<String, Value>,
}

impl Options {
    /// Checks that each given setting is one of the method's.
    ///
    /// # Errors
    /// [`Kind::Value`] naming the setting and those there are.
    pub fn new(specs: &[OptionSpec], given: &Map<String, Value>) -> Result<Self> {
        if let Some(unknown) = given.keys().find(|key| specs.iter().all(|spec| spec.name != **key)) {
            let known = specs.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ");
            return Err(Error::new(Kind::Value, "method's options", format!("one of {known}"), unknown));
        }
        let value = |spec: &OptionSpec| {
            let default = || serde_json::from_str(spec.default).unwrap_or(Value::Null);
            (spec.name.to_owned(), given.get(spec.name).cloned().unwrap_or_else(default))
        };
        Ok(Self { values: specs.iter().map(value).collect() })
    }

    /// A whole number within a range.
    ///
    /// # Errors
    /// [`Kind::Value`] outside of it.
    pub fn integer(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(name, &expected, |value| value.as_u64().filter(|number| range.contains(number)))
    }

    /// A number within a range.
    ///
    /// # Errors
    /// [`Kind::Value`] outside of it.
    pub fn number(&self, name: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.read(name, &expected, |value| value.as_f64().filter(|number| range.contains(number)))
    }

    /// A switch.
    ///
    /// # Errors
    /// [`Kind::Value`] for anything but true and false.
    pub fn flag(&self, name: &str) -> Result<bool> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// A text.
    ///
    /// # Errors
    /// [`Kind::Value`] for anything else.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.read(name, "a text", |value| value.as_str())
    }

    /// Whether the method has such a setting.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn read<'a, T>(&'a self, name: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<T> {
        let value = self.values.get(name).unwrap_or(&Value::Null);
        read(value).ok_or_else(|| Error::new(Kind::Value, format!("`{name}`"), expected, value))
    }
}
