//! What decoders are made of.

mod attention;
mod block;
mod feed_forward;
mod linear;
mod norm;

pub(crate) use attention::Attention;
pub(crate) use block::Block;
pub(crate) use feed_forward::FeedForward;
pub(crate) use linear::Inputs;
pub use linear::Linear;
pub use norm::Norm;
