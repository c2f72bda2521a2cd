//! GGUF files written by hand, so that every byte can be wrong.

/// Header, metadata, table and payload under construction.
#[derive(Clone, Default)]
pub struct Raw {
    pub pairs: Vec<Vec<u8>>,
    pub tensors: Vec<Vec<u8>>,
    pub payload: Vec<u8>,
}

pub fn string(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text].concat()
}

/// A key, a value type and the value's bytes.
pub fn pair(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&string(key.as_bytes()), &kind.to_le_bytes()[..], value].concat()
}

/// An array's element type, length and bytes.
pub fn array(kind: u32, len: u64, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &len.to_le_bytes(), bytes].concat()
}

/// A table entry; dimensions innermost first, as the file has them.
pub fn tensor(name: &str, dims: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut out = string(name.as_bytes());
    out.extend((dims.len() as u32).to_le_bytes());
    out.extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
    out.extend(kind.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out
}

impl Raw {
    /// Two pairs, a float tensor and a `Q4_0` one: a file that reads.
    pub fn good() -> Self {
        Self {
            pairs: vec![
                pair("general.architecture", 8, &string(b"llama")),
                pair("list", 9, &array(4, 2, &[1, 0, 0, 0, 2, 0, 0, 0])),
            ],
            tensors: vec![tensor("a", &[4, 2], 0, 0), tensor("b", &[32], 2, 32)],
            payload: vec![7; 64],
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.with_header(*b"GGUF", 3, self.tensors.len() as u64, self.pairs.len() as u64)
    }

    pub fn with_header(&self, magic: [u8; 4], version: u32, tensors: u64, pairs: u64) -> Vec<u8> {
        let mut out = magic.to_vec();
        out.extend(version.to_le_bytes());
        out.extend(tensors.to_le_bytes());
        out.extend(pairs.to_le_bytes());
        out.extend(self.pairs.concat());
        out.extend(self.tensors.concat());
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(&self.payload);
        out
    }

    pub fn and_pair(mut self, pair: Vec<u8>) -> Self {
        self.pairs.push(pair);
        self
    }

    pub fn with_tensors(mut self, tensors: Vec<Vec<u8>>) -> Self {
        self.tensors = tensors;
        self
    }
}
