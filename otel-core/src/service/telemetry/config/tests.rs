use std::time::Duration;

use super::*;
use crate::component::BuildInfo;
use crate::config::{Decoder, Diagnostics, FromNode as _, Secret, Source, parse};
use crate::telemetry::{Level, MetricsLevel};

/// What a text is read as, and what is said of it.
fn read(yaml: &str) -> (TelemetryConfig, Vec<String>) {
    let mut diagnostics = Diagnostics::new();
    let root = parse(&Source::new("c.yaml", yaml), &mut diagnostics).unwrap();
    let mut decoder = Decoder::new(diagnostics);
    let mut config = TelemetryConfig::default();
    config.update(&root, &mut decoder);
    let diagnostics = decoder.into_diagnostics();
    let said = diagnostics.iter().map(|said| format!("{}: {}", said.path(), said.message())).collect();
    (config, said)
}

fn good(yaml: &str) -> TelemetryConfig {
    let (config, said) = read(yaml);
    assert!(said.is_empty(), "{said:#?}");
    config
}

/// Texts that the only complaint must contain.
fn bad(yaml: &str, parts: &[&str]) {
    let (_, said) = read(yaml);
    assert!(
        said.len() == 1 && parts.iter().all(|part| said[0].contains(part)),
        "{yaml}\n{parts:?}\n{said:#?}"
    );
}

#[test]
fn without_keys_there_are_logs_and_metrics_as_in_the_go_collector() {
    let config = good("{}");
    assert_eq!(config.logs.level, Level::Info);
    assert_eq!(config.logs.encoding, Encoding::Console);
    assert_eq!(config.logs.output_paths, ["stderr"]);
    let sampling = config.logs.sampling.unwrap();
    assert_eq!((sampling.tick, sampling.initial, sampling.thereafter), (Duration::from_secs(10), 10, 100));
    assert_eq!(config.metrics.level, MetricsLevel::Normal);
    let [ReaderConfig::Prometheus(reader)] = &config.metrics.readers[..] else { panic!("{config:?}") };
    assert_eq!((reader.host.as_str(), reader.port), ("localhost", 8888));
    assert!(reader.without_scope_info && reader.without_units && reader.without_type_suffix);
    assert!(config.traces.processors.is_empty() && config.traces.propagators.is_empty());
}

#[test]
fn every_key_of_logs_is_read() {
    let config = good(
        "logs:
  level: WARN
  encoding: json
  disable_caller: true
  disable_zap_resource: true
  sampling: {enabled: true, tick: 1m, initial: 3, thereafter: 0}
  output_paths: [stdout, /tmp/x.log]
  error_output_paths: []
  initial_fields: {pod: a, tags: [1, true]}
  processors:
  - batch: {schedule_delay: 100, export_timeout: 200, max_queue_size: 30, max_export_batch_size: 4, exporter: {console: {}}}
  - simple: {exporter: {otlp: {protocol: grpc, endpoint: localhost:4317, insecure: true}}}
",
    )
    .logs;
    assert_eq!(config.level, Level::Warn);
    assert_eq!(config.encoding, Encoding::Json);
    assert!(config.disable_caller && config.disable_zap_resource);
    let sampling = SamplingConfig { enabled: true, tick: Duration::from_secs(60), initial: 3, thereafter: 0 };
    assert_eq!(config.sampling, Some(sampling));
    assert_eq!(config.output_paths, ["stdout", "/tmp/x.log"]);
    assert!(config.error_output_paths.is_empty());
    assert_eq!(config.initial_fields["tags"], serde_json::json!([1, true]));
    let [batch, simple] = &config.processors[..] else { panic!("{config:?}") };
    assert_eq!(batch.destination, Destination::Console);
    assert_eq!(
        (batch.schedule_delay, batch.export_timeout),
        (Duration::from_millis(100), Duration::from_millis(200))
    );
    assert_eq!((batch.max_queue_size, batch.max_export_batch_size), (30, 4));
    let Destination::Otlp(otlp) = &simple.destination else { panic!("{simple:?}") };
    assert_eq!((otlp.endpoint.as_str(), otlp.protocol), ("http://localhost:4317", Protocol::Grpc));
    assert_eq!(simple.schedule_delay, Duration::ZERO);
    assert!(good("logs: {sampling: }").logs.sampling.is_none());
}

