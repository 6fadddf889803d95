//! A configuration that can be run.

use super::description::Description;
use super::pipelines;
use super::registry::Registry;
use super::run::{Service, ServiceError};
use super::sameness;
use super::telemetry::TelemetryConfig;
use crate::component::{BuildInfo, FeatureGateOverview, ProxySettings};
use crate::config::gates::{ALLOW_NO_PIPELINES, FeatureGates, Gate};
use crate::config::{ConfigErrors, Decoder, Diagnostics, Node, Source, Value, parse};
use crate::engine::{EngineError, Graph, Identity, Options};
use crate::telemetry::{Logger, Telemetry};

/// A collector as a configuration describes it: checked, not created.
#[derive(Debug)]
pub struct Collector {
    pub(super) graph: Graph,
    pub(super) telemetry: TelemetryConfig,
    /// What the configuration says of telemetry.
    pub(super) telemetry_identity: Identity,
    pub(super) shutdown_timeout: std::time::Duration,
    pub(super) proxies: ProxySettings,
    pub(super) feature_gates: Vec<FeatureGateOverview>,
    pub(super) diagnostics: Diagnostics,
}

impl Collector {
    /// Reads a configuration from a YAML text, whose `name` the messages use. References (`${…}`) are not expanded;
    /// a [`Loader`](crate::config::Loader) does that.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_yaml(registry: &Registry, name: &str, yaml: &str) -> Result<Self, ConfigErrors> {
        let mut diagnostics = Diagnostics::new();
        match parse(&Source::new(name, yaml), &mut diagnostics) {
            Some(root) => Self::from_node(registry, &root, diagnostics),
            None => Err(diagnostics.into()),
        }
    }

    /// Reads a loaded configuration; `diagnostics` is what loading recorded.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_node(
        registry: &Registry,
        root: &Node,
        diagnostics: Diagnostics,
    ) -> Result<Self, ConfigErrors> {
        let mut decoder = Decoder::new(diagnostics).with_gates(registry.gates().clone());
        let read = Description::decode(registry, root, &mut decoder).map(|description| {
            check_sections(&description, root, registry.gates(), &mut decoder);
            let mut graph = pipelines::graph(&description, &mut decoder);
            if registry.gates().is_enabled(&ALLOW_NO_PIPELINES) {
                graph.allow_no_pipelines();
            }
            if !decoder.diagnostics().has_errors() {
                check_graph(&graph, root, &mut decoder);
            }
            (graph, description.service.telemetry, description.service.shutdown_timeout)
        });
        let mut diagnostics = decoder.into_diagnostics();
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        let Some((graph, telemetry, shutdown_timeout)) = read else {
            diagnostics.error(root, "the configuration could not be read");
            return Err(diagnostics.into());
        };
        let proxies = ProxySettings::default();
        let telemetry_identity =
            sameness::identity(root.entry("service").and_then(|node| node.entry("telemetry")));
        let feature_gates = shown(registry.gates());
        Ok(Self {
            graph,
            telemetry,
            telemetry_identity,
            shutdown_timeout,
            proxies,
            feature_gates,
            diagnostics,
        })
    }

    /// Reads a loaded configuration only to print it: with its defaults, and with secrets marked. References between its
    /// parts and rules between keys are not checked.
    ///
    /// # Errors
    /// Everything that can't be read.
    pub fn effective(
        registry: &Registry,
        root: &Node,
        diagnostics: Diagnostics,
    ) -> Result<Value, ConfigErrors> {
        let mut decoder = Decoder::new(diagnostics).with_gates(registry.gates().clone()).without_rules();
        let value = Description::decode(registry, root, &mut decoder).map(Description::into_value);
        decoder.finish(value)
    }

    /// What should be said of the configuration although it works.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.diagnostics.warnings().map(|warning| self.diagnostics.render(warning))
    }

    pub(super) fn log_warnings(&self, logger: &Logger) {
        for warning in self.diagnostics.warnings() {
            let mut event = logger.warn(warning.message());
            if !warning.path().is_empty() {
                event = event.field("path", warning.path());
            }
            if let Some(at) = warning.location() {
                event = event.text("at", at);
            }
            event.emit();
        }
    }

    /// The same in an environment with these proxies, which its clients go through.
    pub fn with_proxies(mut self, proxies: ProxySettings) -> Self {
        self.proxies = proxies;
        self
    }

    /// Creates every component and drops it again: finds what only creating it shows.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn dry_run(self, build_info: BuildInfo) -> Result<(), EngineError> {
        self.graph.dry_run(Options { telemetry: Telemetry::none(), build_info, ..Options::default() })
    }

    /// Starts the collector, its own telemetry first, on the tokio runtime of the caller.
    ///
    /// # Errors
    /// What did not start; what had been started is stopped.
    pub async fn start(self, build_info: BuildInfo) -> Result<Service, ServiceError> {
        Service::start(self, build_info).await
    }
}

fn shown(gates: &FeatureGates) -> Vec<FeatureGateOverview> {
    let gate = |gate: &Gate| {
        let mut shown = FeatureGateOverview::new(gate.id(), gates.is_enabled(gate));
        shown.stage = gate.stage().to_string();
        shown.description = gate.description().into();
        shown.from_version = gate.from_version().into();
        shown.to_version = gate.to_version().map(str::to_owned);
        shown
    };
    gates.iter().map(gate).collect()
}

fn check_sections(description: &Description<'_>, root: &Node, gates: &FeatureGates, decoder: &mut Decoder) {
    let connectors = !description.connectors.is_empty();
    for (section, key, kind) in
        [(&description.receivers, "receivers", "receiver"), (&description.exporters, "exporters", "exporter")]
    {
        if section.is_empty() && !connectors && !decoder.is_unread(key) {
            decoder.error(root, format!("no {kind} configuration specified in config"));
        }
    }
    let unread = decoder.is_unread("service::pipelines");
    if description.service.pipelines.0.is_empty() && !unread && !gates.is_enabled(&ALLOW_NO_PIPELINES) {
        let at = root.entry("service").unwrap_or(root);
        decoder.at("service", |decoder| {
            decoder.at("pipelines", |decoder| {
                decoder.error(at, "service must have at least one pipeline");
            });
        });
    }
}

/// Cycles, and whatever else shows only when the graph is complete.
fn check_graph(graph: &Graph, root: &Node, decoder: &mut Decoder) {
    for problem in graph.problems() {
        let mut at = root;
        for key in problem.path.split("::") {
            at = at.entry(key).unwrap_or(at);
        }
        decoder.error(at, problem.message).at_path(problem.path);
    }
}
