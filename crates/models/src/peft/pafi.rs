//! `PaFi`: the entries of each weight that are nearest to 0, and no others, are trained: which these are asks for no data
//! (Liao et al. 2023, arXiv 2305.16742). See [`sparse`] for what is stored.

use super::{Extras, Fresh, Method, OptionSpec, sparse, targets};
use crate::read::read;
use futures_util::FutureExt;
use smolder_formats::adapter::PeftAdapter;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::Matrix;
use smolder_kernels::burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// Numbers of a weight that are dequantized at a time.
const CHUNK: usize = 1 << 22;

pub(super) const METHOD: Method = Method {
    name: "pafi",
    peft_type: "SMOLDER_PAFI",
    about: "changes those entries of the weights that are nearest to 0, and stores nothing but these",
    options: &[
        OptionSpec {
            name: "share",
            default: "0.005",
            about: "share of each weight's entries that are trained",
        },
        targets::OPTION,
    ],
    lr: 5e-3,
    rest: sparse::rest,
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load: sparse::load,
    merge: Ok(sparse::merge),
    extras: Extras::NONE,
};

async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let (share, device) = (fresh.options.number("share", 1e-6..=1.0)?, fresh.model.device());
    let pick = async |place: Place, weight: &Matrix| {
        let count = ((share * (weight.rows() * weight.cols()) as f64).round() as usize).max(1);
        Ok(least(&sizes(place, weight, device).await?, count))
    };
    sparse::fresh(fresh, METHOD.peft_type, pick).await
}

/// |W| row by row.
async fn sizes(place: Place, weight: &Matrix, device: &Device) -> Result<Vec<f32>> {
    let (rows, step) = (weight.rows(), (CHUNK / weight.cols().max(1)).max(1));
    let mut sizes = Vec::with_capacity(rows * weight.cols());
    for from in (0..rows).step_by(step) {
        let ids: Vec<i32> = (from..rows.min(from + step)).map(|row| row as i32).collect();
        let len = ids.len();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [len]), (device, DType::I32));
        let failed = |reason| Error::new(Kind::Io, place.hf(), "a device that answers", reason);
        sizes.extend(read(weight.rows_of(&ids).abs()).await.map_err(failed)?);
    }
    Ok(sizes)
}

/// Places of the `count` least, in order; of equal ones the first.
fn least(sizes: &[f32], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..sizes.len()).collect();
    let size = |place: usize| sizes.get(place).copied().unwrap_or(f32::INFINITY);
    if count < places.len() {
        places.select_nth_unstable_by(count, |one, other| {
            size(*one).total_cmp(&size(*other)).then(one.cmp(other))
        });
        places.truncate(count);
    }
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::least;

    #[test]
    fn the_least_are_picked_and_of_equal_ones_the_first() {
        let sizes = [3.0, 0.5, 0.0, 0.5, 2.0, 0.5];
        assert_eq!(least(&sizes, 3), [1, 2, 3]);
        assert_eq!(least(&sizes, 1), [2]);
        assert_eq!(least(&sizes, 6), [0, 1, 2, 3, 4, 5]);
    }
}
