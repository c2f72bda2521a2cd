//! The trainer in a dedicated worker: `postMessage` on one side, its session on the other.

#[cfg(target_family = "wasm")]
mod post;

fn main() {
    #[cfg(target_family = "wasm")]
    post::serve();
}
