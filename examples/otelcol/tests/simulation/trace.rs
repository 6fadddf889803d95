//! What happened in a simulated world, in order.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::chance::hash;

/// Takes down what happens, and sums it up in a number: two runs with the same number were the same run. With the
/// variable `SIMULATION_TRACE` it prints.
#[derive(Debug, Clone)]
pub(crate) struct Trace(Arc<Mutex<Taken>>);

#[derive(Debug)]
struct Taken {
    begun: Instant,
    /// The time before that.
    before: Duration,
    now: Duration,
    events: u64,
    hash: u64,
    prints: bool,
}

impl Trace {
    pub(crate) fn new() -> Self {
        let prints = std::env::var_os("SIMULATION_TRACE").is_some();
        Self(Arc::new(Mutex::new(Taken {
            begun: Instant::now(),
            before: Duration::ZERO,
            now: Duration::ZERO,
            events: 0,
            hash: 0,
            prints,
        })))
    }

    /// Another runtime begins, whose clock knows nothing of what was before.
    pub(crate) fn begin(&self) {
        let mut taken = self.0.lock().unwrap();
        taken.begun = Instant::now();
        taken.before += Duration::from_secs(1000);
    }

    pub(crate) fn tell(&self, what: fmt::Arguments<'_>) {
        let mut taken = self.0.lock().unwrap();
        // In a simulated network each host has a clock of its own, and between two lives there is none.
        if let Some(elapsed) = turmoil::sim_elapsed() {
            taken.now = elapsed;
        } else if Handle::try_current().is_ok() {
            taken.now = taken.before + taken.begun.elapsed();
        }
        let line = format!("{:>12.6} {what}", taken.now.as_secs_f64());
        if taken.prints {
            println!("{line}");
        }
        taken.events += 1;
        taken.hash = taken.hash.rotate_left(5).wrapping_mul(0x0100_0000_01b3) ^ hash(line.as_bytes());
    }

    /// How much happened, and the number that sums it up.
    pub(crate) fn sum(&self) -> (u64, u64) {
        let taken = self.0.lock().unwrap();
        (taken.events, taken.hash)
    }
}

/// `tell!(trace, "format", …)` takes down what happened.
macro_rules! tell {
    ($trace:expr, $($what:tt)*) => { $trace.tell(format_args!($($what)*)) };
}
pub(crate) use tell;
