//! The ways to train, described so that a front end can make a form of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A parameter-efficient method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodSpec {
    /// What [`crate::TrainConfig::method`] calls it.
    pub name: String,
    /// What it does, in English.
    pub about: String,
    /// What [`crate::TrainConfig::options`] may hold.
    pub options: Vec<OptionSpec>,
}

/// A setting of a method. Its type is its default's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionSpec {
    /// Its name.
    pub name: String,
    /// Its default.
    pub default: Value,
    /// What it does, in English.
    pub about: String,
}
