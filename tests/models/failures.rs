//! A GPU that cannot go on: an error that says so, never wrong text.

mod gpu {
    use smolder_kernels::gpu::{Gpu, GpuError};
    use smolder_models::generate::{Event, GenerateError, Generator, Settings};
    use smolder_models::peft::Base;
    use smolder_tests::fixtures::{Case, cases};
    use smolder_tests::open_gpu;
    use std::ops::ControlFlow;

    /// A model of one key head, and one of two.
    const ONE: &str = "llama-hf";
    const TWO: &str = "llama-k-k";

    fn case(name: &str) -> Case {
        cases().into_iter().find(|case| case.name == name).unwrap()
    }

    /// The tokens written, and what the GPU says then, where `sabotage` came before the last tokens.
    async fn write(
        model: &str,
        capacity: usize,
        sabotage: fn(&Gpu),
    ) -> (Result<Vec<u32>, GenerateError>, Result<(), GpuError>) {
        let gpu = open_gpu().await;
        let case = case(model);
        let (opened, mut tokens) = (case.open(), 0);
        let mut config = opened.config.clone();
        config.sizes.context = 1 << 30;
        let model = case.load_as(config, &gpu.device).await;
        let mut generator = Generator::new(&model, &Base, 1, capacity).unwrap();
        let mut watch = |event: Event| {
            tokens += usize::from(matches!(event, Event::Piece(_)));
            if tokens == 3 {
                sabotage(&gpu);
            }
            ControlFlow::Continue(())
        };
        let settings = Settings { max_tokens: 6, ..Settings::default() };
        let prompts = [case.prompt().ids];
        let ended = generator.run(&prompts, &opened.tokenizer, &settings, &mut watch).await;
        (ended.map(|mut summaries| summaries.remove(0).ids), gpu.check())
    }

    #[test]
    fn a_gpu_that_is_lost_on_the_way_is_reported() {
        let expected = case(ONE).prompt().greedy[..6].to_vec();
        assert_eq!(pollster::block_on(write(ONE, 64, |_| ())), (Ok(expected), Ok(())));
        let (ended, lost) = pollster::block_on(write(ONE, 64, Gpu::destroy));
        assert!(matches!(ended, Err(GenerateError::Device(_))), "{ended:?}");
        assert!(matches!(lost, Err(GpuError::Lost(_))), "{lost:?}");
    }

    #[test]
    fn a_cache_that_no_buffer_can_hold_is_reported() {
        let (ended, _) = pollster::block_on(write(ONE, 1 << 24, |_| ()));
        let message = ended.unwrap_err().to_string();
        assert!(message.starts_with("the device gave no result: can't allocate"), "{message}");
    }

    /// A layer's keys take 128 MiB and a little more, its two key heads half of that each.
    #[test]
    fn a_cache_that_one_buffer_cannot_hold_is_split() {
        let expected = case(TWO).prompt().greedy[..6].to_vec();
        assert_eq!(pollster::block_on(write(TWO, (1 << 20) + 64, |_| ())), (Ok(expected), Ok(())));
    }
}
