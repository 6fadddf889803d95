use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use http::header::InvalidHeaderName;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use otel_core::component::{
    Authentication, Capabilities, Component, ConsumeError, Context, Extension, Host, StartError,
};
use otel_core::config::Secret;
use otel_core::net::auth::{AuthenticationError, ClientAuthenticator, RequestHead, ServerAuthenticator};
use otel_core::net::{WatchedFile, WatchedFileError};
use subtle::{Choice, ConstantTimeEq as _};

use super::BearerTokenAuthConfig;
use crate::extensions::headers::only;

/// Lets requests with a token in, and adds one to the requests of clients.
#[derive(Debug)]
pub struct BearerTokenAuth {
    config: BearerTokenAuthConfig,
    header: HeaderName,
    /// What HTTP clients are told that is asked for.
    challenge: Option<HeaderValue>,
    host: Host,
    /// Loaded at the start.
    source: OnceLock<Source>,
}

#[derive(Debug)]
enum Source {
    Fixed(Arc<Values>),
    File(WatchedFile<Values>),
}

/// The values that the header may have, with the scheme; at least one.
struct Values(Vec<HeaderValue>);

impl BearerTokenAuth {
    /// An extension that has not started.
    ///
    /// # Errors
    /// `header` is not a name that a header can have.
    pub fn new(config: BearerTokenAuthConfig, host: &Host) -> Result<Self, InvalidHeaderName> {
        let header = HeaderName::try_from(&config.header)?;
        let challenge = Some(config.scheme.as_str())
            .filter(|scheme| header == header::AUTHORIZATION && !scheme.is_empty() && !scheme.contains(' '));
        let challenge = challenge.and_then(|scheme| HeaderValue::from_str(scheme).ok());
        Ok(Self { header, challenge, config, host: host.clone(), source: OnceLock::new() })
    }

    fn load(&self) -> Result<Source, WatchedFileError> {
        let BearerTokenAuthConfig { scheme, token, tokens, filename, .. } = self.config.clone();
        if tokens.is_empty() && !filename.is_empty() {
            let (name, logger) = (filename.clone(), self.host.logger().clone());
            let read = move |text: &str| {
                // Behind the first white space of a line stands what people note.
                let tokens = text.lines().filter_map(|line| line.split_whitespace().next());
                let values = Values::new(&scheme, tokens)?;
                logger.info("refresh token").field("filename", name.as_str()).emit();
                Ok::<_, &'static str>(values)
            };
            return WatchedFile::load(filename, self.host.logger().clone(), read).map(Source::File);
        }
        let tokens = if tokens.is_empty() { vec![token] } else { tokens };
        let values = Values::new(&scheme, tokens.iter().map(Secret::expose));
        // The rules of the configuration say that there is one.
        let values = values.unwrap_or_else(|_| Values(Vec::new()));
        Ok(Source::Fixed(Arc::new(values)))
    }

    fn values(&self) -> Option<Arc<Values>> {
        Some(match self.source.get()? {
            Source::Fixed(values) => Arc::clone(values),
            Source::File(file) => file.get(),
        })
    }

    fn refused(&self, message: impl Into<String>) -> AuthenticationError {
        let error = AuthenticationError::unauthenticated(message);
        match &self.challenge {
            Some(challenge) => error.with_challenge(challenge.clone()),
            None => error,
        }
    }
}

#[async_trait]
impl Component for BearerTokenAuth {
    async fn start(&self) -> Result<(), StartError> {
        let source =
            self.load().map_err(|error| StartError::new("failed to load the token").with_source(error))?;
        // A second start keeps the first source.
        let _ = self.source.set(source);
        Ok(())
    }
}

impl Extension for BearerTokenAuth {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn ServerAuthenticator>(Arc::clone(&self) as Arc<_>);
        capabilities.offer::<dyn ClientAuthenticator>(self);
    }
}

#[async_trait]
impl ServerAuthenticator for BearerTokenAuth {
    async fn authenticate(
        &self,
        request: &RequestHead<'_>,
    ) -> Result<Option<Arc<dyn Authentication>>, AuthenticationError> {
        let values = self.values();
        let values =
            values.ok_or_else(|| AuthenticationError::unavailable("the authenticator has not started"))?;
        let given = only(request.headers, &self.header)?;
        let given = given.ok_or_else(|| {
            self.refused(format!("missing or empty authorization header: {}", self.config.header))
        })?;
        if values.have(given) {
            Ok(None)
        } else {
            Err(self.refused("provided authorization does not match expected scheme or token"))
        }
    }
}

#[async_trait]
impl ClientAuthenticator for BearerTokenAuth {
    async fn authorize(&self, headers: &mut HeaderMap, _: &Context) -> Result<(), ConsumeError> {
        let value = self.values().and_then(|values| values.0.first().cloned());
        let value = value.ok_or_else(|| ConsumeError::retryable("the extension has no token yet"))?;
        headers.insert(&self.header, value);
        Ok(())
    }

    /// The file may have changed since.
    async fn rejected(&self, headers: &HeaderMap) -> bool {
        self.values().is_some_and(|values| values.0.first() != headers.get(&self.header))
    }
}

impl Values {
    fn new<'t>(scheme: &str, tokens: impl Iterator<Item = &'t str>) -> Result<Self, &'static str> {
        let value = |token: &str| {
            let text = if scheme.is_empty() { token.to_owned() } else { format!("{scheme} {token}") };
            let mut value = HeaderValue::try_from(text).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let values: Option<Vec<_>> = tokens.filter(|token| !token.is_empty()).map(value).collect();
        let values = values.ok_or("a token is not what a header can have")?;
        if values.is_empty() { Err("there is no token") } else { Ok(Self(values)) }
    }

    /// Takes as long whichever it is, and however much of it is right.
    fn have(&self, given: &[u8]) -> bool {
        let same = |value: &HeaderValue| value.as_bytes().ct_eq(given);
        self.0.iter().fold(Choice::from(0), |found, value| found | same(value)).into()
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("count", &self.0.len()).finish_non_exhaustive()
    }
}
