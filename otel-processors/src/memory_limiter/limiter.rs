//! The measurement that instances share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use otel_core::component::{Host, Status, Task};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::memory::Memory;

/// Limits in bytes, and how often to look and to give memory back.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Above this memory is given back as often as `hard_reclaim` allows.
    pub hard: u64,
    /// Above this data is refused.
    pub soft: u64,
    /// Time between measurements.
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
        Self { limits, memory, refusing: AtomicBool::new(false), running: Mutex::default() }
    }

    /// Whether data is refused.
    #[inline]
    pub fn refuses(&self) -> bool {
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

    /// Measures, gives memory back where there is too little, and decides.
    pub(super) fn check(&self, host: &Host) {
        let logger = host.logger();
        let Some(mut used) = self.memory.used() else {
            logger.warn("Memory usage cannot be measured").emit();
            return;
        };
        if used >= self.limits.soft && self.may_reclaim(used) {
            let (level, message) = if used >= self.limits.hard {
                (otel_core::telemetry::Level::Warn, "Memory usage is above hard limit. Forcing a GC.")
            } else {
                (otel_core::telemetry::Level::Info, "Memory usage is above soft limit. Forcing a GC.")
            };
            logger.at(level, message).field("cur_mem_mib", used >> 20).emit();
            self.memory.reclaim();
            used = self.memory.used().unwrap_or(used);
            logger.info("Memory usage after GC.").field("cur_mem_mib", used >> 20).emit();
        }
        let refuse = used >= self.limits.soft;
        let refused = self.refusing.swap(refuse, Ordering::Relaxed);
        if refuse && !refused {
            let message = "Memory usage is above soft limit. Refusing data.";
            logger.warn(message).field("cur_mem_mib", used >> 20).emit();
            host.report(Status::RecoverableError(message.to_owned()));
        } else if refused && !refuse {
            let message = "Memory usage back within limits. Resuming normal operation.";
            logger.info(message).field("cur_mem_mib", used >> 20).emit();
            host.report(Status::Ok);
        }
    }

    fn may_reclaim(&self, used: u64) -> bool {
        let pause =
            if used >= self.limits.hard { self.limits.hard_reclaim } else { self.limits.soft_reclaim };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let may = running.reclaimed.is_none_or(|last| now >= last + pause);
        if may {
            running.reclaimed = Some(now);
        }
        may
    }
}
