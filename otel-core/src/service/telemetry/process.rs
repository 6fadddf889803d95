//! What the process uses.

use std::time::Instant;

use crate::telemetry::Metrics;

/// Adds uptime and, where the system tells them, resident memory and processor time.
pub(super) fn observe(metrics: &Metrics) {
    let meter = metrics.meter("go.opentelemetry.io/collector/service");
    let start = Instant::now();
    let _uptime = meter
        .f64_observable_counter("otelcol_process_uptime")
        .with_description("Uptime of the process [Alpha]")
        .with_unit("s")
        .with_callback(move |observer| observer.observe(start.elapsed().as_secs_f64(), &[]))
        .build();
    let _memory = meter
        .u64_observable_gauge("otelcol_process_memory_rss")
        .with_description("Total physical memory (resident set size) [Alpha]")
        .with_unit("By")
        .with_callback(|observer| {
            if let Some(bytes) = resident_bytes() {
                observer.observe(bytes, &[]);
            }
        })
        .build();
    let _time = meter
        .f64_observable_counter("otelcol_process_cpu_seconds")
        .with_description("Total CPU user and system time in seconds [Alpha]")
        .with_unit("s")
        .with_callback(|observer| {
            if let Some(seconds) = processor_seconds() {
                observer.observe(seconds, &[]);
            }
        })
        .build();
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(target_os = "linux")]
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process, in parentheses, may hold anything; the fields behind it are numbers.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn processor_seconds() -> Option<f64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_process_that_works_uses_memory_and_time() {
        let before = super::processor_seconds().unwrap();
        while super::processor_seconds().unwrap() <= before {
            std::hint::black_box(before);
        }
        assert!(super::resident_bytes().unwrap() > 100_000);
    }
}
