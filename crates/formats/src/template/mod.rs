//! Chat templates: Jinja, as models ship it, run with bounded time, memory and output.
//!
//! Strings equal those of transformers' `apply_chat_template`. Text from people is guarded first: where it spells a
//! control token, or has what one starts or ends with, an invisible mark is put there, which the tokenizer takes away
//! again. A template can therefore trim, cut, replace and join what people wrote, and it still becomes letters, never
//! control. Where marks would change more than that, since the template counts characters, it is refused.

mod budget;
mod builtins;
mod conversation;
mod date;
mod filters;
mod generation;
mod guard;
mod instrument;
mod json;
mod lex;
mod literals;
mod measures;
mod methods;
mod operands;
mod python;
mod regions;
mod spans;
mod turns;
mod words;

pub(crate) use literals::ROLES;

pub use conversation::{Message, Options, Rendered, Special};
pub use date::{Date, date_of};
pub use spans::TrainOn;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use crate::error::{Error, Kind, Result};
use crate::limits;

/// What models without a template of their own get.
pub const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + \
message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}\
{% endif %}";

const NAME: &str = "chat";

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    env: Environment<'static>,
    source: String,
    built_in: bool,
    marks_generation: bool,
    literals: literals::Literals,
    measures: bool,
}

impl ChatTemplate {
    /// Compiles a model's template, or [`CHATML`] where it has none.
    ///
    /// # Errors
    /// [`Kind::Limit`] over [`limits::TEMPLATE_BYTES`], [`Kind::Syntax`] for what does not compile.
    pub fn new(source: Option<&str>) -> Result<Self> {
        let text = source.unwrap_or(CHATML);
        if text.len() > limits::TEMPLATE_BYTES {
            let expected = format!("at most {} bytes", limits::TEMPLATE_BYTES);
            return Err(Error::new(Kind::Limit, "chat template", expected, text.len()));
        }
        // As in Jinja, however the file ends its lines.
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let (marked, marks_generation) = generation::mark(&lines);
        let mut env = environment();
        env.add_template_owned(NAME, instrument::instrument(&marked)?).map_err(|e| refused(&e))?;
        Ok(Self {
            env,
            source: text.to_owned(),
            built_in: source.is_none(),
            marks_generation,
            literals: literals::Literals::of(&lines),
            measures: measures::measures(&lines),
        })
    }

    /// Whether this is the built-in fallback: worth telling people.
    pub fn is_built_in(&self) -> bool {
        self.built_in
    }

    /// The template as the model ships it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Runs the template over messages that are already guarded.
    fn run(&self, messages: &[Value], prompt: bool, options: &Options) -> Result<String> {
        self.run_metered(messages, prompt, options).map(|(text, _)| text)
    }

    /// The same, with the instructions that it took.
    fn run_metered(&self, messages: &[Value], prompt: bool, options: &Options) -> Result<(String, u64)> {
        let template = self.env.get_template(NAME).map_err(|e| refused(&e))?;
        let mut context = options.context();
        context.insert("messages".into(), messages.to_vec().into());
        context.insert("add_generation_prompt".into(), prompt.into());
        let mut out = budget::Output::default();
        let ran = template
            .render_captured_to(Value::from_pairs(context), &mut out)
            .map(|captured| captured.state().fuel_levels().map_or(0, |(consumed, _)| consumed));
        match (out.overflow, ran) {
            (true, _) => {
                let expected = format!("at most {} bytes of output", limits::TEMPLATE_OUTPUT_BYTES);
                Err(Error::new(Kind::Limit, "chat template", expected, "more"))
            }
            (false, Err(error)) => Err(refused(&error)),
            (false, Ok(fuel)) => {
                String::from_utf8(out.bytes).map(|text| (text, fuel)).map_err(|e| not_utf8(&e))
            }
        }
    }
}

/// A template, or what one wrote, that is no text.
pub(crate) fn not_utf8(error: &std::string::FromUtf8Error) -> Error {
    let found = format!("byte {} is not", error.utf8_error().valid_up_to());
    Error::new(Kind::Encoding, "chat template", "UTF-8 text", found)
}

/// Messages as a template sees them.
fn values(messages: &[Message]) -> Vec<Value> {
    messages.iter().map(|message| Value::from(Serde(message))).collect()
}

fn environment() -> Environment<'static> {
    let mut env = Environment::empty();
    let syntax = env.syntax().to_builder().trim_blocks(true).lstrip_blocks(true).build();
    if let Ok(syntax) = syntax {
        env.set_syntax(syntax);
    }
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_undefined_behavior(UndefinedBehavior::Lenient);
    env.set_fuel(Some(limits::TEMPLATE_FUEL));
    env.set_recursion_limit(100);
    env.set_formatter(filters::format_value);
    env.set_unknown_method_callback(methods::method);
    builtins::register(&mut env);
    filters::register(&mut env);
    env
}

/// minijinja's errors as ours: what a template refuses by itself is a matter of the data, not of the template.
fn refused(error: &minijinja::Error) -> Error {
    let line = error.line().map_or_else(String::new, |line| format!(", line {line}"));
    let field = format!("chat template{line}");
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let (kind, expected) = match error.kind() {
        ErrorKind::OutOfFuel => (Kind::Cost, "a template that ends soon"),
        _ if detail.starts_with(budget::EXCEEDED) => (Kind::Cost, "a template of modest memory"),
        _ if detail.starts_with(filters::RAISED) => (Kind::Value, "messages that the template accepts"),
        ErrorKind::SyntaxError => (Kind::Syntax, "a Jinja template"),
        _ => (Kind::Syntax, "a template that runs"),
    };
    Error::new(kind, field, expected, detail.trim_start_matches(filters::RAISED))
}
