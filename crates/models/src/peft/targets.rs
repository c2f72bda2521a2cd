//! Which modules a method acts on, from names that people give.

use smolder_formats::adapter::Module;
use smolder_formats::model::ModelConfig;
use smolder_formats::names::{Place, Projection};
use smolder_formats::{Error, Kind, Result};
use std::collections::BTreeSet;

use super::OptionSpec;

/// For methods that act on projections alone.
pub(super) const OPTION: OptionSpec = OptionSpec {
    name: "targets",
    default: "\"all-linear\"",
    about: "which layers, as in q_proj,v_proj; all-linear for every projection",
};

/// The modules that a list of names means, each once: the embedding, those of each layer, the head.
pub(super) fn modules(names: &str, sizes: &ModelConfig) -> Result<Vec<Module>> {
    let all = Projection::of(&sizes.architecture);
    let (mut ends, mut projections) = (Vec::new(), Vec::new());
    for name in names.split(',').map(str::trim) {
        let found = Projection::from_name(name).filter(|one| all.contains(one));
        match (name, found, Module::from_name(name)) {
            ("all-linear", ..) => projections.extend(all),
            (_, Some(projection), _) => projections.push(projection),
            (_, _, Some(module)) => ends.push(module),
            (other, None, None) => {
                let known = all.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
                let expected = format!("all-linear, embed_tokens, lm_head or some of {known}");
                return Err(Error::new(Kind::Missing, "`targets`", expected, other));
            }
        }
    }
    let layers = 0..sizes.layers as u32;
    let places =
        layers.flat_map(|layer| projections.iter().map(move |one| Place { layer, projection: *one }));
    let modules: BTreeSet<Module> = places.map(Module::Projection).chain(ends).collect();
    Ok(modules.into_iter().collect())
}

/// The projections that a list of names means.
pub(super) fn projections(names: &str, sizes: &ModelConfig) -> Result<Vec<Place>> {
    let place = |module: Module| match module {
        Module::Projection(place) => Ok(place),
        other => Err(Error::new(Kind::Unsupported, "`targets`", "projections of layers", other.name())),
    };
    modules(names, sizes)?.into_iter().map(place).collect()
}

/// The modules' short names, sorted, each once: `target_modules`.
pub(super) fn names(modules: &[Module]) -> Vec<&'static str> {
    modules.iter().map(|one| one.name()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The same of projections.
pub(super) fn names_of(places: &[Place]) -> Vec<&'static str> {
    names(&places.iter().copied().map(Module::Projection).collect::<Vec<_>>())
}
