//! `adapter_config.json`.

use serde_json::{Map, Value, json};

use crate::error::{Error, Kind, Result};
use crate::limits;

/// What an adapter's config says, checked; all its keys are kept in `raw`.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterConfig {
    /// `peft_type`: `LORA`, `IA3` …
    pub method: String,
    /// The names in `target_modules`, sorted, or `all-linear` alone; empty where the method has none.
    pub targets: Vec<String>,
    /// Every key of the file.
    pub raw: Map<String, Value>,
}

/// A LoRA's rank, alpha and the rule that makes its scale of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// r
    pub rank: u64,
    /// α
    pub alpha: f64,
    /// Whether the scale is α/√r (rsLoRA), not α/r.
    pub by_root: bool,
}

impl Scale {
    /// The factor of B·A.
    pub fn factor(self) -> f64 {
        let rank = self.rank as f64;
        self.alpha / if self.by_root { rank.sqrt() } else { rank }
    }
}

/// PEFT's rank and alpha where a config names none.
const DEFAULT: u64 = 8;

/// What trains or computes more than pairs of matrices, each beside modules of their own.
const NOT_HELD: [&str; 8] = [
    "modules_to_save",
    "layer_replication",
    "alora_invocation_tokens",
    "target_parameters",
    "trainable_token_indices",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
];

pub(super) fn refuse(kind: Kind, key: &str, expected: &str, found: &Value) -> Error {
    Error::new(kind, format!("`{key}`"), expected, found)
}