#[test]
fn every_key_of_metrics_is_read() {
    let config = good(
        "metrics:
  level: Detailed
  readers:
  - pull: {exporter: {prometheus: {host: '::1', port: 9, without_units: false, with_resource_constant_labels: {included: [a], excluded: [b]}}}}
  - periodic:
      interval: 5000
      timeout: 700
      exporter:
        otlp:
          protocol: http/protobuf
          endpoint: http://collector:4318/base
          compression: gzip
          timeout: 90
          temporality_preference: delta
          default_histogram_aggregation: explicit_bucket_histogram
          certificate: /ca.pem
          client_certificate: /own.pem
          client_key: /own.key
          headers_list: a=b,token=listed
          headers: [{name: token, value: secret}]
  views:
  - selector: {instrument_name: otelcol_*, instrument_type: counter, unit: '{span}', meter_name: m}
    stream: {description: d, attribute_keys: {excluded: [transport]}}
  - selector: {instrument_name: otelcol_process_uptime}
    stream: {name: up, aggregation: {explicit_bucket_histogram: {boundaries: [1, 2], record_min_max: false}}}
  - selector: {unit: By}
    stream: {aggregation: {drop: }}
",
    )
    .metrics;
    assert_eq!(config.level, MetricsLevel::Detailed);
    let [ReaderConfig::Prometheus(pull), ReaderConfig::Periodic(push)] = &config.readers[..] else {
        panic!("{config:?}")
    };
    assert_eq!((pull.host.as_str(), pull.port, pull.without_units), ("::1", 9, false));
    let labels = pull.resource_labels.as_ref().unwrap();
    assert!(labels.keeps("a") && !labels.keeps("b") && !labels.keeps("c"));
    assert_eq!((push.interval, push.timeout), (Duration::from_secs(5), Duration::from_millis(700)));
    let Destination::Otlp(otlp) = &push.destination else { panic!("{push:?}") };
    assert!(otlp.gzip);
    assert_eq!(
        [&*otlp.certificate, &*otlp.client_certificate, &*otlp.client_key],
        ["/ca.pem", "/own.pem", "/own.key"]
    );
    assert_eq!(otlp.temporality, Temporality::Delta);
    assert_eq!(otlp.timeout, Duration::from_millis(90));
    let headers: Vec<_> = otlp.headers.iter().map(|(name, value)| (name, value.expose())).collect();
    assert!(headers.contains(&("token", "secret")), "{headers:?}");
    assert!(!format!("{otlp:?}").contains("secret"));
    let [first, second, third] = &config.views[..] else { panic!("{config:?}") };
    assert!(first.selector.selects("otelcol_x", "counter", "{span}", "m"));
    assert!(!first.selector.selects("otelcol_x", "counter", "{span}", "n"));
    assert!(!first.selector.selects("other", "counter", "{span}", "m"));
    assert!(!first.stream.attribute_keys.as_ref().unwrap().keeps("transport"));
    assert_eq!(second.stream.name.as_deref(), Some("up"));
    let buckets = AggregationConfig::ExplicitBuckets { boundaries: vec![1.0, 2.0], record_min_max: false };
    assert_eq!(second.stream.aggregation, buckets);
    assert_eq!(third.stream.aggregation, AggregationConfig::Drop);
}

#[test]
fn every_key_of_traces_is_read() {
    let config = good(
        "traces:
  level: none
  propagators: [tracecontext, b3]
  processors: [{batch: {exporter: {otlp: {protocol: grpc, endpoint: 'http://x:1'}}}}]
  sampler: {parent_based: {root: {trace_id_ratio_based: {ratio: 0.25}}, remote_parent_not_sampled: {always_on: }}}
  limits: {attribute_count_limit: 1, event_count_limit: 2, link_count_limit: 3}
",
    )
    .traces;
    assert_eq!(config.level, MetricsLevel::None);
    assert_eq!(config.propagators, [Propagator::TraceContext, Propagator::B3]);
    assert_eq!(config.processors[0].schedule_delay, Duration::from_secs(5));
    let SamplerConfig::ParentBased(sampler) = &config.sampler else { panic!("{config:?}") };
    assert_eq!(sampler.root, SamplerConfig::TraceIdRatio(0.25));
    assert_eq!(sampler.remote_parent_not_sampled, SamplerConfig::AlwaysOn);
    assert_eq!(sampler.local_parent_not_sampled, SamplerConfig::AlwaysOff);
    assert_eq!((config.limits.attributes, config.limits.events, config.limits.links), (1, 2, 3));
}

