/// What an instrument is, as the Go collector has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instrument<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its kind, such as `counter` or `observable_gauge`.
    pub kind: &'static str,
    /// Its unit.
    pub unit: &'a str,
    /// The name of its scope.
    pub scope: &'a str,
}

impl Instrument<'_> {
    /// Whether the instrument of that name is looked at when somebody reads, rather than counted as things happen.
    pub fn is_observed(name: &str) -> bool {
        name.starts_with("otelcol_process_") || name == "otelcol_processor_batch_metadata_cardinality"
    }
}

/// The instrumentation scope of an instrument: that of the Go collector, so that its views select the same
/// instruments and its scope labels read the same.
pub(super) fn scope_of(instrument: &str) -> &'static str {
    const SCOPES: [(&str, &str); 11] = [
        ("otelcol_receiver_", "go.opentelemetry.io/collector/receiver/receiverhelper"),
        ("otelcol_scraper_", "go.opentelemetry.io/collector/scraper/scraperhelper"),
        ("otelcol_exporter_", "go.opentelemetry.io/collector/exporter/exporterhelper"),
        ("otelcol_processor_batch_", "go.opentelemetry.io/collector/processor/batchprocessor"),
        (
            "otelcol_processor_memory_limiter_",
            "go.opentelemetry.io/collector/processor/memorylimiterprocessor",
        ),
        ("otelcol_processor_", "go.opentelemetry.io/collector/processor/processorhelper"),
        ("otelcol_process_", "go.opentelemetry.io/collector/service"),
        ("otelcol.", "go.opentelemetry.io/collector/service"),
        ("http.", "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"),
        ("rpc.", "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"),
        ("", "otelcol"),
    ];
    let found = SCOPES.iter().find(|(prefix, _)| instrument.starts_with(prefix));
    found.map_or("otelcol", |(_, scope)| scope)
}
