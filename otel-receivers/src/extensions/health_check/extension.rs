use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use otel_core::component::{Component, Extension, Host, Overview, StartError, Status, StatusEvent};
use otel_core::net::Bound;
use tokio::sync::watch;
use tokio::time::Instant;

use super::grpc::GrpcHandler;
use super::health::{Aggregate, Health};
use super::pages::{LegacyHandler, StatusHandler};
use super::{ComponentHealthConfig, HealthCheckConfig};
use crate::extensions::server::{Servers, address};

/// Tells over HTTP and gRPC whether the collector is healthy.
#[derive(Debug)]
pub struct HealthCheck {
    config: HealthCheckConfig,
    state: Arc<State>,
    servers: Servers,
    addresses: Mutex<Addresses>,
}

#[derive(Debug, Clone, Default)]
struct Addresses {
    http: Option<Bound>,
    grpc: Option<Bound>,
}

/// What the servers ask.
#[derive(Debug)]
pub(super) struct State {
    host: Host,
    overview: OnceLock<Arc<dyn Overview>>,
    component_health: Option<ComponentHealthConfig>,
    created: SystemTime,
    ready: Mutex<Option<Ready>>,
    changes: watch::Sender<Change>,
}

/// What those who watch are woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Some status may be another.
    Status,
    /// The extension stops.
    Stopping,
}

/// Since when all pipelines run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    pub(super) since: SystemTime,
    pub(super) begun: Instant,
}

impl HealthCheck {
    /// An extension that does not listen yet.
    pub fn new(config: HealthCheckConfig, host: &Host) -> Self {
        let state = State {
            host: host.clone(),
            overview: OnceLock::new(),
            component_health: config.component_health.clone(),
            created: host.telemetry().now(),
            ready: Mutex::default(),
            changes: watch::Sender::new(Change::Status),
        };
        Self { config, state: Arc::new(state), servers: Servers::new(host), addresses: Mutex::default() }
    }

    /// Where HTTP is served, once it is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        address(self.addresses().http.as_ref())
    }

    /// Where gRPC is served, once it is.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        address(self.addresses().grpc.as_ref())
    }

    fn addresses(&self) -> Addresses {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn listen(&self) -> Result<Addresses, StartError> {
        let (config, state) = (&self.config, &self.state);
        let mut addresses = Addresses::default();
        if !config.use_v2 {
            let handler = LegacyHandler::new(Arc::clone(state), config);
            addresses.http = Some(self.servers.http(&config.server, handler).await?);
            return Ok(addresses);
        }
        if let Some(http) = config.http.get() {
            let path = http.status_enabled.then_some(http.status_path.as_str());
            let handler = StatusHandler::new(Arc::clone(state), path);
            addresses.http = Some(self.servers.http(&http.server, handler).await?);
        }
        if let Some(grpc) = config.grpc.get() {
            let handler = GrpcHandler::new(Arc::clone(state));
            addresses.grpc = Some(self.servers.grpc(grpc, handler).await?);
        }
        Ok(addresses)
    }
}

#[async_trait]
impl Component for HealthCheck {
    async fn start(&self) -> Result<(), StartError> {
        let addresses = self.listen().await?;
        for bound in [&addresses.http, &addresses.grpc].into_iter().flatten() {
            self.state.host.logger().info("Starting health_check extension").text("endpoint", bound).emit();
        }
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) {
        self.state.changes.send_replace(Change::Stopping);
        self.servers.shutdown(deadline).await;
    }
}

#[async_trait]
impl Extension for HealthCheck {
    fn attach(&self, overview: &Arc<dyn Overview>) {
        // The engine does this once; a second time would change nothing.
        let _ = self.state.overview.set(Arc::clone(overview));
    }

    async fn ready(&self) {
        self.state.set_ready(true);
    }

    async fn not_ready(&self) {
        self.state.set_ready(false);
    }

    fn on_status(&self, _: &StatusEvent) {
        self.state.changes.send_if_modified(|change| *change == Change::Status);
    }
}

// === impl State ===

impl State {
    fn set_ready(&self, ready: bool) {
        let since = ready.then(|| Ready { since: self.host.telemetry().now(), begun: Instant::now() });
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = since;
        let status = if ready { "ready" } else { "unavailable" };
        self.host.logger().info("Health Check state change").field("status", status).emit();
    }

    /// Tells when to look again.
    pub(super) fn changes(&self) -> watch::Receiver<Change> {
        self.changes.subscribe()
    }

    /// When the extension was created.
    pub(super) fn created(&self) -> SystemTime {
        self.created
    }

    /// Since when all pipelines run, or why something is wrong.
    pub(super) fn available(&self) -> Result<Ready, Option<String>> {
        let ready = *self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = ready.ok_or(None)?;
        match self.overview.get().and_then(|overview| trouble(&**overview)) {
            Some(trouble) => Err(Some(trouble)),
            None => Ok(ready),
        }
    }

    /// Whether this works: an error is none while it may still pass.
    pub(super) fn is_healthy(&self, health: &Aggregate) -> bool {
        let recovery = self.component_health.as_ref().map(|settings| settings.recovery_duration);
        health.is_healthy(recovery.unwrap_or_default(), self.host.telemetry().now())
    }

    /// The health of a pipeline, or of the whole collector. `None` where there is no such pipeline.
    pub(super) fn health(&self, pipeline: Option<&str>) -> Option<Aggregate> {
        let settings = self.component_health.clone().unwrap_or_default();
        let overview = self.overview.get()?;
        let health = Health::new(&**overview, settings, self.host.telemetry().now());
        match pipeline {
            Some(pipeline) => health.pipeline(pipeline),
            None => Some(health.all()),
        }
    }
}

/// Why the collector is not what its configuration says.
fn trouble(overview: &dyn Overview) -> Option<String> {
    if let Some(error) = overview.failed_reload() {
        return Some(format!("the last configuration was not applied: {error}"));
    }
    let dead = |status: &Status| matches!(status, Status::FatalError(_));
    let event = overview.statuses().into_iter().find(|event| event.dead || dead(&event.status))?;
    Some(format!("{} {}: {}", event.kind, event.id, event.status))
}
