//! Element formats: their names, numbers and block sizes.

/// How a tensor's elements lie in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(
    missing_docs,
    reason = "the names are the formats' own; the block layouts are documented in `quants`"
)]
#[allow(non_camel_case_types, reason = "the names are the formats' own")]
pub enum Dtype {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_NL,
}

/// Dtype, GGUF's number for it, its name, elements in a block, bytes in a block.
const DTYPES: [(Dtype, u32, &str, usize, usize); 14] = [
    (Dtype::F32, 0, "F32", 1, 4),
    (Dtype::F16, 1, "F16", 1, 2),
    (Dtype::BF16, 30, "BF16", 1, 2),
    (Dtype::Q4_0, 2, "Q4_0", 32, 18),
    (Dtype::Q4_1, 3, "Q4_1", 32, 20),
    (Dtype::Q5_0, 6, "Q5_0", 32, 22),
    (Dtype::Q5_1, 7, "Q5_1", 32, 24),
    (Dtype::Q8_0, 8, "Q8_0", 32, 34),
    (Dtype::Q2_K, 10, "Q2_K", 256, 84),
    (Dtype::Q3_K, 11, "Q3_K", 256, 110),
    (Dtype::Q4_K, 12, "Q4_K", 256, 144),
    (Dtype::Q5_K, 13, "Q5_K", 256, 176),
    (Dtype::Q6_K, 14, "Q6_K", 256, 210),
    (Dtype::IQ4_NL, 20, "IQ4_NL", 32, 18),
];

impl Dtype {
    /// Every dtype that is read.
    pub fn all() -> impl Iterator<Item = Self> {
        DTYPES.iter().map(|row| row.0)
    }

    /// The dtype with this number in GGUF's tensor table.
    pub fn from_ggml(id: u32) -> Option<Self> {
        DTYPES.iter().find(|row| row.1 == id).map(|row| row.0)
    }

    /// The dtype with this name, as GGUF writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        DTYPES.iter().find(|row| row.2 == name).map(|row| row.0)
    }

    const fn row(self) -> &'static (Self, u32, &'static str, usize, usize) {
        &DTYPES[self as usize]
    }

    /// GGUF's number for it.
    pub const fn ggml_id(self) -> u32 {
        self.row().1
    }

    /// Its name, as GGUF and safetensors write it.
    pub const fn name(self) -> &'static str {
        self.row().2
    }

    /// Elements in a block; 1 where elements stand alone.
    pub const fn block_len(self) -> usize {
        self.row().3
    }

    /// Bytes in a block.
    pub const fn block_bytes(self) -> usize {
        self.row().4
    }

    /// GGUF's `general.file_type` for a model of such matrices, where they are written.
    pub const fn file_type(self) -> Option<u32> {
        match self {
            Self::F32 => Some(0),
            Self::F16 => Some(1),
            Self::Q4_0 => Some(2),
            Self::Q4_1 => Some(3),
            Self::Q8_0 => Some(7),
            Self::BF16 => Some(32),
            _ => None,
        }
    }

    /// Whether elements share a scale with their block.
    pub const fn is_quantized(self) -> bool {
        self.block_len() > 1
    }

    /// The bytes of `elements` elements, unless they do not fill whole blocks or overflow.
    pub fn bytes_for(self, elements: u64) -> Option<u64> {
        let block = self.block_len() as u64;
        if elements.is_multiple_of(block) {
            (elements / block).checked_mul(self.block_bytes() as u64)
        } else {
            None
        }
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
