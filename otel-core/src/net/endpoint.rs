//! Where clients connect to.

use std::fmt;

/// The address of a gRPC server, from one of the forms `host:port` and `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// A text that is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// There is nothing.
    #[error("requires a non-empty \"endpoint\"")]
    Empty,
    /// Another scheme, such as `https`.
    #[error("`{0}` endpoints are not supported, allowed: host:port, http://host:port")]
    Scheme(String),
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
        let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        if let Some((scheme, _)) = address.split_once("://") {
            return Err(InvalidEndpoint::Scheme(scheme.to_owned()));
        }
        for scheme in ["unix", "dns", "passthrough"] {
            if address.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(":/")) {
                return Err(InvalidEndpoint::Scheme(scheme.to_owned()));
            }
        }
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
        Ok(Self { host: host.to_owned(), port })
    }

    /// The host, in brackets where it is an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
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
        for (text, shown) in [
            ("localhost:4317", "localhost:4317"),
            ("http://collector:4317", "collector:4317"),
            ("http://collector:4317/", "collector:4317"),
            ("[::1]:4317", "[::1]:4317"),
            (":4317", "localhost:4317"),
        ] {
            assert_eq!(Endpoint::parse(text).map(|endpoint| endpoint.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn what_is_not_an_endpoint_is_told() {
        for (text, error) in [
            ("", "requires a non-empty \"endpoint\""),
            ("collector", "address collector: missing port in address"),
            ("::1", "address ::1: missing port in address"),
            ("collector:otlp", "invalid port \"otlp\""),
            ("a b:1", "invalid host \"a b\""),
            ("https://a:1", "`https` endpoints are not supported, allowed: host:port, http://host:port"),
            ("unix:///a", "`unix` endpoints are not supported, allowed: host:port, http://host:port"),
            ("unix:/a", "`unix` endpoints are not supported, allowed: host:port, http://host:port"),
        ] {
            assert_eq!(Endpoint::parse(text).map_err(|error| error.to_string()), Err(error.to_owned()));
        }
    }
}
