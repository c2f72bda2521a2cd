//! The one model that a session has in memory, for training and sampling.

use crate::compute::Compute;
use crate::files::Files;
use smolder_formats::Result;
use smolder_formats::adapter::BaseIdentity;
use smolder_formats::template::ChatTemplate;
use smolder_formats::tokenizer::Tokenizer;
use smolder_models::{LoadError, Model, Opened};
use std::io::{Read, Seek};
use std::ops::ControlFlow;

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
    /// Numbers of the weights.
    pub parameters: u64,
    /// Their bytes, as stored.
    pub bytes: u64,
    identity: Option<BaseIdentity>,
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
    ) -> std::result::Result<Self, String> {
        let mut opened = files.model(name).await.map_err(|error| error.to_string())?;
        let config = opened.config.clone();
        let mut progress = |_, _| ControlFlow::Continue(());
        let model = Model::load(opened.weights.source(), config, compute.device(), &mut progress);
        let model = model.map_err(|error: LoadError| error.to_string())?;
        compute
            .settle()
            .await
            .map_err(|error| format!("{name}: expected a device that holds it, found: {error}"))?;
        let tensors = opened.weights.source().tensors();
        let parameters = tensors.iter().map(|one| one.shape.iter().product::<u64>()).sum();
        let bytes = tensors.iter().map(|one| one.bytes).sum();
        Ok(Self { name: name.to_owned(), opened, model, compute, parameters, bytes, identity: None })
    }

    /// What names the model in adapters; computed once, from all of its files' bytes.
    pub fn identity(&mut self) -> Result<BaseIdentity> {
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
