//! Version numbers as programs print them.

use std::fmt;

/// A version: 0.21.14, 132 …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// The first version in a text such as `trunk 0.21.14` or `wasm-opt version 132 (version_132)`.
    pub fn find(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let numbers: Result<Vec<u32>, _> = word.split('.').map(str::parse).collect();
            numbers.ok().map(Self)
        })
    }

    /// Whether something that works with `wanted` works with this: the same to the left of the last number,
    /// and not older.
    pub fn serves(&self, wanted: &Self) -> bool {
        let line = wanted.0.len().saturating_sub(1);
        self.0.get(..line) == wanted.0.get(..line) && self >= wanted
    }
}

impl<const N: usize> From<[u32; N]> for Version {
    fn from(numbers: [u32; N]) -> Self {
        Self(numbers.to_vec())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&numbers.join("."))
    }
}

/// The version of `package` in the text of a Cargo.lock.
pub fn locked(lockfile: &str, package: &str) -> Option<Version> {
    let name = format!("name = \"{package}\"");
    let mut lines = lockfile.lines().skip_while(|line| *line != name);
    Version::find(lines.nth(1)?.strip_prefix("version = ")?.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::find(text).unwrap()
    }

    #[test]
    fn versions_are_found_in_what_tools_print() {
        assert_eq!(version("trunk 0.21.14").to_string(), "0.21.14");
        assert_eq!(version("wasm-opt version 132 (version_132)").to_string(), "132");
        assert_eq!(Version::find("no numbers"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version("120") > version("108"));
        assert!(version("0.2.130") > version("0.2.99"));
    }

    #[test]
    fn a_newer_patch_serves_and_a_newer_line_does_not() {
        let wanted = version("0.21.14");
        assert!(version("0.21.14").serves(&wanted));
        assert!(version("0.21.15").serves(&wanted));
        assert!(!version("0.21.13").serves(&wanted));
        assert!(!version("0.22.0").serves(&wanted));
    }

    #[test]
    fn the_lockfile_is_read_by_exact_name() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.80\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked(lock, "wasm-bindgen"), Some(version("0.2.130")));
        assert_eq!(locked(lock, "trunk"), None);
    }
}