impl AdapterConfig {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// Those of [`crate::json::object`]; [`Kind::Unsupported`] for regular expressions, a trained bias, what is trained
    /// or computed beside the pairs (saved modules, repeated layers …), or a base that is another; [`Kind::Value`] for a
    /// rank or alpha out of range; [`Kind::Type`] for a switch that is neither true nor false.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let Value::Object(raw) = crate::json::object(json, limits::CONFIG_BYTES)? else {
            return Err(Error::new(Kind::Type, "", "a JSON object", "another value"));
        };
        let method = match raw.get("peft_type") {
            Some(Value::String(method)) => method.to_uppercase(),
            None => return Err(Error::new(Kind::Missing, "`peft_type`", "a method's name", "nothing")),
            Some(other) => return Err(refuse(Kind::Type, "peft_type", "a method's name", other)),
        };
        let config = Self { method, targets: names(&raw, "target_modules")?, raw };
        config.refuse_what_cannot_be_held()?;
        if config.method == "LORA" {
            config.scale("")?;
            config.refuse_other_bases()?;
        }
        Ok(config)
    }

    fn refuse_what_cannot_be_held(&self) -> Result<()> {
        match self.raw.get("bias") {
            None | Some(Value::Null) => {}
            Some(Value::String(bias)) if bias == "none" => {}
            Some(other) => return Err(refuse(Kind::Unsupported, "bias", "none", other)),
        }
        let empty = |value: &Value| {
            let fields = value.as_object().is_some_and(Map::is_empty);
            value.is_null() || fields || value.as_array().is_some_and(Vec::is_empty)
        };
        for key in NOT_HELD {
            if let Some(other) = self.raw.get(key).filter(|value| !empty(value)) {
                return Err(refuse(Kind::Unsupported, key, "none", other));
            }
        }
        ["rank_pattern", "alpha_pattern"].into_iter().try_for_each(|key| self.refuse_expressions(key))
    }

    /// Some ways to begin take a part of the base's weights into A and B: the rest of that base is in no adapter's folder.
    fn refuse_other_bases(&self) -> Result<()> {
        const TAKING: [&str; 5] = ["pissa", "olora", "corda", "loftq", "lora_ga"];
        let begun = self.raw.get("init_lora_weights").and_then(Value::as_str).unwrap_or_default();
        if TAKING.iter().any(|name| begun.to_ascii_lowercase().starts_with(name)) {
            let expected =
                "a LoRA of the unchanged base, as PEFT saves with `path_initial_model_for_weight_conversion`";
            return Err(refuse(Kind::Unsupported, "init_lora_weights", expected, &begun.into()));
        }
        for key in ["use_qalora", "use_bdlora", "fan_in_fan_out", "lora_bias"] {
            let set = |value: &&Value| !matches!(value, Value::Null | Value::Bool(false));
            if let Some(other) = self.raw.get(key).filter(set) {
                return Err(refuse(Kind::Unsupported, key, "false", other));
            }
        }
        ["use_rslora", "use_dora", "ensure_weight_tying"]
            .into_iter()
            .try_for_each(|key| self.flag(key).map(drop))
    }

    /// A switch, off where nothing is said.
    ///
    /// # Errors
    /// [`Kind::Type`] for anything but true and false: Python takes the text `false` for true.
    pub(super) fn flag(&self, key: &str) -> Result<bool> {
        match self.raw.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(*on),
            Some(other) => Err(refuse(Kind::Type, key, "true or false", other)),
        }
    }

    /// PEFT takes the keys of both patterns for regular expressions; here they are the ends of paths.
    fn refuse_expressions(&self, key: &str) -> Result<()> {
        let names = match self.raw.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Object(patterns)) => Some(patterns.keys()),
            Some(other) => return Err(refuse(Kind::Type, key, "numbers by module", other)),
        };
        names.into_iter().flatten().find(|name| !is_plain(name)).map_or(Ok(()), |name| {
            let expected = "names of modules, not regular expressions";
            Err(Error::new(Kind::Unsupported, format!("`{key}`"), expected, name))
        })
    }

    /// Rank of the module at `path`, by `rank_pattern` or else `r`, or else PEFT's default.
    ///
    /// # Errors
    /// [`Kind::Value`] where it is none.
    pub fn rank(&self, path: &str) -> Result<u64> {
        let (key, rank) = self.stated("rank_pattern", "r", path);
        let expected = format!("a rank from 1 to {}", limits::RANK);
        let found = rank.as_u64().filter(|r| (1..=limits::RANK).contains(r));
        found.ok_or_else(|| refuse(Kind::Value, key, &expected, &rank))
    }

    /// Rank and alpha of the module at `path`, by `rank_pattern` and `alpha_pattern`, or else `r` and `lora_alpha`, which
    /// other methods call `alpha`, or else PEFT's defaults.
    ///
    /// # Errors
    /// [`Kind::Type`] or [`Kind::Value`] naming the key.
    pub fn scale(&self, path: &str) -> Result<Scale> {
        let rank = self.rank(path)?;
        let key = if self.method == "LORA" { "lora_alpha" } else { "alpha" };
        let (key, alpha) = self.stated("alpha_pattern", key, path);
        let expected = "a number from -1000000 to 1000000";
        let alpha = alpha
            .as_f64()
            .filter(|a| a.abs() <= 1e6)
            .ok_or_else(|| refuse(Kind::Value, key, expected, &alpha))?;
        Ok(Scale { rank, alpha, by_root: self.flag("use_rslora")? })
    }

    /// What the pattern says of the module at `path`, or else the key, or else PEFT's default; and which of both says it.
    fn stated<'k>(&self, pattern: &'k str, key: &'k str, path: &str) -> (&'k str, Value) {
        match self.pattern(pattern, path) {
            Some(value) => (pattern, value.clone()),
            None => (key, self.raw.get(key).cloned().unwrap_or_else(|| DEFAULT.into())),
        }
    }

    /// The entry whose key is the path's end, on a dot: the first in the file, where several are.
    fn pattern(&self, key: &str, path: &str) -> Option<&Value> {
        let patterns = self.raw.get(key)?.as_object()?;
        let ends = path.match_indices('.').filter_map(|(at, _)| path.get(at + 1..)).chain([path]);
        let found: Vec<&str> = ends.filter(|end| patterns.contains_key(*end)).collect();
        match found.as_slice() {
            [] => None,
            [only] => patterns.get(*only),
            several => {
                patterns.iter().find(|(name, _)| several.contains(&name.as_str())).map(|entry| entry.1)
            }
        }
    }

    /// The config of a LoRA as PEFT writes it, with every key that it knows.
    pub fn lora(base: &str, targets: &[&str], scale: Scale, dropout: f64) -> Self {
        let mut sorted: Vec<String> = targets.iter().map(|name| (*name).to_owned()).collect();
        sorted.sort_unstable();
        let nulls = [
            "alora_invocation_tokens",
            "arrow_config",
            "auto_mapping",
            "corda_config",
            "eva_config",
            "exclude_modules",
            "kasa_config",
            "layer_replication",
            "layers_pattern",
            "layers_to_transform",
            "lora_ga_config",
            "megatron_config",
            "modules_to_save",
            "monteclora_config",
            "revision",
            "target_parameters",
            "trainable_token_indices",
            "velora_config",
        ];
        let mut raw: Map<String, Value> = nulls.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
        let values = json!({
            "alpha_pattern": {}, "base_model_name_or_path": base, "bias": "none", "ensure_weight_tying": false,
            "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true, "loftq_config": {},
            "lora_alpha": scale.alpha, "lora_bias": false, "lora_dropout": dropout, "megatron_core": "megatron.core",
            "peft_type": "LORA", "qalora_group_size": 16, "r": scale.rank, "rank_pattern": {},
            "target_modules": sorted, "task_type": "CAUSAL_LM", "use_bdlora": null, "use_dora": false,
            "use_qalora": false, "use_rslora": scale.by_root,
        });
        raw.extend(values.as_object().cloned().unwrap_or_default());
        Self { method: "LORA".into(), targets: sorted, raw }
    }

    /// Keys that PEFT's LoRA does not know: it passes over them, with a warning.
    pub fn unknown_keys(&self) -> Vec<&str> {
        let known = Self::lora("", &[], Scale { rank: DEFAULT, alpha: 1.0, by_root: false }, 0.0).raw;
        let unknown = |key: &&str| !known.contains_key(*key) && *key != "peft_version";
        let keys = self.raw.keys().map(String::as_str).filter(unknown);
        keys.filter(|_| self.method == "LORA").collect()
    }

    /// The file's text: keys sorted, two spaces of indent.
    pub fn to_json(&self) -> String {
        let mut keys: Vec<&String> = self.raw.keys().collect();
        keys.sort_unstable();
        let sorted: Map<String, Value> =
            keys.into_iter().filter_map(|key| Some((key.clone(), self.raw.get(key)?.clone()))).collect();
        format!("{:#}", Value::Object(sorted))
    }
}

/// Whether a text can only be the name of a module, or the end of its path.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// `target_modules` or the like: a list of names, or one name, as some methods write it; any other text is a regular
/// expression.
pub(super) fn names(raw: &Map<String, Value>, key: &str) -> Result<Vec<String>> {
    let value = raw.get(key).unwrap_or(&Value::Null);
    let found = match value {
        Value::Null => Some(Vec::new()),
        Value::String(name) if is_plain(name) => Some(vec![name.as_str()]),
        Value::String(_) => {
            let expected = "a list of module names, not a regular expression";
            return Err(refuse(Kind::Unsupported, key, expected, value));
        }
        Value::Array(names) => names.iter().map(|name| name.as_str().filter(|name| is_plain(name))).collect(),
        _ => None,
    };
    let names = found.ok_or_else(|| refuse(Kind::Type, key, "a list of module names", value))?;
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    Ok(names)
}
