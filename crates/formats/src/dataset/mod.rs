//! People's data: read row by row, recognised, rendered into token ids with a loss mask, and audited.

mod audit;
mod chat;
mod detect;
mod lines;
mod pack;
mod pairs;
mod position;
mod reader;
mod render;
mod split;
mod table;

pub use audit::{Audit, Dropped};
pub use detect::{Format, Mapping};
pub use pack::pack;
pub use position::Position;
pub use reader::{Dataset, Record};
pub use render::{RenderOptions, Renderer, Rows, Target};
pub use split::validation_rows;

use serde::Serialize;

/// What training sees of one example: ids, and 1 where the loss is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Token ids.
    pub ids: Vec<u32>,
    /// 1 for a token that is learned, 0 for one that is only read, as the first of a document always is.
    pub mask: Vec<u8>,
}
