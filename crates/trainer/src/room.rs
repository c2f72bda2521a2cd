//! How much a device computes at once, after it ran out of memory.

use crate::data::MicroBatch;
use smolder_protocol::train::Warning;

/// The sequences of a part at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Room {
    /// `None` for as many as a micro-batch has.
    pub most: Option<u32>,
    /// What a person has not been told yet.
    pub warnings: Vec<Warning>,
}

impl Room {
    /// A micro-batch in parts that fit.
    pub fn parts(&self, batch: &MicroBatch) -> Vec<MicroBatch> {
        batch.clone().in_parts(self.most)
    }

    /// Half as many sequences of a batch until what they `need` is no more than there is, or each is alone.
    pub fn fit(&mut self, bytes: u64, batch: &MicroBatch, need: impl Fn(&Self) -> u64) {
        while need(self) > bytes && self.halve(&self.parts(batch)) {}
    }

    /// Memory ran out with these parts: half as many sequences from now on. False where each is of one already.
    pub fn halve(&mut self, parts: &[MicroBatch]) -> bool {
        let before = parts.iter().map(|part| part.sequences.len()).max().unwrap_or_default() as u32;
        let now = before.div_ceil(2);
        if now < before {
            self.most = Some(now);
            self.warnings.push(Warning::BatchHalved { before, now });
        }
        now < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sequence;

    #[test]
    fn what_needs_more_than_there_is_is_halved_before_it_is_computed() {
        let sequence = Sequence { ids: vec![1, 2], mask: vec![false, true] };
        let batch = MicroBatch { sequences: vec![sequence; 8] };
        let need = |room: &Room| 100 + 10 * room.parts(&batch)[0].sequences.len() as u64;
        for (bytes, most) in [(180, None), (179, Some(4)), (120, Some(2)), (119, Some(1)), (0, Some(1))] {
            let mut room = Room::default();
            room.fit(bytes, &batch, need);
            assert_eq!(room.most, most, "{bytes}");
        }
    }

    #[test]
    fn parts_are_halved_until_there_is_nothing_to_halve() {
        let learned = Sequence { ids: vec![1, 2], mask: vec![false, true] };
        let read = Sequence { ids: vec![1, 2], mask: vec![false, false] };
        let batch = MicroBatch { sequences: vec![learned.clone(), learned.clone(), read, learned] };
        let mut room = Room::default();
        let sizes =
            |room: &Room| room.parts(&batch).iter().map(|part| part.sequences.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&room), [4]);
        assert!(room.halve(&room.parts(&batch)));
        assert_eq!(sizes(&room), [2, 2]);
        assert!(room.halve(&room.parts(&batch)));
        assert_eq!(sizes(&room), [1, 1, 1], "what has no label is not computed alone");
        assert!(!room.halve(&room.parts(&batch)));
        let told = [(4, 2), (2, 1)].map(|(before, now)| Warning::BatchHalved { before, now });
        assert_eq!(room.warnings, told);
    }
}
