//! What one rendering may cost beyond fuel: bytes built along the way, and bytes written.

use std::cell::Cell;
use std::io;

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use crate::limits::TEMPLATE_OUTPUT_BYTES;

/// How the message of an exceeded budget starts.
pub(super) const EXCEEDED: &str = "memory budget exceeded";
/// Bytes that strings and lists built along the way may take together, whether or not they are still alive.
const BYTES: u64 = 32 << 20;

/// What looking for the turns of one conversation may take beyond that.
const TURNS_BYTES: u64 = 96 << 20;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(BYTES) };
}

/// Starts a conversation, which may be rendered once.
pub(super) fn reset() {
    LEFT.set(BYTES);
}

/// Adds what rendering parts of the conversation may take, all together.
pub(super) fn for_turns() {
    LEFT.set(LEFT.get() + TURNS_BYTES);
}

/// Runs something with the budget of one rendering, and leaves the other as it was.
pub(super) fn apart<T>(run: impl FnOnce() -> T) -> T {
    let left = LEFT.replace(BYTES);
    let ran = run();
    LEFT.set(left);
    ran
}

/// Takes `bytes` off the budget.
pub(super) fn charge(bytes: u64) -> Result<(), Error> {
    let left = LEFT.get().checked_sub(bytes);
    left.map(|left| LEFT.set(left)).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, EXCEEDED))
}

/// What a value costs beside its text: a place in a list, or the time to look at it.
pub(super) const ITEM: u64 = 32;

/// Roughly the bytes that a copy of the value takes, the values in it shared.
pub(super) fn size(value: &Value) -> Result<u64, Error> {
    match value.kind() {
        ValueKind::String => Ok(value.as_str().map_or(0, |s| s.len() as u64)),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            let counted = || {
                value.try_iter()?.try_fold(0, |n, _| {
                    charge(ITEM)?;
                    Ok::<usize, Error>(n + 1)
                })
            };
            let len: usize = value.len().map_or_else(counted, Ok)?;
            Ok(len as u64 * ITEM)
        }
        _ => Ok(0),
    }
}

/// Refuses what would take a stack frame a level for too many levels.
pub(super) fn check_depth(depth: usize) -> Result<(), Error> {
    if depth > crate::limits::JSON_DEPTH {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("{EXCEEDED}: too many nested values")));
    }
    Ok(())
}

/// Pays for writing a value out: shared parts count each time.
pub(super) fn written(value: &Value) -> Result<u64, Error> {
    walk(value, 0, 1)
}

/// Pays for comparing or searching a value, and all that is in it.
pub(super) fn compared(value: &Value) -> Result<u64, Error> {
    walk(value, 0, 16)
}

/// Takes every value inside off the budget, as it is met; of text a part.
fn walk(value: &Value, depth: usize, part: u64) -> Result<u64, Error> {
    check_depth(depth)?;
    let own = ITEM + value.as_str().map_or(0, |text| text.len() as u64 / part);
    charge(own)?;
    let mut total = own;
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) {
        for item in value.try_iter()? {
            total += walk(&item, depth + 1, part)?;
            if value.kind() == ValueKind::Map {
                total += walk(&value.get_item(&item)?, depth + 1, part)?;
            }
        }
    }
    Ok(total)
}

/// The value with lists for all that would be computed anew each time it is looked at, `None` where it has nothing of
/// the kind. What is kept is thus as deep as it looks: [`crate::limits::JSON_DEPTH`] at most.
///
/// A namespace that holds a namespace could hold itself, and would never be freed; `names` says whether one may be.
pub(super) fn settled(value: &Value, names: bool, depth: usize) -> Result<Option<Value>, Error> {
    check_depth(depth)?;
    charge(ITEM)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let mut changed = value.kind() == ValueKind::Iterable;
            let mut items = Vec::new();
            for item in value.try_iter()? {
                let new = settled(&item, names, depth + 1)?;
                changed |= new.is_some();
                items.push(new.unwrap_or(item));
            }
            let list = |items| if value.is_tuple() { Tuple::from(items).into() } else { Value::from(items) };
            Ok(changed.then(|| list(items)))
        }
        ValueKind::Map => {
            let kind = value.as_object().map_or("", |object| object.type_name());
            if !names && (kind.ends_with("::Namespace") || kind.ends_with("::Loop")) {
                let found = "a namespace keeps texts, numbers, lists and maps only";
                return Err(Error::new(ErrorKind::InvalidOperation, found));
            }
            let (mut changed, mut pairs) = (false, Vec::new());
            for key in value.try_iter()? {
                let item = value.get_item(&key)?;
                check_depth(depth + 1)?;
                let new = settled(&item, names, depth + 1)?;
                changed |= new.is_some();
                pairs.push((settled(&key, names, depth + 1)?.unwrap_or(key), new.unwrap_or(item)));
            }
            Ok(changed.then(|| Value::from_pairs(pairs)))
        }
        _ => Ok(None),
    }
}

/// Collects output up to the cap.
#[derive(Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    pub(super) overflow: bool,
}

impl io::Write for Output {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + buffer.len() > TEMPLATE_OUTPUT_BYTES {
            self.overflow = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
