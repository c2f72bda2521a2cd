//! What a method declares, and what is done by it.

use super::{Adapter, METHODS, OptionSpec, Options, Parameter};
use crate::config::Config;
use crate::model::Model;
use futures_util::future::LocalBoxFuture;
use smolder_formats::adapter::{Module, PeftAdapter};
use smolder_formats::{Error, Kind, Result};

/// A method as people choose it.
#[derive(Debug)]
pub struct Method {
    /// What people call it: `lora`.
    pub name: &'static str,
    /// `peft_type` in `adapter_config.json`.
    pub peft_type: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Its settings.
    pub options: &'static [OptionSpec],
    /// The learning rate to begin with.
    pub lr: f64,
    /// For a tensor's part: what its numbers are where it changes nothing, as B's of a LoRA are 0. `None` for parts that
    /// do not decide that, and for all where a method's change cannot be told from its numbers.
    pub(crate) rest: fn(&str) -> Option<f32>,
    /// A fresh adapter for a model: config and initial tensors.
    pub(crate) fresh: for<'a> fn(Fresh<'a>) -> LocalBoxFuture<'a, Result<PeftAdapter>>,
    /// An adapter's tensors on the model's device, checked against the model.
    pub(crate) load: fn(&PeftAdapter, &Model) -> Result<Box<dyn Adapter>>,
    /// What the adapter makes of a model's weights, or why it cannot become part of them.
    pub(crate) merge: std::result::Result<Merger, &'static str>,
    /// What few methods have.
    pub(crate) extras: Extras,
}

/// What sets a few methods apart from the others, which have [`Extras::NONE`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extras {
    /// The switch of `adapter_config.json` that sets it apart from others of its type.
    pub switch: Option<&'static str>,
    /// For a tensor's key: what the learning rate is multiplied with.
    pub rate: fn(&Options, &str) -> Result<f64>,
    /// What is written of an adapter that was trained: of what a network makes, the result.
    pub export: fn(&PeftAdapter) -> Result<PeftAdapter>,
    /// Numbers that training keeps for each that it trains, beside the optimizer's.
    pub kept: u64,
}

impl Extras {
    /// Alone of its type, one learning rate for all, written as it was trained, nothing kept beside.
    pub const NONE: Self =
        Self { switch: None, rate: |_, _| Ok(1.0), export: |file| Ok(file.clone()), kept: 0 };
}

type Merger = fn(&PeftAdapter, &Config) -> Result<Box<dyn Merge>>;

/// What an adapter makes of weights, row by row.
pub(crate) trait Merge {
    /// Whether a module's weight becomes another.
    fn changes(&self, _module: Module) -> bool {
        false
    }

    /// Whether what becomes of a row is the row and something that is the same whatever the row is.
    fn adds(&self) -> bool {
        false
    }

    /// Changes row `row`, in Hugging Face's order, of a module's weight.
    fn change(&self, _module: Module, _row: usize, _weights: &mut [f32]) {}

    /// Whether a norm's weight or a bias, by Hugging Face's name, becomes another.
    fn changes_vector(&self, _name: &str) -> bool {
        false
    }

    /// Changes number `index`, in Hugging Face's order, of a norm's weight or a bias.
    fn change_vector(&self, _name: &str, _index: usize, _value: &mut f32) {}
}

/// What a fresh adapter is made of.
#[derive(Clone, Copy)]
pub struct Fresh<'a> {
    /// The method's settings.
    pub options: &'a Options,
    /// The base.
    pub model: &'a Model,
    /// Decides every random number.
    pub seed: u64,
    /// Tokens of a text, for methods that begin with one.
    pub encode: &'a dyn Fn(&str) -> Vec<u32>,
    /// What the base is called in `adapter_config.json`.
    pub base: &'a str,
}

