//! Configurations as people have them, and the commands that look at one without running it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const SECTIONS: [&str; 5] = ["receivers", "processors", "exporters", "connectors", "extensions"];
/// What the configurations expect in the environment.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("K8S_NODE_IP", "192.0.2.1"),
    ("K8S_NODE_NAME", "node-1"),
    ("K8S_POD_IP", "127.0.0.1"),
    ("K8S_POD_NAME", "pod-1"),
    ("METRICS_SCRAPE_INTERVAL", "30s"),
    ("NODE_NAME", "node-1"),
];

fn otelcol<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_otelcol"))
        .args(arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn schema() -> Value {
    let output = otelcol(["schema"]);
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Whether this collector has a component type, by any of its names.
fn knows(schema: &Value, section: &str, name: &str) -> bool {
    let patterns =
        schema["properties"][section]["patternProperties"].as_object().expect("a section of the schema");
    patterns
        .keys()
        .filter_map(|pattern| pattern.split(['(', ')']).nth(1))
        .any(|names| names.split('|').any(|known| known == name))
}

/// The components that a file with two spaces a level defines: section, id, line.
fn components(yaml: &str) -> Vec<(&'static str, String, usize)> {
    let mut section = None;
    let mut found = Vec::new();
    for (line, text) in yaml.lines().enumerate() {
        if !text.starts_with(' ') {
            section = SECTIONS.into_iter().find(|section| text.starts_with(&format!("{section}:")));
        } else if let (Some(section), Some(rest)) = (section, text.strip_prefix("  "))
            && !rest.starts_with([' ', '-'])
            && let Some((id, _)) = rest.split_once(':')
        {
            found.push((section, id.to_owned(), line + 1));
        }
    }
    found
}

fn configurations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths
}

/// The first lines of the errors, by the place that their second lines tell.
fn errors_by_place(stderr: &str) -> BTreeMap<String, String> {
    let mut errors = BTreeMap::new();
    for problem in stderr.split("\n\n").filter(|problem| problem.starts_with("error: ")) {
        let mut lines = problem.lines();
        let message = lines.next().unwrap_or_default();
        let place = lines.next().unwrap_or_default().trim().trim_start_matches("--> ");
        errors.insert(place.to_owned(), message.to_owned());
    }
    errors
}

#[test]
fn configurations_of_clusters_are_refused_only_for_components_that_are_not_there() {
    let schema = schema();
    let paths = configurations();
    assert_eq!(paths.len(), 9);
    for path in paths {
        let yaml = std::fs::read_to_string(&path).expect("a file");
        let defined = components(&yaml);
        assert!(!defined.is_empty(), "{}", path.display());
        let expected: BTreeMap<String, String> = defined
            .iter()
            .map(|(section, id, line)| (section, id, id.split('/').next().unwrap_or(id), line))
            .filter(|(section, _, name, _)| !knows(&schema, section, name))
            .map(|(section, id, name, line)| {
                let message = format!("error: {section}::{id}: unknown type: \"{name}\" for id: \"{id}\"");
                (format!("{}:{line}:3", path.display()), message)
            })
            .collect();
        let output = otelcol(["validate".as_ref(), "--config".as_ref(), path.as_os_str()]);
        let stderr = text(&output.stderr);
        assert_eq!(errors_by_place(&stderr), expected, "{stderr}");
        assert_eq!(output.status.code(), Some(i32::from(!expected.is_empty())), "{stderr}");
    }
}

/// A file for `--config`.
fn file(yaml: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, yaml).expect("a file that can be written");
    file
}

/// What a command prints about configurations, which has to succeed, and its warnings.
fn printed(command: &[&str], configurations: &[&str]) -> (String, String) {
    let files: Vec<_> = configurations.iter().map(|yaml| file(yaml)).collect();
    let mut arguments: Vec<&str> = command.to_vec();
    for file in &files {
        arguments.extend(["--config", file.path().to_str().expect("UTF-8")]);
    }
    let output = otelcol(arguments);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    (stdout, stderr)
}

fn print_json(command: &[&str], configurations: &[&str]) -> Value {
    let command = [&["print-config", "--format=json"], command].concat();
    serde_json::from_str(&printed(&command, configurations).0).expect("JSON")
}

const SMALL: &str = "
receivers: { otlp: { protocols: { grpc: { endpoint: 127.0.0.1:0 } } } }
exporters: { debug: }
service: { pipelines: { traces: { receivers: [otlp], exporters: [debug] } } }
";

// === print-config ===

