//! What is trained on, and what is kept back from it.

use super::{Data, DataError, split};
use smolder_formats::dataset::Row;
use smolder_protocol::TrainConfig;

/// The rows that a run sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examples {
    /// What is trained on, packed where the settings say so.
    pub train: Data,
    /// What is evaluated on, a document a row.
    pub eval: Option<Data>,
}

impl Examples {
    /// `eval` are rows of a file of their own; without one, the settings' share of `train` is kept back.
    ///
    /// # Errors
    /// [`DataError::NothingToLearn`] where no row is left on a side that has some.
    pub fn new(train: Vec<Row>, eval: Option<Vec<Row>>, config: &TrainConfig) -> Result<Self, DataError> {
        let (train, eval) = match (eval, config.eval_split) {
            (Some(eval), _) => (train, eval),
            (None, Some(share)) => split(train, share, config.seed),
            (None, None) => (train, Vec::new()),
        };
        let eval = if eval.is_empty() { None } else { Some(Data::new(eval, None)?) };
        Ok(Self { train: Data::new(train, config.packing.then_some(config.seq_len))?, eval })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: u32) -> Vec<Row> {
        (0..count).map(|id| Row { ids: vec![id, id], mask: vec![0, 1] }).collect()
    }

    #[test]
    fn only_what_is_trained_on_is_packed() {
        let config =
            TrainConfig { packing: true, seq_len: 8, eval_split: Some(0.25), ..TrainConfig::default() };
        let Examples { train, eval } = Examples::new(rows(32), None, &config).unwrap();
        assert_eq!((train.rows(), train.tokens()), (6, 48));
        let eval = eval.unwrap();
        assert_eq!((eval.rows(), eval.tokens()), (8, 16));
    }

    #[test]
    fn a_file_of_its_own_goes_before_a_share() {
        let config = TrainConfig { eval_split: Some(0.5), ..TrainConfig::default() };
        let Examples { train, eval } = Examples::new(rows(4), Some(rows(3)), &config).unwrap();
        assert_eq!((train.rows(), eval.map(|eval| eval.rows())), (4, Some(3)));
        let alone = Examples::new(rows(4), None, &TrainConfig::default()).unwrap();
        assert_eq!((alone.train.rows(), alone.eval), (4, None));
    }
}
