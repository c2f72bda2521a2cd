//! No place at all, for runs that are only thought of.

use super::{Store, StoreError};

/// Nothing is in it, and nothing gets into it.
#[derive(Debug)]
pub(crate) struct Nowhere;

fn refused<T>(file: &str, action: &'static str) -> Result<T, StoreError> {
    let reason = "a run without a folder".to_owned();
    Err(StoreError::Refused { file: file.to_owned(), action, reason })
}

impl Store for Nowhere {
    async fn put(&mut self, name: &str, _: &[u8]) -> Result<(), StoreError> {
        refused(name, "write")
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        refused(name, "read")
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        refused(name, "delete")
    }
}
