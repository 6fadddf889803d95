//! The settings of HTTP clients.

use std::time::Duration;

use documented::DocumentedFieldsOpt;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::http2::KeepAlive;
use super::proxy::Proxy;
use crate::Invalid;
use crate::config::{Decode, Fields, KeyDocs, MapList, Optional, Secret};
use crate::net::tls::TlsClientConfig;
use crate::net::{AuthConfig, Compression, Compressor};

/// The keys of HTTP clients, which a component embeds among its own. Its endpoint and timeout are the component's.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct HttpClientConfig {
    /// The proxy for every request; empty for those of the environment. May hold a password.
    pub proxy_url: Secret,
    /// Security of connections to `https://` URLs.
    pub tls: TlsClientConfig,
    /// What the server is told of who the client is; nothing until it is named.
    pub auth: Optional<AuthConfig>,
    /// Headers of each request.
    pub headers: MapList<Secret>,
    /// How requests are compressed.
    pub compression: Compression,
    /// How thoroughly.
    pub compression_params: CompressionParams,
    /// The most connections that are kept for later; 0 for no bound.
    pub max_idle_conns: usize,
    /// The same for each host; 0 for no bound.
    pub max_idle_conns_per_host: usize,
    /// The most connections to a host that are in use at a time; 0 for no bound.
    pub max_conns_per_host: usize,
    /// How long connections are kept; 0 for as long as the server keeps them.
    pub idle_conn_timeout: Duration,
    /// A connection for each request.
    pub disable_keep_alives: bool,
    /// Servers with TLS are offered HTTP/2.
    pub force_attempt_http2: bool,
    /// After so long without a word an HTTP/2 server is asked for one; 0 for never.
    pub http2_read_idle_timeout: Duration,
    /// How long its answer may take; 0 for 15 seconds.
    pub http2_ping_timeout: Duration,
    /// Cookies that servers set are sent back.
    pub cookies: Optional<CookiesConfig>,
}

/// How thoroughly requests are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct CompressionParams {
    /// 0 for the default; -2 to 9 for gzip, zlib and deflate, any for zstd.
    pub level: i32,
}

/// Cookies have no settings: the section turns them on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CookiesConfig;

// === impl HttpClientConfig ===

impl HttpClientConfig {
    /// The rules between the keys.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut broken: Vec<_> = self.tls.validate().into_iter().map(|rule| rule.within("tls")).collect();
        let level = self.compression_params.level;
        if !self.compression.takes_level(level) {
            let name = self.compression.name();
            let message = format!("unsupported parameters {{Level:{level}}} for compression type \"{name}\"");
            broken.push(Invalid::new("compression_params::level", message));
        }
        if !self.proxy_url.is_empty()
            && let Err(error) = Proxy::parse(self.proxy_url.expose())
        {
            broken.push(Invalid::new("proxy_url", error.to_string()));
        }
        broken.extend(invalid_headers(&self.headers));
        broken
    }

    /// The headers of each request; what makes none is left out.
    pub fn header_map(&self) -> HeaderMap {
        header_map(&self.headers)
    }

    /// A compressor for requests.
    pub fn compressor(&self) -> Compressor {
        Compressor::new(self.compression, self.compression_params.level)
    }

    pub(super) fn keep_alive(&self) -> Option<KeepAlive> {
        let time = Some(self.http2_read_idle_timeout).filter(|time| !time.is_zero())?;
        let timeout = Some(self.http2_ping_timeout).filter(|time| !time.is_zero());
        Some(KeepAlive { time, timeout: timeout.unwrap_or(Duration::from_secs(15)), always: true })
    }
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            proxy_url: Secret::default(),
            tls: TlsClientConfig::default(),
            auth: Optional::none(),
            headers: MapList::default(),
            compression: Compression::None,
            compression_params: CompressionParams::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            idle_conn_timeout: Duration::from_secs(90),
            disable_keep_alives: false,
            force_attempt_http2: true,
            http2_read_idle_timeout: Duration::ZERO,
            http2_ping_timeout: Duration::ZERO,
            cookies: Optional::none(),
        }
    }
}

impl Decode for HttpClientConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            proxy_url,
            tls,
            auth,
            headers,
            compression,
            compression_params,
            max_idle_conns,
            max_idle_conns_per_host,
            max_conns_per_host,
            idle_conn_timeout,
            disable_keep_alives,
            force_attempt_http2,
            http2_read_idle_timeout,
            http2_ping_timeout,
            cookies,
        } = self;
        fields.take("proxy_url", proxy_url);
        fields.take("tls", tls);
        fields.take("auth", auth);
        fields.take("headers", headers);
        fields.take("compression", compression);
        fields.take("compression_params", compression_params);
        fields.take("max_idle_conns", max_idle_conns);
        fields.take("max_idle_conns_per_host", max_idle_conns_per_host);
        fields.take("max_conns_per_host", max_conns_per_host);
        fields.take("idle_conn_timeout", idle_conn_timeout);
        fields.take("disable_keep_alives", disable_keep_alives);
        fields.take("force_attempt_http2", force_attempt_http2);
        fields.take("http2_read_idle_timeout", http2_read_idle_timeout);
        fields.take("http2_ping_timeout", http2_ping_timeout);
        fields.take("cookies", cookies);
        for key in ["read_buffer_size", "write_buffer_size"] {
            fields.tolerated(key, "buffers grow with what they hold");
        }
        // The second is how releases 0.125 to 0.131 spelt it.
        for key in ["middlewares", "middleware"] {
            fields.unsupported(key, "requests cannot be changed by extensions");
        }
    }
}

impl Decode for CompressionParams {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { level } = self;
        fields.take("level", level);
    }
}

impl Decode for CookiesConfig {
    fn decode(&mut self, _: &mut Fields<'_>) {}
}

/// Headers from a configuration; what makes none is left out.
pub(super) fn header_map(headers: &MapList<Secret>) -> HeaderMap {
    headers.iter().filter_map(|(name, value)| header(name, value)).collect()
}

/// The rules that headers break.
pub(super) fn invalid_headers(headers: &MapList<Secret>) -> impl Iterator<Item = Invalid> {
    headers.iter().filter(|(name, value)| header(name, value).is_none()).map(|(name, value)| {
        let message = if HeaderName::try_from(name).is_err() {
            format!("`{name}` is not a name that a header can have")
        } else if value.expose().contains(['\r', '\n']) {
            "a header can have no line break; a file may end in one".to_owned()
        } else {
            "a header can have visible characters only".to_owned()
        };
        Invalid::new(format!("headers::{name}"), message)
    })
}

fn header(name: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(name).ok()?;
    let mut value = HeaderValue::from_str(value.expose()).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}
