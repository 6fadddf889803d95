//! Where gRPC clients connect to.

use std::fmt;
use std::path::{Path, PathBuf};

/// The address of a gRPC server, from one of the forms `host:port`, `http://host:port`, `https://host:port`,
/// `dns:///host:port`, `passthrough:///host:port` and `unix:///path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    address: Address,
    secure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Host {
        host: String,
        port: u16,
        /// Connections go to every address of the host, not to the first one that answers.
        spread: bool,
    },
    Unix(PathBuf),
}

/// A text that is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// There is nothing.
    #[error("requires a non-empty \"endpoint\"")]
    Empty,
    /// Another scheme.
    #[error(
        "`{0}` endpoints are not supported, allowed: host:port, http://host:port, https://host:port, \
         dns:///host:port, passthrough:///host:port, unix:///path"
    )]
    Scheme(String),
    /// The name server is named, and not the system's.
    #[error(
        "the name server `{0}` is not supported: names are resolved by the system, as in dns:///host:port"
    )]
    NameServer(String),
    /// There is no path of a socket.
    #[error("unix socket path cannot be empty")]
    NoPath,
    /// There is no port.
    #[error("address {0}: missing port in address")]
    NoPort(String),
    /// The port is not a number.
    #[error("invalid port \"{0}\"")]
    Port(String),
    /// The host has characters that no host has.
    #[error("invalid host \"{0}\"")]
    Host(String),
}

impl Endpoint {
    /// Reads an endpoint.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidEndpoint::Empty);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.trim_start_matches('/').is_empty() {
                return Err(InvalidEndpoint::NoPath);
            }
            return Ok(Self { address: Address::Unix(path.into()), secure: false });
        }
        if let Some(rest) = text.strip_prefix("https://") {
            return Self::host_and_port(rest.trim_end_matches('/'), true, true);
        }
        if let Some(rest) = text.strip_prefix("http://") {
            return Self::host_and_port(rest.trim_end_matches('/'), true, false);
        }
        for (scheme, spread) in [("dns:", true), ("passthrough:", false)] {
            // A host may have such a name too.
            let names = |rest: &&str| rest.contains(':') || rest.starts_with('/');
            let Some(rest) = text.strip_prefix(scheme).filter(names) else { continue };
            let Some(rest) = rest.strip_prefix("//") else {
                return Self::host_and_port(rest.trim_start_matches('/'), spread, false);
            };
            return match rest.split_once('/') {
                Some(("", rest)) => Self::host_and_port(rest, spread, false),
                Some((server, _)) => Err(InvalidEndpoint::NameServer(server.to_owned())),
                None => Err(InvalidEndpoint::NameServer(rest.to_owned())),
            };
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(InvalidEndpoint::Scheme(scheme.to_owned()));
        }
        if text.starts_with("unix-abstract:") {
            return Err(InvalidEndpoint::Scheme("unix-abstract".to_owned()));
        }
        Self::host_and_port(text.trim_end_matches('/'), true, false)
    }

    fn host_and_port(address: &str, spread: bool, secure: bool) -> Result<Self, InvalidEndpoint> {
        let Some((host, port)) = address.rsplit_once(':').filter(|(host, _)| !is_bare_ipv6(host)) else {
            return Err(InvalidEndpoint::NoPort(address.to_owned()));
        };
        let port = port.parse().map_err(|_| InvalidEndpoint::Port(port.to_owned()))?;
        let host = if host.is_empty() { "localhost" } else { host };
        if format!("http://{host}:{port}").parse::<http::Uri>().is_err()
            || host.contains(['/', '@', '?', '#'])
        {
            return Err(InvalidEndpoint::Host(host.to_owned()));
        }
        Ok(Self { address: Address::Host { host: host.to_owned(), port, spread }, secure })
    }

    /// Whether the server is spoken to with TLS whatever else is configured.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, in brackets where it is an IPv6 address, or the path of a Unix socket.
    pub fn host(&self) -> &str {
        match &self.address {
            Address::Host { host, .. } => host,
            Address::Unix(path) => path.to_str().unwrap_or_default(),
        }
    }

    /// The port. A Unix socket has none.
    pub fn port(&self) -> Option<u16> {
        match &self.address {
            Address::Host { port, .. } => Some(*port),
            Address::Unix(_) => None,
        }
    }

    /// The path of a Unix socket.
    pub fn unix_path(&self) -> Option<&Path> {
        match &self.address {
            Address::Host { .. } => None,
            Address::Unix(path) => Some(path),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Host { host, port, .. } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An IPv6 address without brackets has no port behind its last colon.
fn is_bare_ipv6(host: &str) -> bool {
    host.contains(':') && !(host.starts_with('[') && host.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_an_endpoint_are_read() {
        for (text, shown, secure, spread) in [
            ("localhost:4317", "localhost:4317", false, true),
            ("http://collector:4317", "collector:4317", false, true),
            ("https://collector:4317/", "collector:4317", true, true),
            ("[::1]:4317", "[::1]:4317", false, true),
            (":4317", "localhost:4317", false, true),
            ("dns:4317", "dns:4317", false, true),
            ("dns:///collector:4317", "collector:4317", false, true),
            ("dns:collector:4317", "collector:4317", false, true),
            ("passthrough:///collector:4317", "collector:4317", false, false),
            ("passthrough:collector:4317", "collector:4317", false, false),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.to_string().as_str(), endpoint.is_secure()), (shown, secure), "{text}");
            assert!(matches!(endpoint.address, Address::Host { spread: it, .. } if it == spread), "{text}");
        }
        for text in ["unix:///run/a.sock", "unix:/run/a.sock"] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.unix_path(), Some(Path::new("/run/a.sock")));
            assert_eq!((endpoint.port(), endpoint.to_string().as_str()), (None, "unix:/run/a.sock"));
        }
    }

    #[test]
    fn what_is_not_an_endpoint_is_told() {
        for (text, error) in [
            ("", "requires a non-empty \"endpoint\""),
            ("collector", "address collector: missing port in address"),
            ("https://collector", "address collector: missing port in address"),
            ("dns:///collector", "address collector: missing port in address"),
            ("::1", "address ::1: missing port in address"),
            ("collector:otlp", "invalid port \"otlp\""),
            ("collector:1/path", "invalid port \"1/path\""),
            ("a b:1", "invalid host \"a b\""),
            ("unix:", "unix socket path cannot be empty"),
            ("unix:///", "unix socket path cannot be empty"),
            ("ftp://a:1", "`ftp` endpoints are not supported"),
            ("dns://10.0.0.1/a:1", "the name server `10.0.0.1` is not supported"),
        ] {
            let told = Endpoint::parse(text).unwrap_err().to_string();
            assert!(told.starts_with(error), "{text}: {told}");
        }
    }
}
