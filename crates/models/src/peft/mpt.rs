//! Multitask prompt tuning: virtual tokens `P ⊙ (U·V)`, P those that tasks have in common, and U `[tokens, rank]` and V
//! `[rank, width]` what is a task's own (Wang et al. 2023, arXiv 2303.02861). A run is of one task. P begins as a prompt does,
//! and U·V as ones: U's first column and V's first row are ones, the rest of U is 0 and the rest of V random.

use super::placed::{dims, whole};
use super::random::spread;
use super::{Adapter, Fresh, Method, OptionSpec, Parameter, prompt_tuning};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Tensor, TensorData};

const PEFT_TYPE: &str = "MULTITASK_PROMPT_TUNING";
/// P, U and V; a file has both as the only task of several that there might be.
const PARTS: [&str; 3] = [prompt_tuning::KEY, "prefix_task_cols", "prefix_task_rows"];

pub(super) const METHOD: Method = Method {
    name: "mpt",
    peft_type: PEFT_TYPE,
    about: "trains virtual tokens as a product of what tasks share and what is this one's own",
    options: &[
        prompt_tuning::TOKENS,
        prompt_tuning::INIT,
        prompt_tuning::TEXT,
        OptionSpec { name: "rank", default: "1", about: "rank of what is a task's own" },
    ],
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load: |file, model| Ok(Box::new(Prompt::load(file, model)?)),
    ..prompt_tuning::METHOD
};

async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let (rank, width) = (fresh.options.integer("rank", 1..=1024)?, fresh.model.config().sizes.width);
    let mut file = prompt_tuning::fresh(fresh).await?;
    let tokens = fresh.options.integer("tokens", 1..=1024)?;
    // Other numbers than those that drew the prompt.
    let mut random = ChaCha8Rng::seed_from_u64(fresh.seed.wrapping_add(1));
    let u = (0..tokens * rank).map(|at| f32::from(u8::from(at.is_multiple_of(rank)))).collect();
    let mut v = vec![1.0; width as usize];
    v.extend(spread(&mut random, rank, (rank - 1) * width));
    file.tensors.extend([whole(PARTS[1], &[1, tokens, rank], u), whole(PARTS[2], &[1, rank, width], v)]);
    let own = json!({
        "num_ranks": rank, "num_tasks": 1, "peft_type": PEFT_TYPE, "prompt_tuning_init_state_dict_path": null,
        "prompt_tuning_init_task": 0,
    });
    if let Value::Object(own) = own {
        file.config.raw.extend(own);
    }
    PEFT_TYPE.clone_into(&mut file.config.method);
    Ok(file)
}

/// P, U and V, and the shapes that they must have.
fn parts(file: &PeftAdapter, width: u64) -> Result<[(&AdapterTensor, [u64; 2]); 3]> {
    let find = |part: &str| {
        let missing = || Error::new(Kind::Missing, "adapter", part, "none");
        file.tensors.iter().find(|one| one.part == part).ok_or_else(missing)
    };
    let [p, u, v] = [find(PARTS[0])?, find(PARTS[1])?, find(PARTS[2])?];
    let ([tokens, _], rank) = (dims(p)?, u.shape.last().copied().unwrap_or_default());
    let wanted = [(p, vec![tokens, width]), (u, vec![1, tokens, rank]), (v, vec![1, rank, width])];
    for (tensor, shape) in wanted {
        let whole = tensor.values.len() as u64 == shape.iter().product::<u64>();
        if tensor.shape != shape || rank == 0 || !whole {
            let (field, found) = (format!("tensor `{}`", tensor.key()), format!("{:?}", tensor.shape));
            return Err(Error::new(Kind::Shape, field, format!("{shape:?}, of one task"), found));
        }
    }
    Ok([(p, [tokens, width]), (u, [tokens, rank]), (v, [rank, width])])
}

/// P, U and V.
#[derive(Debug)]
struct Prompt(Vec<Tensor<2>>);

impl Prompt {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let load = |(tensor, shape): (&AdapterTensor, [u64; 2])| {
            let data = TensorData::new(tensor.values.clone(), shape.map(|dim| dim as usize));
            Tensor::from_data(data, model.device())
        };
        Ok(Self(parts(file, model.config().sizes.width)?.map(load).into()))
    }
}

impl Adapter for Prompt {
    fn prompt(&self) -> Option<Tensor<2>> {
        let [p, u, v] = self.0.as_slice() else { return None };
        Some(p.clone() * u.clone().matmul(v.clone()))
    }

    fn prompt_len(&self) -> usize {
        self.0.first().map_or(0, |rows| rows.dims()[0])
    }

    fn changes_input(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = PARTS.into_iter().zip(&self.0);
        named.map(|(key, value)| Parameter { key: key.to_owned(), value: value.clone() }).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self(values))
    }
}
