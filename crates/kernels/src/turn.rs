//! Letting others have a turn: a worker hears nothing while it computes.

/// Ends the browser's current task and goes on in a later one, so that messages which have arrived are heard.
/// Natively, where other threads listen, it does nothing.
#[cfg(not(target_family = "wasm"))]
pub async fn turn() {}

#[cfg(target_family = "wasm")]
pub use web::turn;

#[cfg(target_family = "wasm")]
mod web {
    use js_sys::{Function, Promise};
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_futures::JsFuture;

    #[wasm_bindgen]
    extern "C" {
        type MessageChannel;
        #[wasm_bindgen(constructor)]
        fn new() -> MessageChannel;
        #[wasm_bindgen(method, getter)]
        fn port1(this: &MessageChannel) -> Port;
        #[wasm_bindgen(method, getter)]
        fn port2(this: &MessageChannel) -> Port;

        type Port;
        #[wasm_bindgen(method, setter, js_name = onmessage)]
        fn set_onmessage(this: &Port, hear: &Function);
        #[wasm_bindgen(method, js_name = postMessage)]
        fn post_message(this: &Port, message: &JsValue);
    }

    thread_local! {
        static CHANNEL: MessageChannel = channel();
        /// What goes on with each message.
        static WAITING: RefCell<VecDeque<Function>> = RefCell::default();
    }

    fn channel() -> MessageChannel {
        let channel = MessageChannel::new();
        let hear = Closure::<dyn Fn()>::new(|| {
            if let Some(resolve) = WAITING.with_borrow_mut(VecDeque::pop_front) {
                let _ = resolve.call0(&JsValue::UNDEFINED);
            }
        });
        channel.port1().set_onmessage(hear.as_ref().unchecked_ref());
        hear.forget();
        channel
    }

    /// See the native twin. A message to oneself, since timers wait four milliseconds each.
    pub async fn turn() {
        let later = Promise::new(&mut |resolve, _| {
            WAITING.with_borrow_mut(|waiting| waiting.push_back(resolve));
            CHANNEL.with(|channel| channel.port2().post_message(&JsValue::NULL));
        });
        // Nothing rejects it.
        let _ = JsFuture::from(later).await;
    }
}
