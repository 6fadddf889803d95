use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use otel_core::component::{Host, Outputs, Receiver, StartError, Task};
use otel_core::net::auth::ResolveError;
use otel_core::net::tls::TlsError;
use otel_core::net::{
    Bound, ByteBudget, GrpcServerConfig, GrpcService, Handler, HttpService, Listener, Observed, ReadLimits,
    Rejections, Rpc, ServerOptions, Stopper, serve,
};
use tokio::time::{Instant, timeout_at};

use super::grpc::GrpcHandler;
use super::http::HttpHandler;
use super::intake::Intake;
use super::metrics::TransportMetrics;
use super::{OtlpHttpConfig, OtlpReceiverConfig};

/// Serves OTLP over gRPC and HTTP.
#[derive(Debug)]
pub struct OtlpReceiver {
    config: OtlpReceiverConfig,
    host: Host,
    budget: ByteBudget,
    stopper: Stopper,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    grpc: Option<Bound>,
    http: Option<Bound>,
    tasks: Vec<Task>,
}

impl OtlpReceiver {
    /// A receiver that does not listen yet.
    pub fn new(config: OtlpReceiverConfig, host: &Host) -> Self {
        let budget = ByteBudget::new(config.max_in_flight_bytes);
        Self { config, host: host.clone(), budget, stopper: Stopper::default(), running: Mutex::default() }
    }

    /// The port where gRPC is served, once it is.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        address(self.running().grpc.as_ref())
    }

    /// The port where HTTP is served, once it is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        address(self.running().http.as_ref())
    }

    fn intake(
        &self,
        outputs: Outputs,
        limits: ReadLimits,
        include_metadata: bool,
        transport: &'static str,
    ) -> Intake {
        Intake {
            outputs,
            limits,
            invalid_utf8: self.config.invalid_utf8,
            include_metadata,
            metrics: TransportMetrics::new(&self.host, transport),
            rejections: Rejections::new(&self.host, transport),
        }
    }

    async fn start_grpc(&self, config: &GrpcServerConfig, outputs: Outputs) -> Result<Bound, StartError> {
        let limits = config.limits(self.budget.clone());
        let intake = self.intake(outputs, limits, config.include_metadata, "grpc");
        let mut options = config.options(self.host.logger()).map_err(not_loaded)?;
        options.failures = intake.rejections.connections();
        let handler = GrpcService::new(config, &self.host, GrpcHandler(Arc::new(intake)))
            .map_err(|error| not_resolved("grpc", error))?;
        let listener =
            config.listen(&self.host).await.map_err(|error| not_bound("grpc", &config.endpoint, error))?;
        let bound = listener.bound().clone();
        self.host.logger().info("Starting GRPC server").text("endpoint", &bound).emit();
        self.run("otlp grpc server", listener, options, self.observed(handler, Rpc::Grpc));
        Ok(bound)
    }

    async fn start_http(&self, config: &OtlpHttpConfig, outputs: Outputs) -> Result<Bound, StartError> {
        let server = &config.server;
        let limits = server.limits(self.budget.clone());
        let intake = self.intake(outputs, limits, server.include_metadata, "http");
        let mut options = server.options(self.host.logger()).map_err(not_loaded)?;
        options.failures = intake.rejections.connections();
        let handler = HttpService::new(server, &self.host, HttpHandler::new(intake, config))
            .map_err(|error| not_resolved("http", error))?;
        let listener =
            server.listen(&self.host).await.map_err(|error| not_bound("http", &server.endpoint, error))?;
        let bound = listener.bound().clone();
        self.host.logger().info("Starting HTTP server").text("endpoint", &bound).emit();
        self.run("otlp http server", listener, options, self.observed(handler, Rpc::Http));
        Ok(bound)
    }

    fn observed<H: Handler>(&self, handler: H, rpc: Rpc) -> Observed<H> {
        Observed::new(handler, rpc, self.host.telemetry())
    }

    fn run(&self, name: &'static str, listener: Listener, options: ServerOptions, handler: impl Handler) {
        let stop = self.stopper.listen();
        let task = self.host.spawn(name, async move {
            serve(listener, options, handler, stop).await;
            Ok(())
        });
        self.running().tasks.push(task);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Receiver for OtlpReceiver {
    async fn start(&self, outputs: Outputs) -> Result<(), StartError> {
        if let Some(config) = self.config.protocols.grpc.get() {
            let bound = self.start_grpc(config, outputs.clone()).await?;
            self.running().grpc = Some(bound);
        }
        if let Some(config) = self.config.protocols.http.get() {
            let bound = self.start_http(config, outputs).await?;
            self.running().http = Some(bound);
        }
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) {
        self.stopper.stop(deadline);
        let tasks = std::mem::take(&mut self.running().tasks);
        for task in tasks {
            // The server itself breaks off at the deadline, and needs a moment for that.
            let grace = deadline + std::time::Duration::from_secs(1);
            if timeout_at(grace, task.ended()).await.is_err() {
                task.abort();
            }
        }
    }
}

fn address(bound: Option<&Bound>) -> Option<SocketAddr> {
    match bound? {
        Bound::Tcp(address) => Some(*address),
        _ => None,
    }
}

fn not_loaded(error: TlsError) -> StartError {
    StartError::new("failed to load TLS config").with_source(error)
}

fn not_resolved(protocol: &str, error: ResolveError) -> StartError {
    StartError::new(format!("protocols::{protocol}: cannot use an extension")).with_source(error)
}

fn not_bound(protocol: &str, endpoint: &str, error: io::Error) -> StartError {
    let message = format!("protocols::{protocol}::endpoint: cannot listen on {endpoint}");
    StartError::new(message).with_source(error)
}
