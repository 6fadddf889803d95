//! Which way a connection takes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::no_proxy::NoProxy;
use super::{DialError, Wire};
use crate::component::ProxySettings;
use crate::net::status::percent_decode;

/// The longest answer of a proxy that is read.
const MAX_ANSWER: usize = 8 << 10;

/// The proxies of a client.
#[derive(Debug, Clone, Default)]
pub(super) struct Proxies {
    plain: Option<Proxy>,
    secure: Option<Proxy>,
    no_proxy: NoProxy,
    /// One proxy for everything, whatever the hosts.
    always: bool,
}

/// An HTTP proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authorization: Option<HeaderValue>,
}

/// A URL that is none of an HTTP proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is written as http://host:port or https://host:port")]
#[non_exhaustive]
pub struct InvalidProxy;

impl Proxies {
    /// The proxies of the environment.
    pub(super) fn of_environment(settings: &ProxySettings) -> Result<Self, InvalidProxy> {
        let parse = |url: &str| if url.is_empty() { Ok(None) } else { Proxy::parse(url).map(Some) };
        Ok(Self {
            plain: parse(&settings.http)?,
            secure: parse(&settings.https)?,
            no_proxy: NoProxy::parse(&settings.no_proxy),
            always: false,
        })
    }

    /// The same for gRPC, which has one proxy, whether with TLS or without.
    pub(super) fn for_grpc(mut self) -> Self {
        self.plain.clone_from(&self.secure);
        self
    }

    /// One proxy for everything.
    pub(super) fn fixed(url: &str) -> Result<Self, InvalidProxy> {
        let proxy = Proxy::parse(url)?;
        let (plain, secure) = (Some(proxy.clone()), Some(proxy));
        Ok(Self { plain, secure, no_proxy: NoProxy::default(), always: true })
    }

    /// Whether one of them is itself reached with TLS.
    pub(super) fn are_secure(&self) -> bool {
        self.plain.iter().chain(&self.secure).any(|proxy| proxy.secure)
    }

    /// The proxy on the way to a host.
    pub(super) fn on_the_way(&self, secure: bool, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = if secure { self.secure.as_ref() } else { self.plain.as_ref() }?;
        let host = host.trim_matches(['[', ']']);
        (self.always || !self.no_proxy.covers(host, port)).then_some(proxy)
    }
}

impl Proxy {
    /// Reads the URL of a proxy, which may lack the scheme.
    pub(super) fn parse(url: &str) -> Result<Self, InvalidProxy> {
        let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let uri: Uri = whole.parse().map_err(|_| InvalidProxy)?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(InvalidProxy),
        };
        let authority = uri.authority().ok_or(InvalidProxy)?;
        let authorization = user_information(authority.as_str()).map(|user| basic(&user)).transpose();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let host = authority.host();
        if host.is_empty() {
            return Err(InvalidProxy);
        }
        Ok(Self { secure, host: host.to_owned(), port, authorization: authorization? })
    }

    /// Asks for a tunnel to a host.
    pub(super) async fn tunnel(&self, wire: &mut Wire, host: &str, port: u16) -> Result<(), DialError> {
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let broken = |source| DialError::Proxy { proxy: self.to_string(), source };
        wire.write_all(&request).await.map_err(broken)?;
        wire.flush().await.map_err(broken)?;
        // Byte by byte, because what follows the answer is already the server's.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") && answer.len() < MAX_ANSWER {
            answer.push(wire.read_u8().await.map_err(broken)?);
        }
        let line = String::from_utf8_lossy(&answer);
        let line = line.lines().next().unwrap_or_default();
        match line.split_whitespace().nth(1) {
            Some(code) if line.starts_with("HTTP/1.") && code.starts_with('2') => Ok(()),
            _ => Err(DialError::Refused { proxy: self.to_string(), answer: line.to_owned() }),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Without the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// What stands before the host of a URL: `user:password`, decoded.
pub(super) fn user_information(authority: &str) -> Option<String> {
    let (user, _) = authority.rsplit_once('@')?;
    let user = percent_decode(user.as_bytes());
    Some(if user.contains(':') { user } else { format!("{user}:") })
}

/// The value of an `Authorization` header for a user and a password.
pub(super) fn basic(user: &str) -> Result<HeaderValue, InvalidProxy> {
    let mut value =
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(user))).map_err(|_| InvalidProxy)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_with_and_without_scheme_and_user() {
        let proxy = Proxy::parse("proxy.example").unwrap();
        assert_eq!((proxy.secure, proxy.to_string()), (false, "proxy.example:80".to_owned()));
        let proxy = Proxy::parse("https://me:se%20same@proxy.example:3128").unwrap();
        assert_eq!((proxy.secure, proxy.to_string()), (true, "proxy.example:3128".to_owned()));
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic bWU6c2Ugc2FtZQ==");
        assert!(!format!("{proxy:?}").contains("same"));
        for none in ["socks5://a:1", "http://", "http://a b"] {
            assert_eq!(Proxy::parse(none).map(|_| ()), Err(InvalidProxy), "{none}");
        }
    }

    #[test]
    fn the_environment_chooses_by_scheme_and_host() {
        let variables = [("HTTP_PROXY", "plain:1"), ("HTTPS_PROXY", "secure:2"), ("NO_PROXY", "near")];
        let settings = ProxySettings::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let proxies = Proxies::of_environment(&settings).unwrap();
        let way = |secure, host| proxies.on_the_way(secure, host, 4317).map(ToString::to_string);
        assert_eq!(way(false, "far"), Some("plain:1".to_owned()));
        assert_eq!(way(true, "far"), Some("secure:2".to_owned()));
        assert_eq!((way(true, "near"), way(false, "[::1]")), (None, None));
        let fixed = Proxies::fixed("http://always:3").unwrap();
        assert!(fixed.on_the_way(false, "localhost", 1).is_some());
    }
}
