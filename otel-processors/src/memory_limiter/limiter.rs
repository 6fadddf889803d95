//! The measurement that instances share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use otel_core::component::{Host, Status, Task};
use otel_core::telemetry::{Level, Logger};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::memory::Memory;

/// Between the ticks memory is measured when data comes, but not more often than this. At a gigabyte a second 10 MB come
/// in that time; a measurement takes some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Giving memory back takes milliseconds where there is much of it, so it is not done more often than this.
const RECLAIM_EVERY: Duration = Duration::from_millis(100);

/// Limits in bytes, and how often to look and to give memory back.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Above this memory is given back as often as `hard_reclaim` allows.
    pub hard: u64,
    /// Above this data is refused.
    pub soft: u64,
    /// The longest time between measurements.
    pub interval: Duration,
    /// Time between attempts to give memory back above the soft limit.
    pub soft_reclaim: Duration,
    /// The same above the hard limit.
    pub hard_reclaim: Duration,
}

/// Measures memory from time to time and says whether data is refused.
#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    memory: Box<dyn Memory>,
    refusing: AtomicBool,
    /// What the log and the status say, which follow at the ticks.
    told: AtomicBool,
    created: Instant,
    /// When memory was measured last, in nanoseconds since the creation.
    looked: AtomicU64,
    running: Mutex<Running>,
}

/// The task runs from the first instance's start to the last one's end.
#[derive(Debug, Default)]
struct Running {
    instances: usize,
    task: Option<Task>,
    reclaimed: Option<Instant>,
}

impl Limiter {
    /// A limiter over a measurement.
    pub fn new(limits: Limits, memory: Box<dyn Memory>) -> Self {
        Self {
            limits,
            memory,
            refusing: AtomicBool::new(false),
            told: AtomicBool::new(false),
            created: Instant::now(),
            looked: AtomicU64::new(0),
            running: Mutex::default(),
        }
    }

    /// Whether data is refused. Measures anew where the last time is longer ago than data needs to fill memory.
    pub fn refuses(&self) -> bool {
        let now = self.created.elapsed().as_nanos() as u64;
        let looked = self.looked.load(Ordering::Relaxed);
        let due = now.saturating_sub(looked) > LOOK_EVERY.as_nanos() as u64;
        // Of several callers one measures.
        if due && self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            // A failure is told at the next tick.
            let _ = self.measure(None);
        }
        self.refusing.load(Ordering::Relaxed)
    }

    pub(super) fn start(self: &Arc<Self>, host: &Host) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.instances += 1;
        if running.task.is_some() {
            return;
        }
        host.logger()
            .info("Memory limiter configured")
            .field("limit_mib", self.limits.hard >> 20)
            .field("spike_limit_mib", (self.limits.hard - self.limits.soft) >> 20)
            .field("check_interval", self.limits.interval.as_secs_f64())
            .emit();
        let (limiter, handle) = (Arc::clone(self), host.clone());
        running.task = Some(host.spawn_restarting("memory_limiter", move || {
            let (limiter, host) = (Arc::clone(&limiter), handle.clone());
            async move {
                let mut ticks = interval(limiter.limits.interval);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    limiter.check(&host);
                }
            }
        }));
    }

    pub(super) fn stop(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.instances = running.instances.saturating_sub(1);
        if running.instances == 0
            && let Some(task) = running.task.take()
        {
            task.abort();
        }
    }

    /// Measures, decides, and tells what has changed.
    pub(super) fn check(&self, host: &Host) {
        let logger = host.logger();
        let Some(used) = self.measure(Some(logger)) else {
            logger.warn("Memory usage cannot be measured").emit();
            return;
        };
        let refuses = self.refusing.load(Ordering::Relaxed);
        let told = self.told.swap(refuses, Ordering::Relaxed);
        if refuses && !told {
            let message = "Memory usage is above soft limit. Refusing data.";
            logger.warn(message).field("cur_mem_mib", used >> 20).emit();
            host.report(Status::RecoverableError(message.to_owned()));
        } else if told && !refuses {
            let message = "Memory usage back within limits. Resuming normal operation.";
            logger.info(message).field("cur_mem_mib", used >> 20).emit();
            host.report(Status::Ok);
        }
    }

    /// Measures, gives memory back where there is too little, and decides.
    fn measure(&self, logger: Option<&Logger>) -> Option<u64> {
        let mut used = self.memory.used()?;
        if used >= self.limits.soft && self.may_reclaim(used) {
            if let Some(logger) = logger {
                let (level, message) = if used >= self.limits.hard {
                    (Level::Warn, "Memory usage is above hard limit. Forcing a GC.")
                } else {
                    (Level::Info, "Memory usage is above soft limit. Forcing a GC.")
                };
                logger.at(level, message).field("cur_mem_mib", used >> 20).emit();
            }
            self.memory.reclaim();
            used = self.memory.used().unwrap_or(used);
            if let Some(logger) = logger {
                logger.info("Memory usage after GC.").field("cur_mem_mib", used >> 20).emit();
            }
        }
        self.refusing.store(used >= self.limits.soft, Ordering::Relaxed);
        Some(used)
    }

    fn may_reclaim(&self, used: u64) -> bool {
        let pause =
            if used >= self.limits.hard { self.limits.hard_reclaim } else { self.limits.soft_reclaim };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, pause) = (Instant::now(), pause.max(RECLAIM_EVERY));
        let may = running.reclaimed.is_none_or(|last| now >= last + pause);
        if may {
            running.reclaimed = Some(now);
        }
        may
    }
}
