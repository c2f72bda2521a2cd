//! The private storage of a browser tab: what it holds, how files come in and go.

use crate::record::StoredRun;
use serde::{Deserialize, Serialize};

/// The folder that holds everything: other pages of the same host share a tab's private file system.
pub const ROOT: &str = "smolder";
/// The folder in it that holds a folder for each training run: its checkpoints and its adapter.
pub const RUNS: &str = "runs";
/// The folder in it that holds what was exported until the browser has taken it.
pub const EXPORTS: &str = "exports";
/// The adapter's weights in a run's folder.
pub const RUN_WEIGHTS: &str = "adapter_model.safetensors";

/// What [`crate::model::Generate::adapter`] calls the adapter of the run in the folder `out`. No imported file has a
/// slash in its name.
pub fn adapter_of_run(out: &str) -> String {
    format!("{RUNS}/{out}")
}

/// What a page asks of its storage. Each is answered beside whatever else is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageCommand {
    /// Take a file in.
    Import(Import),
    /// Stop [`Self::Import`] or [`Self::Export`] with this id.
    Cancel(u64),
    /// Write an adapter in a form that other programs read.
    Export(Export),
    /// Tell what is there.
    List,
    /// Delete a file, with what has arrived of it.
    Remove {
        /// Where it is.
        shelf: Shelf,
        /// Its name.
        name: String,
    },
    /// Tell which runs there are.
    Runs,
    /// Delete a run, and tell which there are then.
    RemoveRun(String),
}

/// A file that shall be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Comes back with all that is told of it.
    pub id: u64,
    /// Where it shall be.
    pub shelf: Shelf,
    /// What it shall be called.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Its SHA-256 in hexadecimal digits, where it is known.
    pub sha256: Option<String>,
    /// Its size, where it is known.
    pub bytes: Option<u64>,
}

/// An adapter that shall be written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Comes back with all that is told of it; no import has the same.
    pub id: u64,
    /// The adapter, as [`crate::model::Generate::adapter`] calls it.
    pub adapter: String,
    /// The model that it was trained on.
    pub model: String,
    /// What the files' names shall begin with.
    pub name: String,
    /// Who shall read it.
    pub form: ExportForm,
}

/// Who reads an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportForm {
    /// llama.cpp: a GGUF LoRA.
    GgufLora,
    /// mlx-lm: `adapters.safetensors`, then `adapter_config.json`.
    Mlx,
    /// Every program that reads GGUF: a model with the adapter inside.
    Merged,
}

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// The file that travels beside this command.
    Attached,
    /// The same, being an adapter's weights: they are checked, and stored as one safetensors file that stands alone.
    Adapter {
        /// The model that it is for.
        model: String,
        /// Its `adapter_config.json`, where the weights do not carry it.
        config: Option<String>,
    },
    /// An address. What arrives is kept, and a later import of the same name goes on from there.
    Url(String),
}

/// What files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Shelf {
    /// Base models in GGUF.
    Models,
    /// Examples.
    Data,
    /// Adapters.
    Adapters,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Models, Self::Data, Self::Adapters];
}

/// What is told of the storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StorageEvent {
    /// So much of a file has arrived, or was written.
    Importing {
        /// [`Import::id`] or [`Export::id`].
        id: u64,
        /// Bytes that are here.
        done_bytes: u64,
        /// Bytes of all, where somebody says.
        total_bytes: Option<u64>,
    },
    /// A file is here as a whole.
    Imported {
        /// [`Import::id`].
        id: u64,
        /// The file.
        file: StoredFile,
        /// What should be known of an adapter; nothing of other files.
        remarks: Vec<AdapterRemark>,
    },
    /// An export is written.
    Exported {
        /// [`Export::id`].
        id: u64,
        /// Its files in [`EXPORTS`], in the order of [`ExportForm`].
        files: Vec<String>,
    },
    /// What is there, in the order of shelves and names.
    Listed(Vec<StoredFile>),
    /// A file is deleted.
    Removed {
        /// Where it was.
        shelf: Shelf,
        /// Its name.
        name: String,
    },
    /// The runs that there are, the last changed first.
    Runs(Vec<StoredRun>),
    /// A command was not carried out.
    Refused {
        /// [`Import::id`] or [`Export::id`], where it was one.
        id: Option<u64>,
        /// Why.
        failure: StorageFailure,
    },
}

/// A file, or what has arrived of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// What it is for.
    pub shelf: Shelf,
    /// Its name.
    pub name: String,
    /// Its size, or what is here of it.
    pub bytes: u64,
    /// Whether all of it is here; if not, only importing it again or deleting it makes sense.
    pub whole: bool,
    /// The model that an adapter is for, where it says.
    pub base: Option<String>,
}

/// What a person should know of an adapter that can be used all the same. The texts live with the front ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdapterRemark {
    /// Its config says what means nothing here, and is passed over.
    UnknownKeys {
        /// Their names, shortened and without control characters.
        keys: String,
    },
    /// It changes nothing: what it adds is exactly zero.
    Idle,
}

/// Why the storage did not do something. The texts live with the front ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageFailure {
    /// The browser has no private storage for this page, or hides it.
    None {
        /// The browser's words.
        reason: String,
    },
    /// There is no room.
    Full {
        /// Bytes that were still to come, where that is known.
        missing_bytes: Option<u64>,
    },
    /// The session or another tab has the file open.
    InUse {
        /// Its name.
        name: String,
    },
    /// The file is not what it must be.
    File {
        /// A sentence that names it, what was expected and what was found.
        reason: String,
    },
    /// The adapter says that it was trained on another model.
    OtherBase {
        /// What that was called.
        expected: String,
        /// The model that it should be for.
        found: String,
    },
    /// The file's SHA-256 is another one; it was deleted.
    Sha256 {
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The server answered with something else.
    Answer {
        /// The HTTP status.
        status: u16,
    },
    /// The server cannot be reached, or the connection broke off. What arrived of it is kept.
    Network {
        /// The browser's words.
        reason: String,
    },
    /// Somebody asked to stop.
    Cancelled,
    /// The browser refused something else.
    Refused {
        /// Its words.
        reason: String,
    },
}