const GO_CONFIG: &str = include_str!("golden/config.yaml");
/// What `print-config --mode=unredacted --format=json` of the Go collector 0.152 says of `GO_CONFIG`.
const GO_PRINTED: &str = include_str!("golden/print-config.json");
/// Keys that are printed otherwise here, or not at all: those of features that there are not, those that have no effect,
/// words that Go prints with a capital, and the version of a schema.
const DIFFERENT: [&str; 11] = [
    "balancer_name",
    "batch",
    "level",
    "profiles_endpoint",
    "read_buffer_size",
    "schema_url",
    "sending_queue",
    "sizer",
    "storage",
    "verbosity",
    "write_buffer_size",
];

/// Every value that is neither a map nor a list, by the keys that lead to it.
fn leaves(value: &Value) -> BTreeMap<String, &Value> {
    let below = |(key, child): (String, _)| {
        leaves(child).into_iter().map(move |(path, leaf)| (format!("{key}::{path}"), leaf))
    };
    match value {
        // Go prints an empty list as null.
        Value::Null => BTreeMap::new(),
        Value::Object(map) => map.iter().map(|(key, child)| (key.clone(), child)).flat_map(below).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(at, child)| (at.to_string(), child)).flat_map(below).collect()
        }
        leaf => BTreeMap::from([(String::new(), leaf)]),
    }
}

