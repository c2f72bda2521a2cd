//! Rows of one length from rows of many.

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

/// Fills rows of `len` tokens, each with as many whole documents as fit: the longest first, each into the first row
/// that has room. Documents longer than `len` are cut.
pub fn pack(rows: &[Row], len: usize, pad: u32) -> Vec<Packed> {
    let mut order: Vec<&Row> = rows.iter().filter(|row| !row.ids.is_empty()).collect();
    order.sort_by_key(|row| std::cmp::Reverse(row.ids.len()));
    let mut packed: Vec<Packed> = Vec::new();
    // Rows before this are too full for any document still to come.
    let mut open = 0;
    for row in order {
        let need = row.ids.len().min(len);
        let room = |p: &Packed| len - p.ids.len();
        while packed.get(open).is_some_and(|p| room(p) == 0) {
            open += 1;
        }
        let place = packed.iter().skip(open).take(SEARCHED).position(|p| room(p) >= need).map(|at| at + open);
        if let Some(target) = place.and_then(|at| packed.get_mut(at)) {
            append(target, row, need);
        } else {
            let mut fresh =
                Packed { ids: Vec::with_capacity(len), mask: Vec::with_capacity(len), starts: Vec::new() };
            append(&mut fresh, row, need);
            packed.push(fresh);
        }
    }
    for row in &mut packed {
        close(row, len, pad);
    }
    packed
}

/// Open rows looked at for a document: more would cost time without filling much better.
const SEARCHED: usize = 256;

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