impl Method {
    /// The method called so.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] naming those there are.
    pub fn find(name: &str) -> Result<&'static Self> {
        METHODS.into_iter().find(|method| method.name == name).ok_or_else(|| {
            let known = METHODS.map(|method| method.name).join(", ");
            Error::new(Kind::Unsupported, "method", format!("one of {known}"), name)
        })
    }

    /// The method of an adapter.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for one that is not in [`METHODS`].
    pub fn of(adapter: &PeftAdapter) -> Result<&'static Self> {
        let on = |switch: &str| adapter.config.raw.get(switch) == Some(&true.into());
        let found = METHODS.into_iter().filter(|method| method.peft_type == adapter.config.method);
        found
            .min_by_key(|method| method.extras.switch.map_or(1, |switch| if on(switch) { 0 } else { 2 }))
            .ok_or_else(|| {
                let mut known = METHODS.map(|method| method.peft_type).to_vec();
                known.dedup();
                let known = known.join(", ");
                Error::new(
                    Kind::Unsupported,
                    "`peft_type`",
                    format!("one of {known}"),
                    &adapter.config.method,
                )
            })
    }

    /// The method to train an adapter with: the one called `name` where the adapter may be its, else the adapter's own.
    ///
    /// # Errors
    /// Those of [`Self::of`].
    pub fn to_train(name: &str, adapter: &PeftAdapter) -> Result<&'static Self> {
        let own = Self::of(adapter)?;
        let fits =
            |named: &&Self| (named.peft_type, named.extras.switch) == (own.peft_type, own.extras.switch);
        Ok(Self::find(name).ok().filter(fits).unwrap_or(own))
    }

    /// An adapter on the model's device, to be trained.
    ///
    /// # Errors
    /// [`Kind::Missing`] or [`Kind::Shape`] where the tensors do not fit the model.
    pub fn load(&self, adapter: &PeftAdapter, model: &Model) -> Result<Box<dyn Adapter>> {
        (self.load)(adapter, model)
    }

    /// What the learning rate of each parameter is multiplied with.
    ///
    /// # Errors
    /// [`Kind::Value`] for an option that is out of range.
    pub fn rates(&self, options: &Options, parameters: &[Parameter]) -> Result<Vec<f64>> {
        parameters.iter().map(|parameter| (self.extras.rate)(options, &parameter.key)).collect()
    }

    /// What is written of an adapter that was trained.
    ///
    /// # Errors
    /// [`Kind::Missing`] or [`Kind::Shape`] for tensors that are not the method's.
    pub fn export(&self, adapter: &PeftAdapter) -> Result<PeftAdapter> {
        (self.extras.export)(adapter)
    }

    /// Numbers that training keeps for each that it trains, beside the optimizer's.
    pub fn kept(&self) -> u64 {
        self.extras.kept
    }

    /// Whether an adapter's numbers are such that it changes nothing.
    pub fn idle(&self, adapter: &PeftAdapter) -> bool {
        let mut rests =
            adapter.tensors.iter().filter_map(|one| Some((one, (self.rest)(&one.part)?))).peekable();
        rests.peek().is_some() && rests.all(|(one, rest)| one.values.iter().all(|value| *value - rest == 0.0))
    }

    /// What an adapter makes of a model's weights.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where it cannot become part of them; [`Kind::Missing`] or [`Kind::Shape`] where it does not
    /// fit the model.
    pub(crate) fn merge(&self, adapter: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
        let merger = self.merge.map_err(|reason| {
            let found = format!("{}: {reason}", self.peft_type);
            Error::new(Kind::Unsupported, "`peft_type`", "a method that changes weights", found)
        })?;
        merger(adapter, config)
    }

    /// A fresh adapter, in the form that [`super::load`] takes.
    ///
    /// # Errors
    /// [`Kind::Value`] or [`Kind::Type`] for an option that is out of range; [`Kind::Missing`] for a target that the
    /// model does not have.
    pub async fn fresh(&self, fresh: Fresh<'_>) -> Result<PeftAdapter> {
        (self.fresh)(fresh).await
    }
}
