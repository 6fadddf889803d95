use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use otel_core::component::{Host, Outputs, Receiver, StartError, Task};
use otel_core::net::{ByteBudget, Handler, Listener, ReadLimits, ServerOptions, Stopper, Transport, serve};
use tokio::time::{Instant, timeout_at};

use super::grpc::GrpcHandler;
use super::http::HttpHandler;
use super::intake::Intake;
use super::metrics::TransportMetrics;
use super::{GrpcServerConfig, HttpServerConfig, OtlpReceiverConfig};

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
    grpc: Option<SocketAddr>,
    http: Option<SocketAddr>,
    tasks: Vec<Task>,
}

impl OtlpReceiver {
    /// A receiver that does not listen yet.
    pub fn new(config: OtlpReceiverConfig, host: &Host) -> Self {
        let budget = ByteBudget::new(config.max_in_flight_bytes);
        Self { config, host: host.clone(), budget, stopper: Stopper::default(), running: Mutex::default() }
    }

    /// Where gRPC is served, once it is.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.running().grpc
    }

    /// Where HTTP is served, once it is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.running().http
    }

    fn intake(
        &self,
        outputs: Outputs,
        message: usize,
        include_metadata: bool,
        transport: &'static str,
    ) -> Intake {
        Intake {
            outputs,
            limits: ReadLimits::new(message, self.budget.clone()),
            invalid_utf8: self.config.invalid_utf8,
            include_metadata,
            metrics: TransportMetrics::new(&self.host, transport),
        }
    }

    async fn start_grpc(
        &self,
        config: &GrpcServerConfig,
        outputs: Outputs,
    ) -> Result<Option<SocketAddr>, StartError> {
        let intake = self.intake(outputs, config.max_message(), config.include_metadata, "grpc");
        let mut options = ServerOptions::default();
        options.http2_only = true;
        options.max_concurrent_streams = config.max_concurrent_streams;
        options.keepalive_time = config.keepalive.time;
        options.keepalive_timeout = config.keepalive.timeout;
        let listener = bind(&self.host, "grpc", &config.endpoint).await?;
        let address = listener.address();
        self.host.logger().info("Starting GRPC server").text("endpoint", listener.bound()).emit();
        self.run("otlp grpc server", listener, options, GrpcHandler(Arc::new(intake)));
        Ok(address)
    }

    async fn start_http(
        &self,
        config: &HttpServerConfig,
        outputs: Outputs,
    ) -> Result<Option<SocketAddr>, StartError> {
        let intake = self.intake(outputs, config.max_body(), config.include_metadata, "http");
        let mut options = ServerOptions::default();
        options.read_header_timeout = config.read_header_timeout;
        options.close_connections = !config.keep_alives_enabled;
        let listener = bind(&self.host, "http", &config.endpoint).await?;
        let address = listener.address();
        self.host.logger().info("Starting HTTP server").text("endpoint", listener.bound()).emit();
        self.run("otlp http server", listener, options, HttpHandler::new(intake, config));
        Ok(address)
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
            let address = self.start_grpc(config, outputs.clone()).await?;
            self.running().grpc = address;
        }
        if let Some(config) = self.config.protocols.http.get() {
            let address = self.start_http(config, outputs).await?;
            self.running().http = address;
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

async fn bind(host: &Host, protocol: &str, endpoint: &str) -> Result<Listener, StartError> {
    Listener::bind_for(host, Transport::Tcp, endpoint).await.map_err(|error| {
        let message = format!("protocols::{protocol}::endpoint: cannot listen on {endpoint}");
        StartError::new(message).with_source(error)
    })
}
