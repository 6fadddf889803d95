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
