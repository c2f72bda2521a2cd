//! The one model that a session has in memory, for training and sampling.

use crate::compute::{Compute, DeviceError};
use crate::files::Files;
use crate::platform;
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
    /// The last adapter that wrote with it.
    adapter: Option<(String, Box<dyn Adapter>)>,
    load_secs: f64,
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
        let name = name.to_owned();
        Ok(Self { name, opened, model, compute, adapter: None, load_secs })
    }

    /// Puts an adapter on the model's device, unless it is the one that is there.
    pub async fn adapt<F: Files<Reader = R>>(&mut self, files: &mut F, name: &str) -> Result<(), Failure> {
        if self.adapter.as_ref().is_some_and(|(there, _)| there == name) {
            return Ok(());
        }
        let file = files.adapter(name, &mut self.opened).await.map_err(|error| input(&error))?;
        let adapter = peft::load(&file, &self.model).map_err(|error| input(&error))?;
        self.adapter = Some((name.to_owned(), adapter));
        Ok(())
    }

    /// The adapter that [`Self::adapt`] put there.
    pub fn adapter(&self) -> Option<&dyn Adapter> {
        self.adapter.as_ref().map(|(_, adapter)| adapter.as_ref())
    }

    /// What a person wants to know of it.
    pub fn describe(&mut self) -> model::Loaded {
        let tensors = self.opened.weights.source().tensors();
        let sizes = &self.model.config().sizes;
        model::Loaded {
            model: self.name.clone(),
            architecture: sizes.architecture.clone(),
            parameters: tensors.iter().map(smolder_formats::TensorInfo::elements).sum(),
            layers: sizes.layers,
            context: sizes.context,
            vocabulary: self.model.vocabulary(),
            bytes: tensors.iter().map(|tensor| tensor.bytes).sum(),
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