#[test]
fn the_printed_configuration_is_that_of_the_go_collector() {
    let ours = print_json(&["--mode=unredacted"], &[GO_CONFIG]);
    let (ours, go) = (leaves(&ours), serde_json::from_str::<Value>(GO_PRINTED).expect("JSON"));
    let mut compared = 0;
    for (path, value) in leaves(&go) {
        let key = path.trim_end_matches("::").rsplit("::").next().unwrap_or_default();
        if !DIFFERENT.contains(&key) {
            assert_eq!(ours.get(&path), Some(&value), "{path}");
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn what_is_printed_can_be_read_and_says_the_same() {
    for format in ["yaml", "json"] {
        let command = ["print-config", "--mode", "unredacted", "--format", format];
        let (first, _) = printed(&command, &[GO_CONFIG]);
        let (second, _) = printed(&command, &[&first]);
        assert_eq!(first, second);
    }
}

#[test]
fn secrets_are_printed_on_request_only() {
    let exporters = "exporters: { debug: , otlp_grpc: { endpoint: 'b:1', tls: { insecure: true }, headers: { token: hush } }, \
                     otlp_http: { endpoint: 'http://me:pw@host' } }";
    let yaml = SMALL.replace("exporters: { debug: }", exporters)
        + "extensions: { health_check: { response_body: { healthy: '${env:NODE_NAME}' } } }\n"
        + "processors: { batch: { metadata_keys: ['${env:NODE_NAME}'] } }\n";
    let (redacted, _) = printed(&["print-config"], &[&yaml]);
    for secret in ["hush", "node-1", "me:pw"] {
        assert!(!redacted.contains(secret), "{redacted}");
    }
    assert!(redacted.contains("healthy: '[REDACTED]'\n"), "{redacted}");
    assert!(redacted.contains("endpoint: http://[REDACTED]@host\n"), "{redacted}");
    let (shown, _) = printed(&["print-config", "--mode=unredacted"], &[&yaml]);
    for part in ["value: hush", "healthy: node-1", "- node-1", "http://me:pw@host"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn only_what_could_run_is_printed_unless_asked_otherwise() {
    let broken = file("processors: { batch: { send_batch_size: 10, send_batch_max_size: 5 } }\n");
    let arguments = |validate| ["print-config", validate, "--config", broken.path().to_str().expect("UTF-8")];
    let output = otelcol(arguments("--validate=true"));
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("must be greater or equal") && output.stdout.is_empty(), "{stderr}");
    let output = otelcol(arguments("--validate=false"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("        send_batch_max_size: 5\n"));
}

// === providers, merging, --set ===

#[test]
fn later_configurations_and_set_keys_win() {
    let base = SMALL.to_owned()
        + "processors: { batch: { timeout: 1s, send_batch_size: 7, metadata_keys: [a, b] } }\n";
    let over = "processors: { batch: { timeout: '${NODE:-}', metadata_keys: [c] }, batch/two: }\n"
        .replace("${NODE:-}", "${env:NONE:-3s}");
    let set = [
        "--set",
        "processors.batch.send_batch_max_size=0x10",
        "--set=processors.batch/two.metadata_keys=[x]",
    ];
    let printed = print_json(&set, &[&base, &over]);
    let batch = &printed["processors"]["batch"];
    assert_eq!((&batch["timeout"], &batch["send_batch_size"]), (&"[REDACTED]".into(), &7.into()));
    assert_eq!(
        (&batch["send_batch_max_size"], &batch["metadata_keys"]),
        (&16.into(), &serde_json::json!(["c"]))
    );
    assert_eq!(printed["processors"]["batch/two"]["metadata_keys"], serde_json::json!(["x"]));
}

#[test]
fn every_provider_gives_configurations_and_values() {
    let small = file(SMALL);
    let timeout = file("5s");
    let config = format!("file:{}", small.path().display());
    let value = format!("yaml:processors::batch::timeout: ${{file:{}}}", timeout.path().display());
    let output = Command::new(env!("CARGO_BIN_EXE_otelcol"))
        .args([
            "print-config",
            "--mode=unredacted",
            "--config",
            &config,
            "--config",
            &value,
            "--config",
            "env:MORE",
        ])
        .env("MORE", "processors: { batch: { send_batch_size: '${SIZE}', metadata_keys: ['$${SIZE}'] } }")
        .env("SIZE", "0x10")
        .output()
        .expect("the binary runs");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    for line in ["timeout: 5s\n", "send_batch_size: 16\n", "- ${SIZE}\n"] {
        assert!(stdout.contains(line), "{stdout}");
    }
    for (config, message) in [
        (
            "http://127.0.0.1:1/x",
            "failed to load resource from uri \"http://127.0.0.1:1/x\": cannot connect to",
        ),
        ("s3:bucket", "scheme \"s3\" is not supported for uri \"s3:bucket\""),
        ("file:/none.yaml", "unable to read the file file:/none.yaml"),
        ("env:1X", "environment variable \"1X\" has an invalid name"),
    ] {
        let output = otelcol(["validate", "--config", config]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    }
}

// === older releases ===

#[test]
fn configurations_of_older_releases_load_and_say_what_to_write_today() {
    let replaced = |from: &str, to: &str| SMALL.replace(from, to);
    let cases = [
        (
            replaced("debug", "logging"),
            "exporters::logging: \"logging\" alias is deprecated; use \"debug\" instead",
        ),
        (
            replaced("debug:", "debug: { loglevel: debug }"),
            "exporters::debug::loglevel: `loglevel` is now called `verbosity`",
        ),
        (
            replaced(
                "exporters: {",
                "exporters: { otlp: { endpoint: 'x:1', tls: { insecure: true }, sending_queue: { blocking: true } },",
            ),
            "exporters::otlp::sending_queue::blocking: `blocking` is now called `block_on_overflow`",
        ),
        (
            replaced("exporters: {", "exporters: { otlphttp: { endpoint: 'http://x' },"),
            "exporters::otlphttp: \"otlphttp\" alias is deprecated; use \"otlp_http\" instead",
        ),
        (
            replaced(
                "service: {",
                "extensions: { memory_ballast: { size_mib: 64 } }\nservice: { extensions: [memory_ballast],",
            ),
            "extensions::memory_ballast: extension \"memory_ballast\" is gone",
        ),
        (
            replaced("{ endpoint: 127.0.0.1:0 }", ""),
            "listens on localhost:4317 only, where releases before 0.104 listened on 0.0.0.0:4317",
        ),
        (replaced("127.0.0.1:0", "$HOST:0"), "`$HOST` is not expanded"),
        (
            replaced("service: {", "service: { telemetry: { metrics: { address: ':9999' } },"),
            "service::telemetry::metrics::address: `address` is deprecated; use `readers` instead",
        ),
    ];
    let own_spans = "service: { telemetry: { traces: { processors: [{ batch: { exporter: { otlp: { protocol: grpc/protobuf, \
                     endpoint: 'http://x:1' } } } }] } },";
    let cases = cases
        .into_iter()
        .chain([(replaced("service: {", own_spans), "`grpc/protobuf` is now called `grpc`")]);
    for (yaml, warning) in cases {
        let (_, stderr) = printed(&["validate"], &[&yaml]);
        assert!(stderr.contains("warning: ") && stderr.contains(warning), "{warning}: {stderr}");
        assert!(stderr.contains("  --> ") || stderr.contains(" --> "), "{stderr}");
    }
}

#[test]
fn feature_gates_bring_old_meanings_back() {
    let yaml = "
receivers: { otlp: { protocols: { grpc: , http: { endpoint: '$NODE_NAME:1' } } } }
exporters: { debug: }
service: { pipelines: { traces: { receivers: [otlp], exporters: [debug] } } }
";
    let gates = "--feature-gates=-component.UseLocalHostAsDefaultHost,-confmap.unifyEnvVarExpansion,\
                 -telemetry.UseLocalHostAsDefaultMetricsAddress";
    let printed = print_json(&["--mode=unredacted", gates], &[yaml]);
    let protocols = &printed["receivers"]["otlp"]["protocols"];
    assert_eq!(protocols["grpc"]["endpoint"], "0.0.0.0:4317");
    assert_eq!(protocols["http"]["endpoint"], "node-1:1");
    let reader = &printed["service"]["telemetry"]["metrics"]["readers"][0];
    assert_eq!(reader["pull"]["exporter"]["prometheus"]["host"], "0.0.0.0");
    let (_, stderr) = self::printed(
        &["validate", "--feature-gates=service.AllowNoPipelines"],
        &["receivers: { nop: }\nexporters: { nop: }\n"],
    );
    assert_eq!(stderr, "");
}

#[test]
fn every_feature_gate_of_the_go_collector_is_there() {
    let (ours, _) = printed(&["featuregate"], &[]);
    let rows = |table: &str| -> BTreeMap<String, (String, String)> {
        let row = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Some((words.next()?, (words.next()?, words.next()?)))
        };
        table.lines().filter_map(row).collect()
    };
    let (ours, go) = (rows(&ours), rows(include_str!("golden/featuregate.txt")));
    assert_eq!(go.len(), 14);
    for (id, row) in go {
        assert_eq!(ours.get(&id), Some(&row), "{id}");
    }
    let output = otelcol(["--feature-gates=service.AlowNoPipelines", "validate", "--config", "x"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("Error: invalid argument \"service.AlowNoPipelines\" for \"--feature-gates\" flag: no such feature gate"), "{stderr}");
    assert!(stderr.contains("did you mean \"service.AllowNoPipelines\"?"), "{stderr}");
}

#[test]
fn components_are_listed_as_the_go_collector_lists_them() {
    let (listed, _) = printed(&["components"], &[]);
    let sections: Vec<&str> = listed.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        sections.iter().map(|line| line.split(':').next().unwrap_or(line)).collect::<Vec<_>>(),
        ["buildinfo", "receivers", "processors", "exporters", "connectors", "extensions", "providers"]
    );
    let otlp =
        "    - name: otlp_grpc\n      module: otel_exporters::otlp_grpc\n      stability:\n        logs: ";
    assert!(listed.contains(otlp), "{listed}");
    for scheme in ["env", "file", "http", "https", "yaml"] {
        assert!(listed.contains(&format!("    - scheme: {scheme}\n")), "{listed}");
    }
}

// === schema ===

/// The paths of the keys that a schema says nothing of, and how many keys it has.
fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) -> usize {
    let below = match schema {
        Value::Object(map) => map.iter().map(|(key, below)| (format!("{path}/{key}"), below)).collect(),
        Value::Array(list) => list.iter().map(|below| (path.to_owned(), below)).collect(),
        _ => Vec::new(),
    };
    let keys = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut count = 0;
    for (key, of) in keys {
        count += 1;
        let said = of["description"].as_str().unwrap_or_default();
        if said.is_empty() || said.contains("](") {
            found.push(format!("{path}::{key}: {said}"));
        }
    }
    count + below.into_iter().map(|(path, below)| undescribed(below, &path, found)).sum::<usize>()
}

#[test]
fn the_schema_says_of_every_key_what_it_is_for() {
    let schema = schema();
    let verbosity = &schema["definitions"]["exporters.debug"]["properties"]["verbosity"];
    assert_eq!(verbosity["default"], "basic");
    let mut found = Vec::new();
    let count = undescribed(&schema, "", &mut found);
    assert!(found.is_empty() && count > 700, "{count} {found:#?}");
}

#[test]
fn the_schema_takes_what_is_accepted_and_names_what_is_not() {
    let schema = schema();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("config.json", schema.clone()).expect("a schema");
    let compiled = compiler.compile("config.json", &mut schemas).expect("a schema that compiles");
    let quickstart = include_str!("../quickstart.yaml");
    for yaml in [quickstart, GO_CONFIG, SMALL] {
        // Printed without defaults it would be what was written, so check what is printed, which has every key.
        let printed = print_json(&["--mode=unredacted"], &[yaml]);
        if let Err(error) = schemas.validate(&printed, compiled) {
            panic!("{error:#}");
        }
    }
    for (pointer, value) in [
        ("/receivers/otlp/protocols/grpc/endpoint", Value::from(7)),
        ("/receivers/otlp/protocols/grpc/max_recv_msg_size_mib", Value::from("big")),
        ("/exporters/debug/verbosity", Value::from("loud")),
        ("/exporters/debug", serde_json::json!({ "verbositi": "basic" })),
        ("/exporters", serde_json::json!({ "debugg": {} })),
        ("/service/pipelines", serde_json::json!({ "trace": {} })),
    ] {
        let mut printed = print_json(&["--mode=unredacted"], &[SMALL]);
        *printed.pointer_mut(pointer).expect(pointer) = value;
        assert!(schemas.validate(&printed, compiled).is_err(), "{pointer}");
    }
    let mut printed = print_json(&[], &[SMALL]);
    for reference in [
        "/receivers/otlp/protocols/grpc/max_recv_msg_size_mib",
        "/exporters/debug/verbosity",
        "/service/pipelines",
    ] {
        *printed.pointer_mut(reference).expect(reference) = "${env:IT}".into();
    }
    assert!(schemas.validate(&printed, compiled).is_ok());
}
