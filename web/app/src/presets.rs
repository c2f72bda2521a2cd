//! Three ways to set everything about a run's length at once.

use smolder_protocol::TrainConfig;
use smolder_protocol::train::ScheduleKind;

/// How thoroughly to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    Quick,
    Balanced,
    Thorough,
}

impl Preset {
    pub(crate) const ALL: [Self; 3] = [Self::Quick, Self::Balanced, Self::Thorough];

    /// The preset that `config` is, where it is one.
    pub(crate) fn of(config: &TrainConfig) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.applied_to(config) == *config)
    }

    /// `config` as the preset has it. What is trained, on what and by which method stays.
    pub(crate) fn applied_to(self, config: &TrainConfig) -> TrainConfig {
        let kept = config.clone();
        let preset = TrainConfig {
            model: kept.model,
            data: kept.data,
            map: kept.map,
            out: kept.out,
            device: kept.device,
            method: kept.method,
            samples: kept.samples,
            seed: kept.seed,
            batch_size: Some(4),
            seq_len: 512,
            schedule: ScheduleKind::Cosine,
            warmup_ratio: 0.05,
            checkpoint_every: 20,
            sample_tokens: 48,
            ..TrainConfig::default()
        };
        match self {
            Self::Quick => TrainConfig { steps: Some(30), ..preset },
            Self::Balanced => TrainConfig { epochs: Some(3.0), ..preset },
            Self::Thorough => {
                TrainConfig { epochs: Some(10.0), eval_split: Some(0.1), patience: Some(3), ..preset }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::train::DeviceChoice;

    fn chosen() -> TrainConfig {
        let mut config = TrainConfig {
            model: "m.gguf".into(),
            data: "d.csv".into(),
            map: vec!["a=prompt".into()],
            device: DeviceChoice::Cpu,
            method: "prompt-tuning".into(),
            samples: vec!["Hello".into()],
            seed: 7,
            ..TrainConfig::default()
        };
        config.lr = Some(0.5);
        config
    }

    #[test]
    fn a_preset_can_train_and_is_recognised() {
        for preset in Preset::ALL {
            let config = preset.applied_to(&chosen());
            assert_eq!(config.problems(), []);
            assert_eq!(Preset::of(&config), Some(preset));
        }
        assert_eq!(Preset::of(&chosen()), None);
    }

    #[test]
    fn a_preset_keeps_what_is_trained_and_forgets_what_was_tuned() {
        let config = Preset::Quick.applied_to(&chosen());
        let kept = (&*config.model, &*config.data, &*config.method, config.seed, config.device);
        assert_eq!(kept, ("m.gguf", "d.csv", "prompt-tuning", 7, DeviceChoice::Cpu));
        assert_eq!((config.map.len(), config.samples.len(), config.lr), (1, 1, None));
    }
}
