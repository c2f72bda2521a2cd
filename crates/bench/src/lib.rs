//! Measures kernels, models and training steps, natively and in a browser's worker.
//!
//! Machines are shared and clocks vary, so what is compared is measured in turns, and each number has its floor beside
//! it: the time that the device's own ceilings for arithmetic and memory would take.

mod ceilings;
mod clock;
mod compare;
mod contest;
mod error;
mod generate;
mod kernels;
mod report;
mod sizes;
mod stock;
mod table;
mod train;

pub use ceilings::Ceilings;
pub use clock::{cpu_secs, load, peak_bytes};
pub use compare::compare;
pub use error::BenchError;
pub use generate::{Loaded, generate, start};
pub use kernels::kernels;
pub use report::{Better, Figure, Part, Report, Timing};
pub use sizes::{SIZES, Sizes};
pub use table::{row, table};
pub use train::train;
