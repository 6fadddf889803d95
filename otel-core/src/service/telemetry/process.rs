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
    let gauge = |name: &'static str, description: &'static str, read: fn(&Memory) -> u64| {
        let instrument = meter.u64_observable_gauge(name).with_description(description).with_unit("By");
        let observed = instrument.with_callback(move |observer| {
            if let Some(memory) = memory() {
                observer.observe(read(&memory), &[]);
            }
        });
        let _gauge = observed.build();
    };
    gauge("otelcol_process_memory_rss", "Total physical memory (resident set size) [Alpha]", |memory| {
        memory.resident
    });
    gauge(
        "otelcol_process_runtime_heap_alloc_bytes",
        "Bytes of memory that the process alone holds: heap and stacks [Alpha]",
        |memory| memory.resident.saturating_sub(memory.shared),
    );
    gauge(
        "otelcol_process_runtime_total_sys_memory_bytes",
        "Total bytes of memory obtained from the OS, whether used or not [Alpha]",
        |memory| memory.data,
    );
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

/// The memory of the process in bytes.
struct Memory {
    resident: u64,
    /// Of it, what other processes may share: code and files.
    shared: u64,
    /// What is mapped for data and stacks.
    data: u64,
}

#[cfg(target_os = "linux")]
fn memory() -> Option<Memory> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let page = rustix::param::page_size() as u64;
    let mut fields =
        text.split_ascii_whitespace().map(|pages| pages.parse::<u64>().map(|pages| pages * page));
    let (resident, shared) = (fields.nth(1)?.ok()?, fields.next()?.ok()?);
    Some(Memory { resident, shared, data: fields.nth(2)?.ok()? })
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
fn memory() -> Option<Memory> {
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
        let memory = super::memory().unwrap();
        assert!(memory.resident > 100_000 && memory.shared < memory.resident && memory.data > 100_000);
    }
}
