//! What the command line prints about a collector: its components, its feature gates.

use std::fmt::Write as _;

use crate::component::{BuildInfo, ComponentKind};
use crate::config::gates::FeatureGates;
use crate::config::{Loader, Secrets, Value};
use crate::service::Registry;

/// The sections of `components`, each with the kind that it lists.
const SECTIONS: [(&str, ComponentKind); 5] = [
    ("receivers", ComponentKind::Receiver),
    ("processors", ComponentKind::Processor),
    ("exporters", ComponentKind::Exporter),
    ("connectors", ComponentKind::Connector),
    ("extensions", ComponentKind::Extension),
];

/// What the collector is made of, in YAML.
pub(super) fn components(registry: &Registry, loader: &Loader, build_info: &BuildInfo) -> String {
    let BuildInfo { command, description, version } = build_info;
    let text = |text: &str| Value::from(text);
    let build = [("command", text(command)), ("description", text(description)), ("version", text(version))];
    let sections = SECTIONS.map(|(name, kind)| {
        let components = registry.components(kind).map(|component| {
            let stability =
                component.uses.iter().map(|used| (used.as_str(), text(component.stability.as_str())));
            Value::map([
                ("name", text(component.name)),
                ("module", text(component.module)),
                ("stability", Value::map(stability)),
            ])
        });
        (name, Value::List(components.collect()))
    });
    let providers = loader
        .schemes()
        .into_iter()
        .map(|scheme| Value::map([("scheme", text(scheme)), ("module", text("otel_core::config"))]));
    let all = [("buildinfo", Value::map(build))]
        .into_iter()
        .chain(sections)
        .chain([("providers", Value::List(providers.collect()))]);
    Value::map(all).to_yaml(Secrets::Redacted)
}

/// Every feature gate in a table, or all there is to say of one.
///
/// # Errors
/// There is none of that name.
pub(super) fn feature_gates(gates: &FeatureGates, id: Option<&str>) -> Result<String, String> {
    let Some(id) = id else { return Ok(table(gates)) };
    let gate = gates.find(id).ok_or_else(|| format!("feature {id:?} not found"))?;
    let mut text = format!(
        "Feature: {id}\nEnabled: {}\nStage: {}\nDescription: {}\nFrom Version: {}\n",
        gates.is_enabled(gate),
        gate.stage(),
        gate.description(),
        gate.from_version(),
    );
    if let Some(to) = gate.to_version() {
        let _ = writeln!(text, "To Version: {to}");
    }
    Ok(text)
}

fn table(gates: &FeatureGates) -> String {
    let header = ["ID", "Enabled", "Stage", "Description"].map(str::to_owned);
    let rows = gates.iter().map(|gate| {
        let enabled = gates.is_enabled(gate).to_string();
        [gate.id().to_owned(), enabled, gate.stage().to_string(), gate.description().to_owned()]
    });
    let rows: Vec<_> = [header].into_iter().chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default() + 2;
    let widths = [width(0), width(1), width(2)];
    let line = |[id, enabled, stage, description]: &[String; 4]| {
        let [first, second, third] = widths;
        format!("{id:first$}{enabled:second$}{stage:third$}{description}\n")
    };
    rows.iter().map(line).collect()
}
