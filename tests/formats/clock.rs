//! The processor's time.

use std::time::Duration;

/// The time that this thread has been running, where the system says: other work on the machine does not count.
pub fn running() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// What `work` gives, and how long it ran.
pub fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (clock, start) = (running(), std::time::Instant::now());
    let result = work();
    let ran = clock.zip(running()).map_or_else(|| start.elapsed(), |(from, to)| to.saturating_sub(from));
    (result, ran)
}
