//! The servers of an extension.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use otel_core::component::{Host, StartError, Task};
use otel_core::net::auth::ResolveError;
use otel_core::net::tls::TlsError;
use otel_core::net::{
    Bound, Handler, HttpServerConfig, HttpService, Listener, Rejections, ServerOptions, Stopper, serve,
};
#[cfg(feature = "health_check")]
use otel_core::net::{GrpcServerConfig, GrpcService};
use tokio::time::{Instant, timeout_at};

/// The servers of an extension that run.
#[derive(Debug)]
pub(super) struct Servers {
    host: Host,
    stopper: Stopper,
    tasks: Mutex<Vec<Task>>,
}

impl Servers {
    pub(super) fn new(host: &Host) -> Self {
        Self { host: host.clone(), stopper: Stopper::default(), tasks: Mutex::default() }
    }

    /// Serves HTTP.
    pub(super) async fn http(
        &self,
        config: &HttpServerConfig,
        handler: impl Handler,
    ) -> Result<Bound, StartError> {
        let mut options = config.options(self.host.logger()).map_err(not_loaded)?;
        options.failures = Rejections::new(&self.host, "http").connections();
        let handler = HttpService::new(config, &self.host, handler).map_err(not_resolved)?;
        let listener = config.listen(&self.host).await.map_err(|error| not_bound(&config.endpoint, error))?;
        Ok(self.serve("http server", listener, options, handler))
    }

    /// Serves gRPC.
    #[cfg(feature = "health_check")]
    pub(super) async fn grpc(
        &self,
        config: &GrpcServerConfig,
        handler: impl Handler,
    ) -> Result<Bound, StartError> {
        let mut options = config.options(self.host.logger()).map_err(not_loaded)?;
        options.failures = Rejections::new(&self.host, "grpc").connections();
        let handler = GrpcService::new(config, &self.host, handler).map_err(not_resolved)?;
        let listener = config.listen(&self.host).await.map_err(|error| not_bound(&config.endpoint, error))?;
        Ok(self.serve("grpc server", listener, options, handler))
    }

    /// Ends the servers, at the deadline at the latest.
    pub(super) async fn shutdown(&self, deadline: Instant) {
        self.stopper.stop(deadline);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // The server itself breaks off at the deadline, and needs a moment for that.
            if timeout_at(deadline + Duration::from_secs(1), task.ended()).await.is_err() {
                task.abort();
            }
        }
    }

    fn serve(
        &self,
        name: &'static str,
        listener: Listener,
        options: ServerOptions,
        handler: impl Handler,
    ) -> Bound {
        let bound = listener.bound().clone();
        let stop = self.stopper.listen();
        let task = self.host.spawn(name, async move {
            serve(listener, options, handler, stop).await;
            Ok(())
        });
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        bound
    }
}

/// The address of a port; nothing for a Unix socket.
pub(super) fn address(bound: Option<&Bound>) -> Option<SocketAddr> {
    match bound? {
        Bound::Tcp(address) => Some(*address),
        _ => None,
    }
}

fn not_loaded(error: TlsError) -> StartError {
    StartError::new("failed to load TLS config").with_source(error)
}

fn not_resolved(error: ResolveError) -> StartError {
    StartError::new("cannot use an extension").with_source(error)
}

fn not_bound(endpoint: &str, error: io::Error) -> StartError {
    StartError::new(format!("failed to bind to address {endpoint}")).with_source(error)
}
