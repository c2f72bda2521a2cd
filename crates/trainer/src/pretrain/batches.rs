//! Which tokens make which step.

use super::text::{Sentences, below};
use super::{CONTROLS, PretrainError, Settings};
use crate::data::Sequence;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use smolder_formats::dataset::{Record, RenderOptions, Renderer, Target};
use smolder_formats::template::{ChatTemplate, Message, Options};
use smolder_formats::tokenizer::{Specials, Tokenizer};
use smolder_models::open::message;

/// Sequences that a loss on the held-out text is computed on at once, and batches of them at most.
const EVALUATED: usize = 8;
const EVALUATIONS: usize = 8;
/// Draws without a conversation after which the text has none.
const PATIENCE: usize = 100;

/// A text as tokens, and the conversations in it.
pub(super) struct Corpus<'t> {
    tokens: Vec<u32>,
    held_out: Vec<Vec<Sequence>>,
    sentences: Sentences<'t>,
    renderer: Renderer<'t>,
    random: ChaCha8Rng,
    /// Tokens drawn as text and as conversations.
    drawn: [usize; 2],
}

impl<'t> Corpus<'t> {
    pub fn new(
        documents: &[&'t str],
        settings: &Settings,
        tokenizer: &'t Tokenizer,
        template: &'t ChatTemplate,
    ) -> Result<Self, PretrainError> {
        let context = settings.context as usize;
        let mut encoder = tokenizer.encoder();
        let end = tokenizer.id(CONTROLS[0]);
        let mut encode = |documents: &[&str]| {
            let tokens = documents.iter().flat_map(|one| {
                let ids = encoder.encode(one, Specials::AsText);
                ids.into_iter().chain(end)
            });
            tokens.collect::<Vec<u32>>()
        };
        let first = (documents.len() as f64 * (1.0 - settings.held_out)) as usize;
        let (train, last) = documents.split_at(first);
        let (tokens, last) = (encode(train), encode(last));
        let windows: Vec<Sequence> = last.chunks_exact(context).map(window).collect();
        if windows.is_empty() || tokens.len() <= context {
            let found = tokens.len() + last.len();
            return Err(PretrainError::Short { expected: context + 1, held_out: context, found });
        }
        let options = RenderOptions {
            target: Target::Assistant,
            max_len: context,
            raw_pairs: false,
            template: Options::of(tokenizer),
        };
        Ok(Self {
            tokens,
            held_out: windows.chunks(EVALUATED).take(EVALUATIONS).map(<[_]>::to_vec).collect(),
            sentences: Sentences::new(train),
            renderer: Renderer::new(tokenizer, template, options),
            random: ChaCha8Rng::seed_from_u64(settings.seed ^ 1),
            drawn: [0; 2],
        })
    }

    /// Tokens of the text that is trained on.
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// The text that is not trained on.
    pub fn held_out(&self) -> &[Vec<Sequence>] {
        &self.held_out
    }

    /// The next step's sequences: stretches of text from anywhere, and conversations where their share is not reached.
    pub fn batch(&mut self, settings: &Settings) -> Vec<Sequence> {
        let (mut batch, mut tokens) = (Vec::new(), 0);
        while tokens < settings.batch_tokens {
            let all = self.drawn.iter().sum::<usize>() as f64;
            let wanted = (self.drawn[1] as f64) < settings.chat_share * all;
            let conversation = if wanted { self.conversation() } else { None };
            self.drawn[usize::from(conversation.is_some())] +=
                conversation.as_ref().map_or(settings.context as usize, |one| one.ids.len());
            let next = conversation.unwrap_or_else(|| self.stretch(settings.context as usize));
            tokens += next.ids.len();
            batch.push(next);
        }
        batch
    }

    fn stretch(&mut self, len: usize) -> Sequence {
        let start = below(&mut self.random, self.tokens.len() - len);
        window(self.tokens.get(start..start + len).unwrap_or_default())
    }

    fn conversation(&mut self) -> Option<Sequence> {
        let drawn = (0..PATIENCE).find_map(|_| self.sentences.conversation(&mut self.random))?;
        let roles = ["user", "assistant"].into_iter().cycle();
        let messages: Vec<Message> =
            drawn.iter().zip(roles).map(|(text, role)| message(role, text)).collect();
        let rows = self.renderer.render(&Record::Chat(messages)).ok()?;
        let mask = rows.row.mask.iter().map(|mask| *mask == 1).collect();
        Some(Sequence { ids: rows.row.ids, mask })
    }
}

/// Tokens of which all but the first are learned.
fn window(ids: &[u32]) -> Sequence {
    Sequence { ids: ids.to_vec(), mask: (0..ids.len()).map(|at| at > 0).collect() }
}
