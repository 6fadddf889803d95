//! The gates of the Go collector, from release 0.93 on.

use super::set::{Gate, Stage};

/// Starting without a single pipeline is allowed.
pub const ALLOW_NO_PIPELINES: Gate = Gate::new(
    "service.AllowNoPipelines",
    Stage::Alpha,
    "v0.122.0",
    "Allow starting the Collector without starting any pipelines.",
);

/// Merging configurations appends lists of components instead of replacing them.
pub const MERGE_APPEND: Gate = Gate::new(
    "confmap.enableMergeAppendOption",
    Stage::Alpha,
    "v0.120.0",
    "Combines the lists service::extensions and the receivers and exporters of pipelines when configurations are merged.",
);

/// Disabled, `$NAME` in a value is the environment variable, as before release 0.109.
pub const UNIFIED_EXPANSION: Gate = Gate::new(
    "confmap.unifyEnvVarExpansion",
    Stage::Beta,
    "v0.103.0",
    "Expands ${env:NAME} and ${NAME} only. When disabled, $NAME is expanded, too.",
);

/// Disabled, servers listen on every interface where no endpoint is given, as before release 0.104.
pub const LOCALHOST_DEFAULT: Gate = Gate::new(
    "component.UseLocalHostAsDefaultHost",
    Stage::Beta,
    "v0.93.0",
    "Servers listen on localhost where no endpoint is given. When disabled, on 0.0.0.0.",
);

/// Disabled, the collector's own metrics are served on every interface where no reader is given, as before release 0.111.
pub const LOCALHOST_DEFAULT_FOR_METRICS: Gate = Gate::new(
    "telemetry.UseLocalHostAsDefaultMetricsAddress",
    Stage::Beta,
    "v0.111.0",
    "The Collector's own metrics are served on localhost where no reader is given. When disabled, on 0.0.0.0.",
);

/// Sending queues make batches where the configuration does not say.
pub const QUEUE_BATCH: Gate = Gate::new(
    "pkg.exporterhelper.queueBatchEnabled",
    Stage::Alpha,
    "v0.158.0",
    "Sending queues make batches by default.",
);

const ALWAYS: &str = "the behaviour cannot be switched off here";
const ABSENT: &str = "this collector does not have it";
const GO: &str = "it concerns how the Go collector uses memory";

pub(super) const GATES: [Gate; 18] = [
    LOCALHOST_DEFAULT,
    Gate::new(
        "configoptional.AddEnabledField",
        Stage::Beta,
        "v0.138.0",
        "Sections that can be left out take a key enabled.",
    )
    .without_effect(ALWAYS),
    MERGE_APPEND,
    Gate::new(
        "confmap.newExpandedValueSanitizer",
        Stage::Beta,
        "v0.144.0",
        "What looks like a number in a reference stays a text where a text is expected.",
    )
    .without_effect(ALWAYS),
    UNIFIED_EXPANSION,
    Gate::new(
        "exporter.PersistRequestContext",
        Stage::Beta,
        "v0.128.0",
        "Persistent queues keep the context of requests.",
    )
    .without_effect(ALWAYS),
    Gate::new("otelcol.printInitialConfig", Stage::Beta, "v0.120.0", "Enables the command print-config.")
        .without_effect(ALWAYS),
    Gate::new("pdata.enableRefCounting", Stage::Beta, "v0.133.0", "Counts references to telemetry.")
        .without_effect(GO),
    Gate::new("pdata.useCustomProtoEncoding", Stage::Stable, "v0.133.0", "Encodes telemetry by own code.")
        .until("v0.137.0"),
    Gate::new("pdata.useProtoPooling", Stage::Alpha, "v0.133.0", "Pools the memory of telemetry.")
        .without_effect(GO),
    QUEUE_BATCH,
    Gate::new(
        "receiverhelper.newReceiverMetrics",
        Stage::Alpha,
        "v0.138.0",
        "Receivers tell errors of what follows from their own in their metrics.",
    )
    .without_effect(ABSENT),
    ALLOW_NO_PIPELINES,
    Gate::new(
        "service.partialReload",
        Stage::Alpha,
        "v0.157.0",
        "A changed configuration restarts only what it concerns.",
    )
    .without_effect("it always does"),
    Gate::new(
        "service.partialReloadReceivers",
        Stage::Beta,
        "v0.157.0",
        "A configuration with changed receivers restarts only receivers.",
    )
    .without_effect(ALWAYS),
    Gate::new("service.profilesSupport", Stage::Alpha, "v0.112.0", "Allows pipelines of profiles.")
        .without_effect("there are no profiles here"),
    LOCALHOST_DEFAULT_FOR_METRICS,
    Gate::new(
        "telemetry.newPipelineTelemetry",
        Stage::Alpha,
        "v0.123.0",
        "Adds the component to the scope of the Collector's own metrics.",
    )
    .without_effect(ABSENT),
];

/// Gates that are gone: what they switched is the only way now.
pub(super) const REMOVED: [&str; 10] = [
    "confighttp.framedSnappy",
    "confmap.strictlyTypedInput",
    "exporter.UsePullingBasedExporterQueueBatcher",
    "service.disableOpenCensusBridge",
    "service.noopTracerProvider",
    "service.connectors",
    "telemetry.disableAddressFieldForInternalTelemetry",
    "telemetry.disableHighCardinalityMetrics",
    "telemetry.useOtelForInternalMetrics",
    "telemetry.useOtelWithSDKConfigurationForInternalTelemetry",
];
