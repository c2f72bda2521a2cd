//! Rows of data to steps of training. Nothing is padded: a batch is a list of documents of different lengths.

mod batches;
mod examples;
mod read;

pub use batches::{Batches, Batching, Cursor, MicroBatch, StepBatch};
pub use examples::Examples;
pub use read::{Rows, read, render_options, split};

use smolder_formats::Sha256Hash;
use smolder_formats::dataset::{Row, pack};
use std::sync::Arc;

/// A document: its tokens, and which of them are predicted from those before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The tokens.
    pub ids: Vec<u32>,
    /// As many; the first token is never predicted.
    pub mask: Vec<bool>,
}

impl Sequence {
    fn new(Row { ids, mask }: Row) -> Self {
        let mut mask: Vec<bool> = mask.into_iter().map(|mask| mask == 1).collect();
        if let Some(first) = mask.first_mut() {
            *first = false;
        }
        Self { ids, mask }
    }

    /// Tokens that are predicted.
    pub fn labels(&self) -> usize {
        self.mask.iter().skip(1).filter(|learned| **learned).count()
    }
}

/// Why there is nothing to train on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// No token of any row is predicted.
    #[error("data: expected a row with a token to learn behind its first, found none in {rows} rows")]
    NothingToLearn {
        /// Rows that there are.
        rows: usize,
    },
}

/// What is trained or evaluated on: rows of one document each, or of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Shared: training, evaluation and estimates go through the same rows.
    rows: Arc<Vec<Vec<Sequence>>>,
    sha256: String,
}

impl Data {
    /// Rows as they are, or documents packed into rows of at most `packed` tokens. Rows without a token to learn are
    /// left out.
    ///
    /// Which documents share a row is decided once, as TRL does; only the rows' order changes from epoch to epoch.
    ///
    /// # Errors
    /// [`DataError::NothingToLearn`] where no row is left.
    pub fn new(mut rows: Vec<Row>, packed: Option<u32>) -> Result<Self, DataError> {
        let (count, sha256) = (rows.len(), sha256(&rows));
        let len = packed.unwrap_or(u32::MAX) as usize;
        rows.retain(|row| row.mask.iter().take(len).skip(1).any(|mask| *mask == 1));
        if rows.is_empty() {
            return Err(DataError::NothingToLearn { rows: count });
        }
        let rows = match packed {
            Some(_) => pack(rows, len).into_iter().map(documents).collect(),
            None => rows.into_iter().map(|row| documents(vec![row])).collect(),
        };
        Ok(Self { rows: Arc::new(rows), sha256 })
    }

    /// Rows; at least one.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Tokens in all.
    pub fn tokens(&self) -> u64 {
        self.rows.iter().map(|row| tokens(row) as u64).sum()
    }

    /// Tokens that are predicted.
    pub fn labels(&self) -> u64 {
        self.rows.iter().flatten().map(|one| one.labels() as u64).sum()
    }

    /// The documents of each row, in the order in which the rows were made.
    pub fn documents(&self) -> impl Iterator<Item = &[Sequence]> {
        self.rows.iter().map(Vec::as_slice)
    }

    /// The first document.
    pub fn first(&self) -> Option<&Sequence> {
        self.rows.iter().flatten().next()
    }

    /// Tokens of the longest document.
    pub fn longest(&self) -> usize {
        self.rows.iter().flatten().map(|one| one.ids.len()).max().unwrap_or_default()
    }

    /// What a checkpoint knows the data by: a digest of all ids and masks in their order, whatever the packing.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

fn tokens(row: &[Sequence]) -> usize {
    row.iter().map(|one| one.ids.len()).sum()
}

fn documents(row: Vec<Row>) -> Vec<Sequence> {
    row.into_iter().map(Sequence::new).collect()
}

fn sha256(rows: &[Row]) -> String {
    let digest = |row: &Row| {
        let ids = row.ids.iter().flat_map(|id| id.to_le_bytes());
        Sha256Hash::of(&ids.chain(row.mask.iter().copied()).collect::<Vec<u8>>()).0
    };
    Sha256Hash::of(&rows.iter().flat_map(digest).collect::<Vec<u8>>()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ids: &[u32], mask: &[u8]) -> Row {
        Row { ids: ids.to_vec(), mask: mask.to_vec() }
    }

    #[test]
    fn a_first_token_is_never_predicted() {
        let data = Data::new(vec![row(&[5, 6, 7], &[1, 0, 1])], None).unwrap();
        assert_eq!(data.rows[0], [Sequence { ids: vec![5, 6, 7], mask: vec![false, false, true] }]);
        assert_eq!((data.rows(), data.tokens(), data.labels()), (1, 3, 1));
    }

    #[test]
    fn rows_without_a_label_are_left_out_and_data_without_one_refused() {
        let unlearned = [row(&[1, 2], &[1, 0]), row(&[1], &[1]), row(&[], &[])];
        let learned = row(&[3, 4], &[0, 1]);
        let rows = [&unlearned[..], &[learned]].concat();
        assert_eq!(Data::new(rows, None).unwrap().rows(), 1);
        let late = row(&[1, 2, 3, 4], &[0, 0, 0, 1]);
        assert!(Data::new(vec![late], Some(3)).is_err(), "its label is cut off");
        let error = Data::new(unlearned.to_vec(), None).unwrap_err();
        assert_eq!(error, DataError::NothingToLearn { rows: 3 });
    }

    #[test]
    fn packed_rows_hold_the_same_documents_and_no_padding() {
        let rows: Vec<Row> =
            (2..40).map(|len| row(&vec![len; len as usize], &vec![1; len as usize])).collect();
        let (apart, packed) = (Data::new(rows.clone(), None).unwrap(), Data::new(rows, Some(48)).unwrap());
        assert!(packed.rows() < apart.rows() * 2 / 3, "{}", packed.rows());
        assert!(packed.rows.iter().all(|row| tokens(row) <= 48));
        let sorted = |data: &Data| {
            let mut documents: Vec<_> = data.rows.iter().flatten().map(|one| one.ids.clone()).collect();
            documents.sort();
            documents
        };
        assert_eq!(sorted(&apart), sorted(&packed));
        assert_eq!((apart.labels(), apart.sha256()), (packed.labels(), packed.sha256()));
    }

    #[test]
    fn the_digest_covers_ids_masks_and_order() {
        let digest = |rows: Vec<Row>| Data::new(rows, None).unwrap().sha256;
        let (a, b) = (row(&[1, 2], &[0, 1]), row(&[1, 3], &[0, 1]));
        let first = digest(vec![a.clone(), b.clone()]);
        assert_eq!(first, digest(vec![a.clone(), b.clone()]));
        assert_ne!(first, digest(vec![b, a.clone()]));
        let masked = Row { mask: vec![1, 1], ..a.clone() };
        assert_ne!(digest(vec![a]), digest(vec![masked]));
    }
}
