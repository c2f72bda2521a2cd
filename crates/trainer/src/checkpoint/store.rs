//! Where checkpoints lie: a folder, or a browser's private file system.

/// Files by name, each written whole or not at all.
pub trait Store {
    /// Writes a file, in place of one that has its name: after this returns, it is there for good; until then, or after
    /// an error, what was there under its name still is, and all other files are as they were.
    ///
    /// # Errors
    /// [`StoreError::Full`] where there is no room for it, [`StoreError::Refused`] for anything else.
    fn put(&mut self, name: &str, bytes: &[u8]) -> impl Future<Output = Result<(), StoreError>>;

    /// A file's bytes.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where it cannot be read, or is not there.
    fn get(&self, name: &str) -> impl Future<Output = Result<Vec<u8>, StoreError>>;

    /// The names of all files, in any order.
    ///
    /// # Errors
    /// [`StoreError::Refused`].
    fn list(&self) -> impl Future<Output = Result<Vec<String>, StoreError>>;

    /// Deletes a file.
    ///
    /// # Errors
    /// [`StoreError::Refused`].
    fn remove(&mut self, name: &str) -> impl Future<Output = Result<(), StoreError>>;
}

/// What a store cannot do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no room.
    #[error("{file}: expected room for {bytes} bytes, found none")]
    Full {
        /// What was to be written.
        file: String,
        /// Its size.
        bytes: u64,
    },
    /// Another process writes here.
    #[error("{folder}: expected no other run that writes here, found one")]
    InUse {
        /// The folder.
        folder: String,
    },
    /// The platform refused.
    #[error("{file}: expected to {action} it, found: {reason}")]
    Refused {
        /// The file or folder.
        file: String,
        /// What was tried: "read", "write" …
        action: &'static str,
        /// The platform's words.
        reason: String,
    },
}
