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
