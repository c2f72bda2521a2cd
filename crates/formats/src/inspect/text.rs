//! A report as people read it.

use std::collections::BTreeMap;
use std::fmt;

use super::{CACHE_TOKENS, Report, Sizes};
use crate::error::printable;

/// Bytes with a unit, as people read them.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{bytes} {name}") } else { format!("{value:.1} {name}") }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text: &Option<String>| text.as_deref().map_or_else(|| "not stated".into(), printable);
        writeln!(f, "file            {}", printable(&self.file))?;
        let parts = if self.parts > 1 { format!(" in {} files", self.parts) } else { String::new() };
        writeln!(f, "size            {}{parts}, {}", size(self.bytes), self.format)?;
        self.sha256.iter().try_for_each(|hash| writeln!(f, "sha256          {hash}"))?;
        writeln!(f, "table sha256    {}", self.table_sha256)?;
        writeln!(f, "name            {}", show(&self.name))?;
        writeln!(f, "licence         {}", show(&self.licence))?;
        self.model.as_ref().map_or(Ok(()), |sizes| fmt::Display::fmt(sizes, f))?;
        if self.types.is_empty() {
            writeln!(f, "tensors         none: this is a tokenizer without a model")?;
        } else {
            tensors(f, &self.types, self.parameters)?;
        }
        let t = &self.tokenizer;
        if t.sha256.is_some() {
            writeln!(f, "tokenizer       {}, {} tokens, {} merges", t.kind, t.vocabulary, t.merges)?;
            let added = if t.add_bos { ", put before every text" } else { "" };
            writeln!(f, "special tokens  BOS {}{added}; EOS {}", show(&t.bos), show(&t.eos))?;
        } else {
            writeln!(f, "tokenizer       {}", printable(&t.kind))?;
        }
        let template = if self.template.built_in {
            "none: the built-in ChatML is used instead".to_owned()
        } else {
            format!("{} bytes, sha256 {}", self.template.bytes, self.template.sha256)
        };
        writeln!(f, "chat template   {template}")?;
        lines(f, &self.template.source)?;
        if self.types.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "memory          {} of weights as stored, {} as 32-bit floats,",
            size(self.memory.weights),
            size(self.memory.weights_f32)
        )?;
        writeln!(
            f,
            "                {} of key-value cache for {CACHE_TOKENS} tokens",
            size(self.memory.cache_1024)
        )
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { architecture, layers, width, feed_forward, heads, kv_heads, head_dim, context, rope_base } =
            self;
        writeln!(f, "architecture    {}", printable(architecture))?;
        writeln!(f, "layers          {layers} of width {width}, feed-forward {feed_forward}")?;
        writeln!(f, "heads           {heads} of width {head_dim}, {kv_heads} for keys and values")?;
        writeln!(f, "context         {context} tokens, rope base {rope_base}")
    }
}

/// How many tensors there are of each type, and how much they hold.
pub(super) fn tensors(
    f: &mut fmt::Formatter<'_>,
    types: &BTreeMap<String, usize>,
    parameters: u64,
) -> fmt::Result {
    let types: Vec<String> = types.iter().map(|(name, count)| format!("{count} × {name}")).collect();
    writeln!(f, "tensors         {}", types.join(", "))?;
    match parameters {
        0..100_000 => writeln!(f, "parameters      {parameters}"),
        _ => writeln!(f, "parameters      {:.1} million", parameters as f64 / 1e6),
    }
}

/// A template below its line, as far as it is worth reading there.
fn lines(f: &mut fmt::Formatter<'_>, source: &str) -> fmt::Result {
    const LINES: usize = 40;
    const WIDTH: usize = 200;
    for line in source.lines().take(LINES) {
        let more = if line.chars().nth(WIDTH).is_some() { "…" } else { "" };
        writeln!(f, "                {}{more}", printable(&line.chars().take(WIDTH).collect::<String>()))?;
    }
    match source.lines().count().saturating_sub(LINES) {
        0 => Ok(()),
        more => writeln!(f, "                … and {more} more lines: --json has them"),
    }
}
