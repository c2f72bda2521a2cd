//! Which modules a config means: they must be those that the tensors are for.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::config::{AdapterConfig, names, refuse};
use super::module::Module;
use crate::error::{Error, Kind, Result};
use crate::names::Place;

/// `target_modules`, `exclude_modules` and `layers_to_transform`, as PEFT reads them.
pub(super) struct Meant<'c> {
    targets: HashSet<&'c str>,
    excluded: HashSet<String>,
    layers: Option<BTreeSet<u64>>,
}

impl<'c> Meant<'c> {
    /// # Errors
    /// [`Kind::Type`] for what is no list, [`Kind::Unsupported`] for regular expressions.
    pub(super) fn by(config: &'c AdapterConfig) -> Result<Self> {
        let targets = config.targets.iter().map(String::as_str).collect();
        let excluded = names(&config.raw, "exclude_modules")?.into_iter().collect();
        Ok(Self { targets, excluded, layers: layers(config)? })
    }

    /// Compares them with the modules that have tensors.
    ///
    /// # Errors
    /// [`Kind::Mismatch`] for tensors of a module that is not meant: PEFT passes them over. [`Kind::Missing`] for a
    /// module that is meant and has none, among the layers that have some, and for a named layer without any.
    pub(super) fn check<V>(&self, found: &BTreeMap<Module, V>) -> Result<()> {
        if let Some(module) = found.keys().find(|module| !self.means(**module)) {
            let expected = "a module that target_modules, exclude_modules and layers_to_transform mean";
            return Err(Error::new(Kind::Mismatch, module.hf(), expected, "tensors of another"));
        }
        let place =
            |module: &Module| if let Module::Projection(place) = module { Some(*place) } else { None };
        let layers: BTreeSet<u32> = found.keys().filter_map(place).map(|one| one.layer).collect();
        let projections: BTreeSet<_> = found.keys().filter_map(place).map(|one| one.projection).collect();
        let mut named = self.layers.iter().flatten();
        if let Some(layer) = named.find(|layer| !layers.iter().any(|one| u64::from(*one) == **layer)) {
            let expected = format!("tensors for layer {layer}");
            return Err(Error::new(Kind::Missing, "`layers_to_transform`", expected, "none"));
        }
        let places = layers.iter().flat_map(|layer| {
            projections.iter().map(move |projection| Place { layer: *layer, projection: *projection })
        });
        // A config without targets says of no module that it must be there.
        let mut meant = places.map(Module::Projection).filter(|_| !self.targets.is_empty());
        match meant.find(|module| self.means(*module) && !found.contains_key(module)) {
            Some(module) => {
                let expected = "tensors, as target_modules says and other layers have them";
                Err(Error::new(Kind::Missing, module.hf(), expected, "none"))
            }
            None => Ok(()),
        }
    }

    /// Whether a config without targets, or one with this among them, means the module.
    fn means(&self, module: Module) -> bool {
        let path = module.hf();
        let mut ends = path.match_indices('.').filter_map(|(at, _)| path.get(at + 1..));
        if self.excluded.contains(&path) || ends.clone().any(|end| self.excluded.contains(end)) {
            return false;
        }
        let linear = matches!(module, Module::Projection(_)) && self.targets.contains("all-linear");
        let named = linear || ends.any(|end| self.targets.contains(end));
        // Its whole path means a module whatever its layer.
        self.targets.is_empty() || self.targets.contains(path.as_str()) || (named && self.has_layer(module))
    }

    fn has_layer(&self, module: Module) -> bool {
        match (&self.layers, module) {
            (None, _) => true,
            (Some(layers), Module::Projection(place)) => layers.contains(&u64::from(place.layer)),
            (Some(_), Module::Embedding | Module::Head) => false,
        }
    }
}

/// `layers_to_transform`: a number or a list of them; an empty list names none and leaves none out.
fn layers(config: &AdapterConfig) -> Result<Option<BTreeSet<u64>>> {
    let stated = |key: &str| config.raw.get(key).unwrap_or(&Value::Null);
    let pattern = stated("layers_pattern");
    let usual = |value: &Value| value.as_str().is_some_and(|name| matches!(name, "" | "layers"));
    if !(pattern.is_null() || usual(pattern) || pattern.as_array().is_some_and(|all| all.iter().all(usual))) {
        return Err(refuse(Kind::Unsupported, "layers_pattern", "layers", pattern));
    }
    let value = stated("layers_to_transform");
    let found = match value {
        Value::Null => return Ok(None),
        Value::Array(list) => list.iter().map(Value::as_u64).collect::<Option<BTreeSet<u64>>>(),
        one => one.as_u64().map(|layer| BTreeSet::from([layer])),
    };
    let expected = "numbers of layers";
    let layers = found.ok_or_else(|| refuse(Kind::Type, "layers_to_transform", expected, value))?;
    Ok(Some(layers).filter(|layers| !layers.is_empty()))
}
