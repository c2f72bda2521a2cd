//! Rows of one length from rows of many.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Row;

/// Several documents in one row; attention must not cross `starts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// Token ids, padded to the length asked for.
    pub ids: Vec<u32>,
    /// 1 where the loss is taken; never on a document's first token, which nothing predicts, nor on padding.
    pub mask: Vec<u8>,
    /// Where each document starts; the last entry is where padding starts.
    pub starts: Vec<u32>,
}

/// Fills rows of `len` tokens, each with as many whole documents as fit: the longest first, each into the fullest row
/// that has room (best fit decreasing). Documents longer than `len` are cut. Each is let go once it has its place.
pub fn pack(mut rows: Vec<Row>, len: usize, pad: u32) -> Vec<Packed> {
    rows.retain(|row| !row.ids.is_empty());
    rows.sort_by_key(|row| std::cmp::Reverse(row.ids.len()));
    let mut packed: Vec<Packed> = Vec::new();
    // The room in each row, and which row that is.
    let mut room: BTreeSet<(usize, usize)> = BTreeSet::new();
    for row in rows {
        let need = row.ids.len().min(len);
        let fullest = room.range((need, 0)..).next().copied();
        let (left, at) = fullest.unwrap_or((len, packed.len()));
        room.remove(&(left, at));
        room.insert((left - need, at));
        if at == packed.len() {
            let (ids, mask) = (Vec::with_capacity(len), Vec::with_capacity(len));
            packed.push(Packed { ids, mask, starts: Vec::new() });
        }
        if let Some(target) = packed.get_mut(at) {
            append(target, &row, need);
        }
    }
    for row in &mut packed {
        close(row, len, pad);
    }
    packed
}

fn append(target: &mut Packed, row: &Row, need: usize) {
    target.starts.push(target.ids.len() as u32);
    target.ids.extend(row.ids.iter().take(need));
    let first = target.mask.len();
    target.mask.extend(row.mask.iter().take(need));
    if let Some(mask) = target.mask.get_mut(first) {
        *mask = 0;
    }
}

fn close(row: &mut Packed, len: usize, pad: u32) {
    row.starts.push(row.ids.len() as u32);
    row.ids.resize(len, pad);
    row.mask.resize(len, 0);
}
