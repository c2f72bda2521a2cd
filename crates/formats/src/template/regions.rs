//! Where a rendered conversation has what others than the assistant say.

use std::ops::Range;

use serde_json::Value as Json;

use super::conversation::Message;
use super::turns::{Conversation, role};
use super::{budget, values};

/// The first of the private characters that stand around a message's words while they are looked for.
const FIRST: u32 = 0x10_0000;
/// As many there are.
const MOST: usize = 0xfffe;

/// The words of a message, by its number, and where they are.
type Region = (usize, Range<usize>);

/// What others say.
pub(super) struct Regions {
    /// In the order of the text.
    all: Vec<Region>,
    /// Where the words of each message end, at the first place that has them.
    ends: Vec<Option<usize>>,
}

impl Regions {
    /// Renders the conversation with a private character before and behind the words of each of the others' messages.
    /// `None` where the template then writes more than that otherwise, since it measures or cuts them.
    pub(super) fn of(conversation: &Conversation<'_>) -> Option<Self> {
        let Conversation { template, messages, text, options, .. } = conversation;
        if messages.len() > MOST || text.contains(|c| u32::from(c) >= FIRST) {
            return None;
        }
        let marked: Vec<Message> =
            messages.iter().zip(FIRST..).map(|(message, mark)| marked(message, mark)).collect();
        let rendered = budget::apart(|| template.run(&values(&marked), false, options)).ok()?;
        let (plain, all) = unmark(&rendered).filter(|(plain, _)| plain == text)?;
        drop(plain);
        let mut ends = vec![None; messages.len()];
        for (by, region) in &all {
            let end = ends.get_mut(*by)?;
            *end = end.or(Some(region.end));
        }
        Some(Self { all, ends })
    }

    /// Behind the words of these messages, and not before `from`.
    pub(super) fn behind(&self, messages: Range<usize>, from: usize) -> usize {
        self.ends.get(messages).into_iter().flatten().flatten().copied().fold(from, usize::max)
    }

    /// Where the first words behind `from` are that a message behind `index` says.
    pub(super) fn next(&self, index: usize, from: usize) -> Option<usize> {
        let first = self.all.partition_point(|(_, region)| region.end <= from);
        self.all.iter().skip(first).find(|(by, _)| *by > index).map(|(_, region)| region.start)
    }

    /// Where the words end that a stretch of the text has something of.
    pub(super) fn in_stretch(&self, stretch: &Range<usize>) -> Option<usize> {
        let first = self.all.partition_point(|(_, region)| region.end <= stretch.start);
        self.all.get(first).filter(|(_, region)| region.start < stretch.end).map(|(_, region)| region.end)
    }
}

fn marked(message: &Message, mark: u32) -> Message {
    let mut marked = message.clone();
    let mark = char::from_u32(mark).filter(|_| role(message) != "assistant");
    if let (Some(mark), Some(content)) = (mark, marked.get_mut("content")) {
        surround(content, mark);
    }
    marked
}

/// Puts `mark` around a text, or those in a list of parts; space at the ends may be trimmed and stays outside.
fn surround(content: &mut Json, mark: char) {
    match content {
        Json::String(text) => {
            let said = text.trim();
            if let Some((before, behind)) = text.split_once(said).filter(|_| !said.is_empty()) {
                *text = format!("{before}{mark}{said}{mark}{behind}");
            }
        }
        Json::Array(parts) => {
            parts.iter_mut().filter_map(|part| part.get_mut("text")).for_each(|text| surround(text, mark));
        }
        _ => {}
    }
}

/// The text without the private characters, and what was between two of the same.
fn unmark(marked: &str) -> Option<(String, Vec<Region>)> {
    let mut text = String::with_capacity(marked.len());
    let mut regions = Vec::new();
    let mut open: Option<(char, usize)> = None;
    for c in marked.chars() {
        match (u32::from(c).checked_sub(FIRST), open) {
            (None, _) => text.push(c),
            (Some(_), None) => open = Some((c, text.len())),
            (Some(index), Some((mark, start))) if mark == c => {
                regions.push((index as usize, start..text.len()));
                open = None;
            }
            _ => return None,
        }
    }
    open.is_none().then_some((text, regions))
}
