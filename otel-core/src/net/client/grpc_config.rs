//! The settings of gRPC clients.

use std::time::Duration;

use documented::DocumentedFieldsOpt;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};

use super::http_config::{header_map, invalid_headers};
use super::http2::KeepAlive;
use super::{Balancing, Endpoint};
use crate::Invalid;
use crate::config::{
    Decode, Decoder, Fields, FromNode, KeyDocs, MapList, Node, Optional, Schema, Secret, Value,
};
use crate::net::tls::TlsClientConfig;
use crate::net::{AuthConfig, Compression, Compressor};

/// What is gathered before it is written where `write_buffer_size` is 0, as in Go.
const LEAST_GATHERED: usize = 32 << 10;
/// The most that is gathered: more costs memory and saves nothing.
const MOST_GATHERED: usize = 256 << 10;
/// Servers take more pings than this for an attack.
const LEAST_KEEPALIVE_TIME: Duration = Duration::from_secs(10);

/// The keys of gRPC clients, which a component embeds among its own.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct GrpcClientConfig {
    /// Where the server is: see [`Endpoint`].
    pub endpoint: String,
    /// How requests are compressed: with gzip, snappy, zstd or not.
    pub compression: Compression,
    /// Security of the connections.
    pub tls: TlsClientConfig,
    /// What the server is told of who the client is; nothing until it is named.
    pub auth: Optional<AuthConfig>,
    /// Pings to servers that are silent.
    pub keepalive: Optional<GrpcKeepAliveConfig>,
    /// The most bytes that are gathered before they are written; 0 for 32 KiB, and never more than 256 KiB.
    pub write_buffer_size: usize,
    /// Requests wait for a connection instead of failing while there is none.
    pub wait_for_ready: bool,
    /// Metadata of each request.
    pub headers: MapList<Secret>,
    /// Names the client; empty for the name of the component that embeds it.
    pub user_agent: String,
    /// How connections are spread over the addresses of the server.
    pub balancer_name: Balancing,
    /// What the server is called in requests and certificates; empty for the host of the endpoint.
    pub authority: String,
}

/// Pings to servers that are silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct GrpcKeepAliveConfig {
    /// After so long without a word from the server it is asked for one; at least 10 seconds.
    pub time: Duration,
    /// How long its answer may take; 0 for 20 seconds.
    pub timeout: Duration,
    /// Also while no request waits for an answer.
    pub permit_without_stream: bool,
}

// === impl GrpcClientConfig ===

impl GrpcClientConfig {
    /// The rules between the keys.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut broken: Vec<_> = self.tls.validate().into_iter().map(|rule| rule.within("tls")).collect();
        if let Err(error) = Endpoint::parse(&self.endpoint) {
            broken.push(Invalid::new("endpoint", error.to_string()));
        }
        broken.extend(invalid_headers(&self.headers));
        if HeaderValue::from_str(&self.user_agent).is_err() {
            broken.push(Invalid::new("user_agent", "must consist of visible ASCII characters"));
        }
        if !self.authority.is_empty() && self.authority.parse::<Authority>().is_err() {
            broken.push(Invalid::new("authority", "must be a host, with or without a port"));
        }
        broken
    }

    /// The headers of each request; what makes none is left out.
    pub(super) fn header_map(&self) -> HeaderMap {
        header_map(&self.headers)
    }

    /// A compressor for requests.
    pub(super) fn compressor(&self) -> Compressor {
        // What gRPC calls snappy is the framing format.
        let framed = self.compression == Compression::Snappy;
        Compressor::new(if framed { Compression::SnappyFramed } else { self.compression }, 0)
    }

    /// What the server is called.
    pub(super) fn authority(&self, endpoint: &Endpoint, secure: bool) -> Authority {
        let named = [&self.authority, &self.tls.server_name_override];
        let named = named.into_iter().take(if secure { 2 } else { 1 }).find(|name| !name.is_empty());
        let named = named.and_then(|name| name.parse().ok());
        let of_endpoint = || endpoint.to_string().parse().ok().filter(|_| endpoint.port().is_some());
        named.or_else(of_endpoint).unwrap_or_else(|| Authority::from_static("localhost"))
    }

    pub(super) fn keep_alive(&self) -> Option<KeepAlive> {
        let keepalive = self.keepalive.get()?;
        let timeout = Some(keepalive.timeout).filter(|timeout| !timeout.is_zero());
        Some(KeepAlive {
            time: keepalive.time.max(LEAST_KEEPALIVE_TIME),
            timeout: timeout.unwrap_or(Duration::from_secs(20)),
            always: keepalive.permit_without_stream,
        })
    }

    pub(super) fn gather(&self) -> usize {
        match self.write_buffer_size {
            0 => LEAST_GATHERED,
            size => size.min(MOST_GATHERED),
        }
    }
}

impl Default for GrpcClientConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            compression: Compression::Gzip,
            tls: TlsClientConfig::default(),
            auth: Optional::none(),
            keepalive: Optional::none(),
            write_buffer_size: 512 << 10,
            wait_for_ready: false,
            headers: MapList::default(),
            user_agent: String::new(),
            balancer_name: Balancing::RoundRobin,
            authority: String::new(),
        }
    }
}

impl Decode for GrpcClientConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            endpoint,
            compression,
            tls,
            auth,
            keepalive,
            write_buffer_size,
            wait_for_ready,
            headers,
            user_agent,
            balancer_name,
            authority,
        } = self;
        fields.take("endpoint", endpoint);
        let mut named = GrpcCompression(*compression);
        fields.take("compression", &mut named);
        *compression = named.0;
        fields.take("tls", tls);
        fields.take("auth", auth);
        fields.take("keepalive", keepalive);
        fields.take("write_buffer_size", write_buffer_size);
        fields.take("wait_for_ready", wait_for_ready);
        fields.take("headers", headers);
        fields.take("user_agent", user_agent);
        fields.take("balancer_name", balancer_name);
        fields.take("authority", authority);
        fields.tolerated("read_buffer_size", "buffers grow with what they hold");
        fields.unsupported("middlewares", "requests cannot be changed by extensions");
    }
}

impl Decode for GrpcKeepAliveConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { time, timeout, permit_without_stream } = self;
        fields.take("time", time);
        fields.take("timeout", timeout);
        fields.take("permit_without_stream", permit_without_stream);
    }
}

impl FromNode for Balancing {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &BALANCERS)
    }

    fn schema() -> Schema {
        Schema::one_of(&BALANCERS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &BALANCERS)
    }
}

const BALANCERS: [(&str, Balancing); 3] = [
    ("round_robin", Balancing::RoundRobin),
    ("pick_first", Balancing::PickFirst),
    ("", Balancing::PickFirst),
];

/// The compressions that gRPC knows.
struct GrpcCompression(Compression);

impl FromNode for GrpcCompression {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &COMPRESSIONS).map(GrpcCompression)
    }

    fn schema() -> Schema {
        Schema::one_of(&COMPRESSIONS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(&self.0, &COMPRESSIONS)
    }
}

const COMPRESSIONS: [(&str, Compression); 5] = [
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("zstd", Compression::Zstd),
    ("none", Compression::None),
    ("", Compression::None),
];
