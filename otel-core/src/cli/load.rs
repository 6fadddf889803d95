//! From what the command line names to a collector.

use std::path::PathBuf;
use std::sync::Arc;

use crate::component::ProxySettings;
use crate::config::gates::FeatureGates;
use crate::config::{ConfigErrors, Diagnostics, EnvProvider, Loader, Node, Value};
use crate::service::{Collector, Registry, WebProvider};

use super::arguments::Inputs;

/// The configuration that a command line names, which can be read as often as it changes.
pub(super) struct Configuration {
    registry: Registry,
    loader: Loader,
    uris: Vec<String>,
}

impl Configuration {
    /// The configuration of these inputs, with their feature gates set.
    ///
    /// # Errors
    /// A feature gate that can't be set, or no configuration at all.
    pub(super) fn new(registry: &Registry, inputs: Inputs) -> Result<Self, String> {
        let registry = with_gates(registry, &inputs.gates)?;
        if inputs.uris.is_empty() {
            return Err("at least one config flag must be provided".to_owned());
        }
        let loader = loader().with_gates(registry.gates().clone());
        let loader = inputs.sets.into_iter().fold(loader, Loader::set);
        Ok(Self { registry, loader, uris: inputs.uris })
    }

    /// Reads the configuration as it is now.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn load(&self) -> Result<Collector, ConfigErrors> {
        let (root, diagnostics) = self.read()?;
        let collector = Collector::from_node(&self.registry, &root, diagnostics)?;
        Ok(collector.with_proxies(proxies()))
    }

    /// As [`load`](Self::load), on a thread that may wait for disks and servers.
    pub(super) async fn load_again(self: &Arc<Self>) -> Result<Collector, ConfigErrors> {
        let configuration = Arc::clone(self);
        match tokio::task::spawn_blocking(move || configuration.load()).await {
            Ok(read) => read,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and so does whoever waits here.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// The files among what the command line names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.uris.iter().filter_map(|uri| Loader::file(uri)).collect()
    }

    /// Reads the configuration to print it; `validate` if only one that could run is to be printed.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn effective(&self, validate: bool) -> Result<Value, ConfigErrors> {
        let (root, diagnostics) = self.read()?;
        if validate {
            Collector::from_node(&self.registry, &root, diagnostics.clone())?;
        }
        Collector::effective(&self.registry, &root, diagnostics)
    }

    fn read(&self) -> Result<(Node, Diagnostics), ConfigErrors> {
        let mut diagnostics = Diagnostics::new();
        for warning in self.registry.gates().warnings() {
            diagnostics.warning(None, warning.clone());
        }
        match self.loader.load(&self.uris, &mut diagnostics) {
            Some(root) => Ok((root, diagnostics)),
            None => Err(diagnostics.into()),
        }
    }
}

/// A loader with every provider of the command line.
pub(super) fn loader() -> Loader {
    let loader = Loader::default().with(EnvProvider::process());
    let web = [WebProvider::http(), WebProvider::https()];
    web.into_iter().fold(loader, |loader, provider| loader.with(provider.with_proxies(proxies())))
}

/// The proxies of the environment.
fn proxies() -> ProxySettings {
    ProxySettings::from_variables(|name| std::env::var(name).ok())
}

/// The registry with these feature gates set.
pub(super) fn with_gates(registry: &Registry, lists: &[String]) -> Result<Registry, String> {
    let mut registry = registry.clone();
    for list in lists {
        set(registry.gates_mut(), list)?;
    }
    Ok(registry)
}

fn set(gates: &mut FeatureGates, list: &str) -> Result<(), String> {
    gates
        .set(list)
        .map_err(|error| format!("invalid argument {list:?} for \"--feature-gates\" flag: {error}"))
}
