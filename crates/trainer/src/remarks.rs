//! What a person should know of an adapter that can be used all the same.

use smolder_formats::adapter::PeftAdapter;
use smolder_formats::error::printable;
use smolder_models::peft::Method;
use smolder_protocol::storage::AdapterRemark;

/// What PEFT warns of too, and that an adapter changes nothing.
pub fn adapter_remarks(adapter: &PeftAdapter) -> Vec<AdapterRemark> {
    let unknown = adapter.config.unknown_keys();
    let keys =
        (!unknown.is_empty()).then(|| AdapterRemark::UnknownKeys { keys: printable(&unknown.join(", ")) });
    let idle = Method::of(adapter).is_ok_and(|method| method.idle(adapter));
    keys.into_iter().chain(idle.then_some(AdapterRemark::Idle)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_formats::adapter::{AdapterConfig, AdapterTensor};

    /// A LoRA of one pair whose B is `b` everywhere.
    fn lora(config: &str, b: f32) -> PeftAdapter {
        let config = AdapterConfig::from_json(config.as_bytes()).unwrap();
        let tensor = |part: &str, value| {
            let key = format!("base_model.model.model.layers.0.self_attn.q_proj.lora_{part}.weight");
            AdapterTensor::new(&key, vec![1, 1], vec![value]).unwrap()
        };
        PeftAdapter { config, tensors: vec![tensor("A", 1.0), tensor("B", b)], base: None }
    }

    const PLAIN: &str = r#"{"peft_type": "LORA", "r": 1, "target_modules": ["q_proj"]}"#;
    const NEW: &str =
        r#"{"peft_type": "LORA", "r": 1, "target_modules": ["q_proj"], "use_newest_trick": true, "a\nb": 1}"#;

    #[test]
    fn an_adapter_with_unknown_keys_or_without_effect_is_remarked_on() {
        let keys = || AdapterRemark::UnknownKeys { keys: "use_newest_trick, a\\nb".to_owned() };
        assert_eq!(adapter_remarks(&lora(PLAIN, 0.5)), []);
        assert_eq!(adapter_remarks(&lora(PLAIN, 0.0)), [AdapterRemark::Idle]);
        assert_eq!(adapter_remarks(&lora(NEW, 0.5)), [keys()]);
        assert_eq!(adapter_remarks(&lora(NEW, 0.0)), [keys(), AdapterRemark::Idle]);
    }
}
