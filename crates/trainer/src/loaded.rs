//! The one model that a session has in memory, for training and sampling.

use crate::compute::{Compute, DeviceError};
use crate::files::Files;
use crate::platform;
use smolder_formats::adapter::BaseIdentity;
use smolder_formats::template::ChatTemplate;
use smolder_formats::tokenizer::Tokenizer;
use smolder_models::peft::{self, Adapter};
use smolder_models::{LoadError, Model, Opened, Progress};
use smolder_protocol::model::{self, Failure};
use std::io::{Read, Seek};

/// A model on its device, and the files that it came from.
#[derive(Debug)]
pub(crate) struct Loaded<R> {
    /// What it was asked for by.
    pub name: String,
    /// Tokenizer, template, files.
    pub opened: Opened<R>,
    /// The weights.
    pub model: Model,
    /// Where they are.
    pub compute: Compute,
    /// Numbers of the weights, tied ones counted once.
    pub parameters: u64,
    /// Their bytes, as stored.
    pub bytes: u64,
    identity: Option<BaseIdentity>,
    /// The last adapter that wrote with it, its name and strength.
    adapter: Option<(String, f32, Box<dyn Adapter>)>,
    load_secs: f64,
}

/// What training and sampling need of a loaded model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base<'a> {
    pub model: &'a Model,
    pub compute: &'a Compute,
    pub parameters: u64,
    pub bytes: u64,
    pub tokenizer: &'a Tokenizer,
    pub template: &'a ChatTemplate,
    pub ends: &'a [u32],
}

impl<R: Read + Seek> Loaded<R> {
    /// Reads a model's weights onto a device; the reason where that is not possible.
    pub async fn load<F: Files<Reader = R>>(
        files: &mut F,
        name: &str,
        compute: Compute,
        progress: Progress<'_>,
    ) -> Result<Self, Failure> {
        let start_ms = platform::now_ms();
        let mut opened = files.model(name).await.map_err(|error| input(&error))?;
        let config = opened.config.clone();
        let model = Model::load(opened.weights.source(), config, compute.device(), progress).await;
        // What the GPU says of itself comes before what followed from it.
        compute.check()?;
        let model = model.map_err(|error| match error {
            LoadError::File(error) => input(&error),
            LoadError::Cancelled => Failure::Cancelled,
            LoadError::Device(reason) => DeviceError::because(reason).into(),
        })?;
        let load_secs = (platform::now_ms() - start_ms) / 1e3;
        let tensors = opened.weights.source().tensors();
        let parameters = tensors.iter().map(smolder_formats::TensorInfo::elements).sum();
        let bytes = tensors.iter().map(|tensor| tensor.bytes).sum();
        let name = name.to_owned();
        let (identity, adapter) = (None, None);
        Ok(Self { name, opened, model, compute, parameters, bytes, identity, adapter, load_secs })
    }

    /// What names the model in adapters; computed once, from all of its files' bytes.
    pub fn identity(&mut self) -> smolder_formats::Result<BaseIdentity> {
        if self.identity.is_none() {
            let found = self.opened.identity(&mut |_| ())?;
            self.identity = Some(BaseIdentity { name: file_name(&found.name).to_owned(), ..found });
        }
        Ok(self.identity.clone().unwrap_or_default())
    }

    /// What training and sampling need of it.
    pub fn base(&self) -> Base<'_> {
        let Opened { tokenizer, template, ends, .. } = &self.opened;
        let Self { model, compute, parameters, bytes, .. } = self;
        Base { model, compute, parameters: *parameters, bytes: *bytes, tokenizer, template, ends }
    }

    /// Puts an adapter on the model's device, unless it is the one that is there.
    pub async fn adapt<F: Files<Reader = R>>(
        &mut self,
        files: &mut F,
        (name, strength): (&str, f32),
    ) -> Result<(), Failure> {
        let is_there = |(there, as_strong, _): &(String, f32, _)| {
            there == name && as_strong.to_bits() == strength.to_bits()
        };
        if self.adapter.as_ref().is_some_and(is_there) {
            return Ok(());
        }
        let mut file = files.adapter(name, &mut self.opened).await.map_err(|error| input(&error))?;
        if strength.to_bits() != 1_f32.to_bits() {
            file = peft::with_strength(file, strength).map_err(|error| input(&error))?;
        }
        let adapter = peft::load(&file, &self.model).map_err(|error| input(&error.in_file(name)))?;
        self.adapter = Some((name.to_owned(), strength, adapter));
        Ok(())
    }

    /// Forgets the last adapter: under its name there may be another now.
    pub fn bare(&mut self) {
        self.adapter = None;
    }

    /// The adapter that [`Self::adapt`] put there.
    pub fn adapter(&self) -> Option<&dyn Adapter> {
        self.adapter.as_ref().map(|(.., adapter)| adapter.as_ref())
    }

    /// What a person wants to know of it.
    pub fn describe(&self) -> model::Loaded {
        let sizes = &self.model.config().sizes;
        model::Loaded {
            model: self.name.clone(),
            architecture: sizes.architecture.clone(),
            parameters: self.parameters,
            layers: sizes.layers,
            context: sizes.context,
            vocabulary: self.model.vocabulary(),
            bytes: self.bytes,
            template_built_in: self.opened.template.is_built_in(),
            device: self.compute.describe(),
            duration_secs: self.load_secs,
        }
    }
}

/// What a file or a setting is refused with.
pub(crate) fn input(error: &impl ToString) -> Failure {
    Failure::Input { reason: error.to_string() }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::OutOfMemory => Self::OutOfMemory,
            DeviceError::Failed(problem) => Self::Device(problem),
        }
    }
}

/// A path says more about the machine than about what lies there.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_name() {
        assert_eq!(["/home/me/m.gguf", r"c:\m.gguf", "m.gguf"].map(file_name), ["m.gguf"; 3]);
    }
}
