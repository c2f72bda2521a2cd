//! [`Command::Methods`](smolder_protocol::Command::Methods): what there is to train with.

use serde_json::Value;
use smolder_models::peft::{METHODS, Method, OptionSpec};
use smolder_protocol as protocol;

/// Every method, as its file declares it.
pub(crate) fn all() -> Vec<protocol::MethodSpec> {
    METHODS.into_iter().map(method).collect()
}

fn method(method: &Method) -> protocol::MethodSpec {
    let options = method.options.iter().map(option).collect();
    protocol::MethodSpec { name: method.name.to_owned(), about: method.about.to_owned(), options }
}

fn option(spec: &OptionSpec) -> protocol::OptionSpec {
    let default = serde_json::from_str(spec.default).unwrap_or(Value::Null);
    protocol::OptionSpec { name: spec.name.to_owned(), default, about: spec.about.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_models::peft::Options;

    #[test]
    fn every_method_takes_its_own_defaults() {
        let all = all();
        assert_eq!(all.len(), METHODS.len());
        for (spec, method) in all.iter().zip(METHODS) {
            let given = spec.options.iter().map(|one| (one.name.clone(), one.default.clone())).collect();
            assert!(spec.options.iter().all(|one| !one.default.is_null()), "{}", spec.name);
            assert_eq!(
                Options::new(method.options, &given),
                Options::new(method.options, &serde_json::Map::default())
            );
        }
    }
}
