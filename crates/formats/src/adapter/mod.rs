//! Adapters: PEFT directories, single safetensors files with our metadata, and GGUF LoRA, read into one form; these
//! and MLX's written.

mod config;
mod gguf_lora;
mod identity;
mod lora;
mod meant;
mod mlx;
mod module;
mod peft;
mod plain;

pub use config::{AdapterConfig, Scale};
pub use gguf_lora::{Heads, read_gguf, row_order, write_gguf};
pub use identity::{BaseIdentity, Check};
pub use lora::{LoraAdapter, LoraPair};
pub use mlx::write_mlx;
pub use module::Module;
pub(crate) use peft::CONFIG_KEY;
pub use peft::{AdapterTensor, PeftAdapter, Target};
