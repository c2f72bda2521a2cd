//! How much a file may ask for before it is refused.
//!
//! The caps are far above what real files hold and far below what would hurt: a reader never allocates more than
//! 64 MiB beyond twice the file.

/// Bytes in one GGUF string.
pub const STRING_BYTES: u64 = 16 << 20;
/// Elements in one GGUF array.
pub const ARRAY_LEN: u64 = 1_000_000;
/// Bytes that all GGUF metadata values may take together.
pub const METADATA_BYTES: u64 = 256 << 20;
/// GGUF key-value pairs.
pub const KEY_VALUES: u64 = 10_000;
/// Bytes in a GGUF key or a tensor's name.
pub const NAME_BYTES: u64 = 65_535;
/// Tensors in one file.
pub const TENSORS: u64 = 65_536;
/// Dimensions of a tensor.
pub const DIMS: u32 = 4;
/// The smallest and the largest GGUF alignment.
pub const ALIGNMENT: (u32, u32) = (8, 65_536);
/// Parts of a split model.
pub const SHARDS: u16 = 1_024;
/// Bytes of a safetensors header.
pub const SAFETENSORS_HEADER_BYTES: u64 = 16 << 20;
/// Bytes of a `config.json` or `adapter_config.json`, or of one value in a `tokenizer_config.json`.
pub const CONFIG_BYTES: u64 = 1 << 20;
/// Bytes that the lists and objects of such a file may take in memory, where a bracket can take a hundred.
pub const CONFIG_VALUES_BYTES: usize = 16 << 20;
/// Bytes of a `tokenizer_config.json`, of which few keys are parsed.
pub const TOKENIZER_CONFIG_BYTES: u64 = 16 << 20;
/// Bytes of a `model.safetensors.index.json`.
pub const INDEX_BYTES: u64 = 16 << 20;
/// Bytes of a `tokenizer.json`: its tokens are in memory three times while they are put in order. Gemma 3's has 33 MB.
pub const TOKENIZER_BYTES: u64 = 40 << 20;
/// Entries of a vocabulary.
pub const VOCABULARY: usize = 512 * 1024;
/// Tokens that are found in a text as a whole.
pub const ADDED_TOKENS: usize = 65_536;
/// Bytes of such a token: at every place of a text, this many may have to be looked at.
pub const ADDED_TOKEN_BYTES: usize = 128;
/// Bytes of a token that merges are derived for, by cutting it at every place.
pub const PIECE_BYTES: usize = 128;
/// Bytes of all tokens that merges are derived for.
pub const PIECES_BYTES: usize = 8 << 20;
/// Bytes of a model card that are looked through for a licence.
pub const CARD_START_BYTES: u64 = 1 << 16;
/// Bytes of a chat template's source: compiled, they can take sixty times that.
pub const TEMPLATE_BYTES: usize = 1 << 18;
/// Bytes that a chat template may write.
pub const TEMPLATE_OUTPUT_BYTES: usize = 4 << 20;
/// Instructions that a chat template may run.
pub const TEMPLATE_FUEL: u64 = 2_000_000;
/// Operators, attributes, filters and calls in one tag of a chat template: they nest, and so do the calls that run them.
pub const TEMPLATE_LINKS: usize = 256;
/// Instructions that a chat template may run to find out where each turn of one conversation is.
pub const TURNS_FUEL: u64 = 4_000_000;
/// Bytes of one row of a dataset.
pub const ROW_BYTES: u64 = 1 << 20;
/// Bytes that the lists and objects of such a row may take in memory: of messages there are up to five copies at a time.
pub const ROW_VALUES_BYTES: usize = 10 << 20;
/// Rows of a dataset.
pub const ROWS: usize = 1_000_000;
/// Nested JSON values.
pub const JSON_DEPTH: usize = 64;
/// Layers that a model or an adapter may claim.
pub const LAYERS: u64 = 1_024;
/// Bytes that an adapter's blocks may take as 32-bit floats beyond twice the file.
pub const ADAPTER_BYTES: u64 = 48 << 20;
/// The rank of an adapter.
pub const RANK: u64 = 65_536;
