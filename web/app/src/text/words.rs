//! A screen's words: each line holds a phrase in every language, so none can be forgotten.

/// Declares a screen's words: `name: "English", "中文";`.
macro_rules! words {
    ($(#[$doc:meta])* $Words:ident { $($name:ident: $english:literal, $chinese:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $Words { $(pub(crate) $name: &'static str,)* }

        impl $Words {
            pub(super) const ENGLISH: Self = Self { $($name: $english,)* };
            pub(super) const CHINESE: Self = Self { $($name: $chinese,)* };
            /// The words for what has this name elsewhere.
            #[allow(dead_code, reason = "only what the trainer names is looked up")]
            pub(super) fn find(&self, name: &str) -> Option<&'static str> {
                match name {
                    $(stringify!($name) => Some(self.$name),)*
                    _ => None,
                }
            }

            #[cfg(test)]
            pub(super) const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $chinese),)*];
        }
    };
}

pub(super) use words;
