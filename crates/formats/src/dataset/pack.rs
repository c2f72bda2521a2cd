//! Rows of nearly one length from documents of many.

use std::collections::BTreeSet;

use super::Row;

/// Fills rows of at most `len` tokens, each with as many whole documents as fit: the longest first, each into the
/// fullest row that has room (best fit decreasing). Documents longer than `len` are cut, empty ones left out.
///
/// A row is its documents in their order, which attention must not cross. They are moved, not copied: whoever has
/// this much data has it once.
pub fn pack(mut documents: Vec<Row>, len: usize) -> Vec<Vec<Row>> {
    documents.retain(|document| !document.ids.is_empty());
    documents.sort_by_key(|document| std::cmp::Reverse(document.ids.len()));
    let mut rows: Vec<Vec<Row>> = Vec::new();
    // The room in each row, and which row that is.
    let mut room: BTreeSet<(usize, usize)> = BTreeSet::new();
    for mut document in documents {
        document.ids.truncate(len);
        document.mask.truncate(len);
        let need = document.ids.len();
        let fullest = room.range((need, 0)..).next().copied();
        let (left, at) = fullest.unwrap_or((len, rows.len()));
        room.remove(&(left, at));
        room.insert((left - need, at));
        match rows.get_mut(at) {
            Some(row) => row.push(document),
            None => rows.push(vec![document]),
        }
    }
    rows
}
