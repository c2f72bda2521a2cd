//! Every way a file can be wrong, each a test of its own that says which refusal it gets.

mod dataset;
mod gguf_header;
mod gguf_tensors;
mod model;
mod safetensors;
mod template;
mod tokenizer;

use smolder_formats::{Error, Kind, Result};

/// Asserts the class of a refusal and the words in its sentence.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T>, kind: Kind, words: &[&str]) -> Error {
    let error = result.expect_err("a refusal");
    let sentence = error.to_string();
    assert_eq!(error.kind, kind, "{sentence}");
    for word in words {
        assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
    }
    error
}

/// One test a case: its name, the input, the class of the refusal, words of its sentence.
macro_rules! cases {
    ($run:path; $($name:ident: $input:expr => $kind:ident, $($word:expr),+;)*) => {$(
        #[test]
        fn $name() {
            super::refused($run($input), smolder_formats::Kind::$kind, &[$($word),+]);
        }
    )*};
}
pub(crate) use cases;
