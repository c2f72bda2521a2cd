//! One run at a time, however many tabs: two would share a GPU and its memory. The tab that trains holds a lock.

use super::Session;
use crate::locks::{self, Held};
use crate::run::Run;
use leptos::prelude::*;

const LOCK: &str = "smolder.training";

impl Session {
    /// Looks whether another tab trains, now and whenever this one is looked at again, and notices when that ends. Ends
    /// this tab's own turn with its run.
    pub(super) fn watch_turns(self) {
        self.look_elsewhere();
        window_event_listener_untyped("visibilitychange", move |_| self.look_elsewhere());
        let training = Memo::new(move |_| self.training());
        Effect::new(move || {
            if !training.get() {
                self.own.update_value(|own| own.turn = None);
            }
        });
    }

    /// This tab's turn to train; false where another tab has it. Where the browser knows no turns, nobody waits.
    pub(super) async fn take_turn(self) -> bool {
        let turn: Result<Option<Held>, _> = locks::take(LOCK).await;
        let taken = !matches!(turn, Ok(None));
        self.own.update_value(|own| own.turn = turn.ok().flatten());
        if !taken {
            leptos::task::spawn_local(self.wait());
        }
        taken
    }

    fn look_elsewhere(self) {
        if self.elsewhere.get_untracked() || self.run.with_untracked(Run::under_way) {
            return;
        }
        leptos::task::spawn_local(async move {
            if matches!(locks::is_held(LOCK).await, Ok(true)) {
                self.wait().await;
            }
        });
    }

    /// Another tab trains until it does no more.
    async fn wait(self) {
        self.elsewhere.set(true);
        let _ = locks::until_free(LOCK).await;
        self.elsewhere.set(false);
    }
}
