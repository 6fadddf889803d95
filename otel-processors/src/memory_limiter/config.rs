use std::sync::Arc;
use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{
    BuildError, ComponentConfig, Extension, ExtensionFactory, Host, Processor, ProcessorFactory,
};
use otel_core::config::{Decode, Fields, KeyDocs};
use otel_core::pdata::Signal;

use super::limiter::{Limiter, Limits};
use super::memory::{self, ProcessMemory};
use super::{MemoryLimiterExtension, MemoryLimiterProcessor};

/// The configuration of `memory_limiter`, the processor and the extension.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct MemoryLimiterConfig {
    /// How often memory is measured.
    pub check_interval: Duration,
    /// The hard limit in MiB; zero to use the percentage.
    pub limit_mib: u32,
    /// Hard limit less soft limit in MiB; zero for a fifth of the limit.
    pub spike_limit_mib: u32,
    /// The hard limit as a percentage of the memory there is.
    pub limit_percentage: u32,
    /// Hard limit less soft limit as a percentage; zero for a fifth of the limit.
    pub spike_limit_percentage: u32,
    /// How often freed memory is given back above the soft limit.
    pub min_gc_interval_when_soft_limited: Duration,
    /// How often freed memory is given back above the hard limit.
    pub min_gc_interval_when_hard_limited: Duration,
}

impl Default for MemoryLimiterConfig {
    fn default() -> Self {
        Self {
            check_interval: Duration::ZERO,
            limit_mib: 0,
            spike_limit_mib: 0,
            limit_percentage: 0,
            spike_limit_percentage: 0,
            min_gc_interval_when_soft_limited: Duration::from_secs(10),
            min_gc_interval_when_hard_limited: Duration::ZERO,
        }
    }
}

impl Decode for MemoryLimiterConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("check_interval", &mut self.check_interval);
        fields.take("limit_mib", &mut self.limit_mib);
        fields.take("spike_limit_mib", &mut self.spike_limit_mib);
        fields.take("limit_percentage", &mut self.limit_percentage);
        fields.take("spike_limit_percentage", &mut self.spike_limit_percentage);
        fields.take("min_gc_interval_when_soft_limited", &mut self.min_gc_interval_when_soft_limited);
        fields.take("min_gc_interval_when_hard_limited", &mut self.min_gc_interval_when_hard_limited);
        for key in ["max_gc_interval_when_soft_limited", "max_gc_interval_when_hard_limited"] {
            fields.tolerated(key, "it tunes a garbage collector, and there is none");
        }
    }
}

impl ComponentConfig for MemoryLimiterConfig {
    const TYPE: &'static str = "memory_limiter";

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        let mut rule = |holds: bool, key: &str, message: &str| {
            if !holds {
                broken.push(Invalid::new(key, message));
            }
        };
        rule(!self.check_interval.is_zero(), "check_interval", "'check_interval' must be greater than zero");
        rule(
            self.limit_mib > 0 || self.limit_percentage > 0,
            "",
            "'limit_mib' or 'limit_percentage' must be greater than zero",
        );
        rule(
            self.limit_percentage <= 100 && self.spike_limit_percentage <= 100,
            "",
            "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred",
        );
        rule(
            self.limit_mib == 0 || self.spike_limit_mib < self.limit_mib,
            "spike_limit_mib",
            "'spike_limit_mib' must be smaller than 'limit_mib'",
        );
        rule(
            self.limit_percentage == 0 || self.spike_limit_percentage < self.limit_percentage,
            "spike_limit_percentage",
            "'spike_limit_percentage' must be smaller than 'limit_percentage'",
        );
        rule(
            self.min_gc_interval_when_soft_limited >= self.min_gc_interval_when_hard_limited,
            "min_gc_interval_when_soft_limited",
            "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'",
        );
        broken
    }
}

impl MemoryLimiterConfig {
    /// The limits in bytes.
    fn limits(&self, host: &Host) -> Result<Limits, BuildError> {
        let (hard, spike) = if self.limit_mib > 0 {
            (u64::from(self.limit_mib) << 20, u64::from(self.spike_limit_mib) << 20)
        } else {
            let total = memory::total().ok_or_else(|| {
                BuildError::new("failed to get total memory, use fixed memory settings (limit_mib)")
            })?;
            let share = |percentage: u32| total / 100 * u64::from(percentage);
            host.logger()
                .info("Using percentage memory limiter")
                .field("total_memory_mib", total >> 20)
                .field("limit_percentage", self.limit_percentage)
                .field("spike_limit_percentage", self.spike_limit_percentage)
                .emit();
            (share(self.limit_percentage), share(self.spike_limit_percentage))
        };
        let spike = if spike == 0 { hard / 5 } else { spike };
        Ok(Limits {
            hard,
            soft: hard - spike,
            interval: self.check_interval,
            soft_reclaim: self.min_gc_interval_when_soft_limited,
            hard_reclaim: self.min_gc_interval_when_hard_limited,
        })
    }
}

impl MemoryLimiterConfig {
    /// What the instances of one configuration share.
    fn limiter(&self, host: &Host) -> Result<Arc<Limiter>, BuildError> {
        let limits = self.limits(host)?;
        Ok(host.shared(|| Limiter::new(limits, Box::new(ProcessMemory))))
    }
}

impl<S: Signal> ProcessorFactory<S> for MemoryLimiterConfig {
    fn create(&self, host: &Host) -> Result<Box<dyn Processor<S>>, BuildError> {
        Ok(Box::new(MemoryLimiterProcessor::<S>::new(self.limiter(host)?, host)))
    }
}

impl ExtensionFactory for MemoryLimiterConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(MemoryLimiterExtension::new(self.limiter(host)?, host)))
    }
}
