use std::io;
use std::time::Duration;

use documented::DocumentedFieldsOpt;

use super::{AuthConfig, MiddlewareConfig, NO_DIALLING, check, options, take_endpoint};
use crate::Invalid;
use crate::component::Host;
use crate::config::{Decode, Fields, KeyDocs, Optional};
use crate::net::tls::{TlsError, TlsServerConfig};
use crate::net::{ByteBudget, Listener, ReadLimits, ServerOptions, Transport};
use crate::telemetry::Logger;

const BUFFERS: &str = "buffers grow with what they hold";

/// A gRPC server.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct GrpcServerConfig {
    /// `host:port` to listen at, or the path of a Unix socket.
    pub endpoint: String,
    /// What to listen at.
    pub transport: Transport,
    /// TLS; off until it is named.
    pub tls: Optional<TlsServerConfig>,
    /// Who may send; anyone until it is named.
    pub auth: Optional<AuthConfig>,
    /// What sees requests before they are read, in this order, after authentication.
    pub middlewares: Vec<MiddlewareConfig>,
    /// Longest message in MiB, as it comes and decompressed; 0 for 4.
    pub max_recv_msg_size_mib: usize,
    /// Streams of a connection at a time; 0 for the server's own bound of 1024.
    pub max_concurrent_streams: u32,
    /// Pings to clients, and the life of connections.
    pub keepalive: ServerKeepaliveConfig,
    /// Keeps the request's headers for the pipeline.
    pub include_metadata: bool,
    /// Connections at a time; 0 for 16384.
    pub max_connections: usize,
}

/// How a gRPC server finds out that clients are gone, and how long connections last. Zero is the default.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct ServerKeepaliveConfig {
    /// How long a connection may go without a request; unbounded by default.
    pub max_connection_idle: Duration,
    /// How old a connection may get, up to a tenth more or less; unbounded by default.
    pub max_connection_age: Duration,
    /// How long requests may go on on a connection that has become too old; unbounded by default.
    pub max_connection_age_grace: Duration,
    /// A client that has been silent for so long is pinged; two hours by default, at least a second.
    pub time: Duration,
    /// How long it may take to answer; 20 seconds by default.
    pub timeout: Duration,
}

impl GrpcServerConfig {
    const MAX_MIB: usize = 8_796_093_022_207;

    /// The defaults with an endpoint.
    pub fn at(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), ..Self::default() }
    }

    /// Longest message in bytes.
    pub fn max_message(&self) -> usize {
        let mib = if self.max_recv_msg_size_mib == 0 { 4 } else { self.max_recv_msg_size_mib };
        mib.saturating_mul(1 << 20)
    }

    /// The rules of the keys, which paths are relative to this block.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut broken = check(self.transport, &self.endpoint, &self.tls);
        let (value, most) = (self.max_recv_msg_size_mib, Self::MAX_MIB);
        if value > most {
            let message =
                format!("invalid max_recv_msg_size_mib value, must be between 1 and {most}: {value}");
            broken.push(Invalid::new("max_recv_msg_size_mib", message));
        }
        broken
    }

    /// Binds the endpoint for a component, or takes over the socket of the one that it replaces.
    ///
    /// # Errors
    /// It cannot be bound.
    pub async fn listen(&self, host: &Host) -> io::Result<Listener> {
        Listener::bind_for(host, self.transport, &self.endpoint).await
    }

    /// How its connections are served.
    ///
    /// # Errors
    /// A certificate or key cannot be loaded.
    pub fn options(&self, logger: &Logger) -> Result<ServerOptions, TlsError> {
        let or = |value: Duration, otherwise| if value.is_zero() { otherwise } else { value };
        let keepalive = &self.keepalive;
        Ok(ServerOptions {
            http2_only: true,
            max_concurrent_streams: self.max_concurrent_streams,
            idle_timeout: keepalive.max_connection_idle,
            max_age: keepalive.max_connection_age,
            max_age_grace: keepalive.max_connection_age_grace,
            keepalive_time: or(keepalive.time, Duration::from_secs(2 * 3600)).max(Duration::from_secs(1)),
            keepalive_timeout: or(keepalive.timeout, Duration::from_secs(20)),
            ..options(self.max_connections, &self.tls, &[b"h2"], logger)?
        })
    }

    /// How its requests are read.
    pub fn limits(&self, budget: ByteBudget) -> ReadLimits {
        ReadLimits::new(self.max_message(), budget)
    }
}

impl Decode for GrpcServerConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            endpoint,
            transport,
            tls,
            auth,
            middlewares,
            max_recv_msg_size_mib,
            max_concurrent_streams,
            keepalive,
            include_metadata,
            max_connections,
        } = self;
        take_endpoint(fields, endpoint);
        fields.take("transport", transport);
        fields.take("tls", tls);
        fields.take("auth", auth);
        fields.take("middlewares", middlewares);
        fields.take("max_recv_msg_size_mib", max_recv_msg_size_mib);
        fields.take("max_concurrent_streams", max_concurrent_streams);
        fields.take("keepalive", keepalive);
        fields.take("include_metadata", include_metadata);
        fields.take("max_connections", max_connections);
        fields.tolerated("read_buffer_size", BUFFERS);
        fields.tolerated("write_buffer_size", BUFFERS);
        fields.tolerated("dialer", NO_DIALLING);
    }
}

impl Decode for ServerKeepaliveConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { max_connection_idle, max_connection_age, max_connection_age_grace, time, timeout } = self;
        fields.nested("server_parameters", |fields| {
            fields.take("max_connection_idle", max_connection_idle);
            fields.take("max_connection_age", max_connection_age);
            fields.take("max_connection_age_grace", max_connection_age_grace);
            fields.take("time", time);
            fields.take("timeout", timeout);
            fields.document(Self::DOCS);
        });
        fields.says("server_parameters", "When connections are closed, and when they are looked after.");
        fields.tolerated("enforcement_policy", "clients may ping as often as they like");
    }
}
