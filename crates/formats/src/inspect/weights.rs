//! What a file of weights holds that lies without the folder which makes it a model.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Seek};

use serde::Serialize;

use super::{counted, hex, size, text};
use crate::adapter::CONFIG_KEY;
use crate::error::{Result, printable};
use crate::gguf::table_sha256;
use crate::safetensors::Safetensors;
use crate::tensor::TensorSource;

/// What the tensors are for, by their names and the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// A model, or a part of one.
    Weights,
    /// An adapter without its config.
    AdapterWeights,
    /// An adapter that carries its config.
    Adapter,
}

impl Holds {
    fn what<R: Read + Seek>(file: &Safetensors<R>) -> Self {
        if file.metadata(CONFIG_KEY).is_some() {
            Self::Adapter
        } else if file.tensors().iter().any(|tensor| tensor.name.starts_with("base_model.")) {
            Self::AdapterWeights
        } else {
            Self::Weights
        }
    }

    /// What takes the file.
    fn advice(self) -> &'static str {
        match self {
            Self::Weights => {
                "weights alone: a model is opened by the folder that has config.json and tokenizer.json too"
            }
            Self::AdapterWeights => {
                "an adapter's weights: --adapter takes the folder that has adapter_config.json too"
            }
            Self::Adapter => "an adapter with its config: --adapter takes this file",
        }
    }
}

/// Everything that `smolder inspect` says of one safetensors file.
#[derive(Debug, Clone, Serialize)]
pub struct Weights {
    /// The file that was asked for.
    pub file: String,
    /// Bytes in it.
    pub bytes: u64,
    /// Its SHA-256, where it was asked for.
    pub sha256: Vec<String>,
    /// [`table_sha256`].
    pub table_sha256: String,
    /// The file's format.
    pub format: String,
    /// What the tensors are for.
    pub holds: Holds,
    /// Tensors of each type.
    pub types: BTreeMap<String, usize>,
    /// Elements in all tensors.
    pub parameters: u64,
}

impl Weights {
    /// Reads the header; with `hash`, all of the file, for SHA-256: then `progress` is told the bytes done and those
    /// there are.
    ///
    /// # Errors
    /// Those of reading the payload.
    pub fn of<R: Read + Seek>(
        model: &mut Safetensors<R>,
        hash: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self> {
        let bytes = model.file_bytes();
        let hash = if hash { Some(model.sha256(&mut |done| progress(done, bytes))?) } else { None };
        let tensors = model.tensors();
        let (types, parameters) = counted(tensors);
        Ok(Self {
            file: model.name().to_owned(),
            bytes,
            sha256: hex(hash.as_slice()),
            table_sha256: table_sha256(tensors).to_string(),
            format: "safetensors".to_owned(),
            holds: Holds::what(model),
            types,
            parameters,
        })
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "file            {}", printable(&self.file))?;
        writeln!(f, "size            {}, {}", size(self.bytes), self.format)?;
        self.sha256.iter().try_for_each(|hash| writeln!(f, "sha256          {hash}"))?;
        writeln!(f, "table sha256    {}", self.table_sha256)?;
        text::tensors(f, &self.types, self.parameters)?;
        writeln!(f, "holds           {}", self.holds.advice())
    }
}
