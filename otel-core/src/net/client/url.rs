//! The URLs of servers.

use std::fmt;

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};

use super::pool::Origin;
use super::proxy::{basic, user_information};

/// An absolute URL of HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl {
    pub(super) origin: Origin,
    pub(super) path: PathAndQuery,
    /// From the user and password of the URL.
    pub(super) authorization: Option<HeaderValue>,
}

/// A text that is no absolute URL of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a URL is written as http://host:port/path or https://host:port/path")]
#[non_exhaustive]
pub struct InvalidUrl;

impl HttpUrl {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let uri: Uri = text.trim().parse().map_err(|_| InvalidUrl)?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(InvalidUrl),
        };
        let authority = uri.authority().filter(|it| !it.host().is_empty()).ok_or(InvalidUrl)?;
        let user = user_information(authority.as_str());
        let authorization = user.map(|user| basic(&user)).transpose().map_err(|_| InvalidUrl)?;
        let port = match authority.as_str().rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest) {
            // A port that is no number is not the port that a scheme has.
            rest if rest.rsplit('@').next().is_some_and(|rest| rest.contains(':')) => {
                authority.port_u16().ok_or(InvalidUrl)?
            }
            _ => default_port(secure),
        };
        let origin = Origin { secure, host: authority.host().to_owned(), port };
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { origin, path, authorization })
    }

    /// The host, in brackets where it is an IPv6 address.
    pub fn host(&self) -> &str {
        &self.origin.host
    }

    /// The port, which the scheme has where none is written.
    pub fn port(&self) -> u16 {
        self.origin.port
    }

    /// Whether the server is spoken to with TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.origin.secure
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.path.path()
    }

    /// Where a `Location` header leads from here. Never out of TLS: who may have put it there does not matter then.
    pub(super) fn follow(&self, location: &str) -> Result<Self, InvalidUrl> {
        if location.contains("://") {
            return Self::parse(location).and_then(|next| {
                if self.is_secure() && !next.is_secure() { Err(InvalidUrl) } else { Ok(next) }
            });
        }
        let scheme = if self.origin.secure { "https" } else { "http" };
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let path = if location.starts_with('/') {
            location.to_owned()
        } else {
            let base = self.path.path().rsplit_once('/').map_or("", |(base, _)| base);
            format!("{base}/{location}")
        };
        Ok(Self { path: path.parse().map_err(|_| InvalidUrl)?, ..self.clone() })
    }

    /// As a proxy is told: all but the user and password.
    pub(super) fn absolute(&self) -> String {
        format!("{}{}", self.server(), self.path)
    }

    fn server(&self) -> String {
        let scheme = if self.origin.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.host_header())
    }

    /// What a `Host` header says.
    pub(super) fn host_header(&self) -> String {
        let Origin { secure, host, port } = &self.origin;
        if *port == default_port(*secure) { host.clone() } else { format!("{host}:{port}") }
    }
}

/// Without user and password, and without what the query says, which may be a key.
impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.path.query().is_some() { "?[REDACTED]" } else { "" };
        write!(f, "{}{}{query}", self.server(), self.path())
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown_without_their_users_and_queries() {
        for (text, shown) in [
            ("http://collector:4318", "http://collector:4318/"),
            ("https://collector:443/v1/traces?key=sesame", "https://collector/v1/traces?[REDACTED]"),
            ("http://me:sesame@collector:4318/x", "http://collector:4318/x"),
            ("http://[::1]:4318/x", "http://[::1]:4318/x"),
            ("https://[::1]/x", "https://[::1]/x"),
        ] {
            let url = HttpUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("sesame"));
        }
        let url = HttpUrl::parse("http://me:sesame@collector:4318/x").unwrap();
        assert_eq!(url.authorization.unwrap(), "Basic bWU6c2VzYW1l");
        let url = HttpUrl::parse("http://me:sesame@collector/x?key=y").unwrap();
        assert_eq!(url.absolute(), "http://collector/x?key=y");
    }

    #[test]
    fn what_is_not_a_url_is_told() {
        for text in ["", "collector:4318", "ftp://a", "http://", "http://a:b/", "http://a:99999", "/x"] {
            assert_eq!(HttpUrl::parse(text), Err(InvalidUrl), "{text}");
        }
    }

    #[test]
    fn locations_are_followed_from_where_they_were_given() {
        let url = HttpUrl::parse("https://a:1/v1/traces?x").unwrap();
        for (location, target) in [
            ("https://b/y", "https://b/y"),
            ("//b/y", "https://b/y"),
            ("/y?z", "https://a:1/y?z"),
            ("y", "https://a:1/v1/y"),
        ] {
            assert_eq!(url.follow(location).unwrap().absolute(), target);
        }
        assert_eq!(url.follow("http://a:1/v1/traces?x"), Err(InvalidUrl), "out of TLS");
        let plain = HttpUrl::parse("http://a/x").unwrap();
        for target in ["http://b/y", "https://b/y"] {
            assert_eq!(plain.follow(target).unwrap().to_string(), target);
        }
    }
}