#[test]
fn the_resource_is_a_list_or_a_map_and_null_takes_away() {
    let built = BuildInfo::default();
    for yaml in [
        "resource: {team: a, service.version: , service.name: mine}",
        "resource: {attributes: [{name: team, value: a}, {name: service.version, value: }, {name: service.name, value: mine}]}",
    ] {
        let attributes = good(yaml).resource.resolve(&built).attributes;
        let keys: Vec<_> = attributes.keys().map(String::as_str).collect();
        assert_eq!(keys, ["service.instance.id", "service.name", "team"]);
        assert_eq!((attributes["team"].as_str(), attributes["service.name"].as_str()), ("a", "mine"));
        let id = &attributes["service.instance.id"];
        assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");
    }
    let both = "resource: {team: a, attributes: [{name: b, value: c}]}";
    bad(both, &["resource::attributes cannot be used together with legacy inline resource attributes"]);
    bad("resource: {team: 7}", &["legacy resource attribute \"team\" must be string or null"]);
    bad(
        "resource: {attributes_list: a=b}",
        &["attributes_list is not currently supported, please use resource::attributes"],
    );
}

#[test]
fn shapes_of_older_releases_are_read() {
    let config = good(
        "metrics: {readers: [{periodic: {exporter: {otlp: {protocol: grpc, endpoint: 'http://x:1', headers: {token: secret}}}}}]}",
    );
    let [ReaderConfig::Periodic(push)] = &config.metrics.readers[..] else { panic!("{config:?}") };
    let Destination::Otlp(otlp) = &push.destination else { panic!("{push:?}") };
    assert_eq!(otlp.headers.0["token"], Secret::new("secret"));
    for (address, host, port) in [("0.0.0.0:9", "0.0.0.0", 9), (":9", "0.0.0.0", 9), ("[::1]:8", "::1", 8)] {
        let (config, said) = read(&format!("metrics: {{address: '{address}'}}"));
        assert_eq!(said, ["metrics::address: `address` is deprecated; use `readers` instead"]);
        let [ReaderConfig::Prometheus(reader)] = &config.metrics.readers[..] else { panic!("{config:?}") };
        assert_eq!((reader.host.as_str(), reader.port), (host, port));
    }
}

#[test]
fn an_empty_address_of_old_opens_no_port() {
    let (config, said) = read("metrics: {address: ''}");
    assert_eq!(said, ["metrics::address: `address` is deprecated; use `readers` instead"]);
    assert!(config.metrics.readers.is_empty());
}

#[test]
fn what_does_not_fit_together_is_refused() {
    bad(
        "metrics: {readers: []}",
        &["collector telemetry metrics reader should exist when metric level is not none"],
    );
    assert!(good("metrics: {level: none, readers: []}").metrics.readers.is_empty());
    bad(
        "metrics: {views: [{selector: {unit: s}, stream: {aggregation: {drop: }}}]}",
        &[
            "service::telemetry::metrics::views can only be set when service::telemetry::metrics::level is detailed",
        ],
    );
    bad(
        "metrics: {level: detailed, views: [{selector: {instrument_name: 'a*'}, stream: {name: b}}]}",
        &["needs a selector with an instrument_name without wildcards"],
    );
    bad("metrics: {address: '1:2:3'}", &["expected an address such as localhost:8888, got string \"1:2:3\""]);
    bad("metrics: {level: loud}", &["\"loud\" is not one of the allowed values"]);
    bad("metrics: {readers: [{}]}", &["a reader is either `pull` or `periodic`"]);
    bad("traces: {sampler: {always_on: , always_off: }}", &["a sampler is one of"]);
    bad("traces: {sampler: {trace_id_ratio_based: {ratio: 2}}}", &["the ratio must be from 0 to 1"]);
    bad("traces: {propagators: [jaeger]}", &["\"jaeger\" is not one of the allowed values"]);
    bad("traces: {processors: [{batch: {}}]}", &["key `exporter` is required"]);
    bad("traces: {processors: [{simple: {exporter: {zipkin: {}}}}]}", &["`zipkin` is not supported"]);
    for (keys, problem) in [
        ("endpoint: 'ftp://x'", "a URL is written as http://host:port/path"),
        ("endpoint: x, client_key: k", "client key was provided but no client certificate was provided"),
        (
            "endpoint: x, client_certificate: c",
            "client certificate was provided but no client key was provided",
        ),
    ] {
        bad(&format!("logs: {{processors: [{{simple: {{exporter: {{otlp: {{{keys}}}}}}}}}]}}"), &[problem]);
    }
    bad(
        "logs: {processors: [{simple: {exporter: {otlp: {protocol: grpc}}}}]}",
        &["key `endpoint` is required"],
    );
}

#[test]
fn what_only_tunes_warns() {
    bad("logs: {development: true}", &["`development` has no effect"]);
    bad("logs: {disable_stacktrace: true}", &["`disable_stacktrace` has no effect"]);
}
