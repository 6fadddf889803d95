use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use otel_core::component::{Code, Component, ComponentConfig, ComponentKind, Context, Processor};
use otel_core::config;
use otel_core::net::Peer;
use otel_core::net::auth::{RequestHead, ServerMiddleware};
use otel_core::pdata::Traces;
use otel_core::testing::{Sink, TestHost};

use super::{Limiter, Limits, Memory, MemoryLimiterConfig, MemoryLimiterExtension, MemoryLimiterProcessor};

/// Memory that the test sets; giving back frees `garbage`.
#[derive(Debug, Clone, Default)]
struct Fake {
    used: Arc<AtomicU64>,
    garbage: Arc<AtomicU64>,
}

impl Memory for Fake {
    fn used(&self) -> Option<u64> {
        Some(self.used.load(Ordering::Relaxed))
    }

    fn reclaim(&self) {
        self.used.fetch_sub(self.garbage.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}

fn limits() -> Limits {
    Limits {
        hard: 100 << 20,
        soft: 80 << 20,
        interval: Duration::from_secs(1),
        soft_reclaim: Duration::from_secs(10),
        hard_reclaim: Duration::ZERO,
    }
}

#[tokio::test(start_paused = true)]
async fn data_is_refused_from_the_soft_limit_on_until_memory_is_below_it() {
    let memory = Fake::default();
    let host = TestHost::new(ComponentKind::Processor, "memory_limiter");
    let limiter = Arc::new(Limiter::new(limits(), Box::new(memory.clone())));
    let processor = MemoryLimiterProcessor::<Traces>::new(limiter, &host.host());
    processor.start().await.unwrap();
    let sink = Sink::new();
    for (mib, refused) in [(10, false), (90, true), (79, false), (120, true)] {
        memory.used.store(mib << 20, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let result = processor.process(Traces::default(), Context::new(), &sink.next()).await;
        assert_eq!(result.is_err(), refused, "{mib} MiB: {result:?}");
        if let Err(error) = result {
            assert!(error.is_retryable());
            assert_eq!(error.to_string(), "data refused due to high memory usage");
        }
    }
    processor.shutdown(tokio::time::Instant::now()).await;
}

#[tokio::test(start_paused = true)]
async fn memory_that_was_freed_is_given_back_before_anything_is_refused() {
    let memory = Fake::default();
    memory.used.store(110 << 20, Ordering::Relaxed);
    memory.garbage.store(60 << 20, Ordering::Relaxed);
    let host = TestHost::new(ComponentKind::Processor, "memory_limiter");
    let limiter = Limiter::new(limits(), Box::new(memory));
    limiter.check(&host.host());
    assert!(!limiter.refuses());
}

#[tokio::test(start_paused = true)]
async fn memory_that_runs_short_between_two_ticks_is_noticed_when_data_comes() {
    let memory = Fake::default();
    let host = TestHost::new(ComponentKind::Processor, "memory_limiter");
    let limiter = Arc::new(Limiter::new(limits(), Box::new(memory.clone())));
    let processor = MemoryLimiterProcessor::<Traces>::new(limiter, &host.host());
    let sink = Sink::new();
    for (mib, refused) in [(10, false), (90, true), (79, false)] {
        memory.used.store(mib << 20, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(11)).await;
        let admitted = processor.admit(&Traces::default(), &sink.next());
        assert_eq!(admitted.is_err(), refused, "{mib} MiB: {admitted:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn as_an_extension_it_refuses_requests_before_they_are_read() {
    let memory = Fake::default();
    let host = TestHost::new(ComponentKind::Extension, "memory_limiter");
    let limiter = Arc::new(Limiter::new(limits(), Box::new(memory.clone())));
    let extension = MemoryLimiterExtension::new(limiter, &host.host());
    extension.start().await.unwrap();
    let (method, headers) = (http::Method::POST, http::HeaderMap::new());
    let request = RequestHead::new(&method, "/v1/traces", &headers, Peer::default());
    for (mib, refused) in [(10, false), (90, true), (79, false)] {
        memory.used.store(mib << 20, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(11)).await;
        let admitted = extension.admit(&request).await;
        assert_eq!(admitted.is_err(), refused, "{mib} MiB: {admitted:?}");
        if let Err(refused) = admitted {
            assert_eq!(refused.reason, "memory_limited");
            assert_eq!(refused.status.http_status(), 429);
            assert_eq!(refused.status.code, Code::ResourceExhausted);
            assert_eq!(refused.status.retry_after, Some(Duration::from_secs(1)));
        }
    }
    extension.shutdown(tokio::time::Instant::now()).await;
}

#[test]
fn rules_between_keys_are_told_with_the_words_of_the_go_collector() {
    let messages = |config: MemoryLimiterConfig| {
        config.validate().into_iter().map(|invalid| invalid.message).collect::<Vec<_>>()
    };
    assert_eq!(
        messages(MemoryLimiterConfig::default()),
        [
            "'check_interval' must be greater than zero",
            "'limit_mib' or 'limit_percentage' must be greater than zero"
        ]
    );
    let config = MemoryLimiterConfig {
        check_interval: Duration::from_secs(1),
        limit_mib: 10,
        spike_limit_mib: 10,
        ..MemoryLimiterConfig::default()
    };
    assert_eq!(messages(config), ["'spike_limit_mib' must be smaller than 'limit_mib'"]);
}

#[test]
fn the_configurations_of_the_readme_are_valid() {
    let readme = include_str!("README.md");
    let blocks: Vec<_> =
        readme.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let keys = block.split("  memory_limiter:\n").nth(1).unwrap();
        let keys = keys.lines().take_while(|line| line.starts_with("    ")).map(|line| &line[4..]);
        let yaml = keys.collect::<Vec<_>>().join("\n");
        config::from_yaml::<MemoryLimiterConfig>("memory_limiter.yaml", &yaml).unwrap();
    }
}
