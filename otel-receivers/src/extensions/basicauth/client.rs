use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use otel_core::component::{Capabilities, Component, ConsumeError, Context, Extension, Host, StartError};
use otel_core::config::Secret;
use otel_core::net::WatchedFileError;
use otel_core::net::auth::ClientAuthenticator;

use super::ClientAuthConfig;
use crate::extensions::credential::Credential;

/// Adds the name of a user and the password to the requests of clients.
#[derive(Debug)]
pub struct BasicAuthClient {
    config: ClientAuthConfig,
    host: Host,
    /// Loaded at the start.
    credentials: OnceLock<(Credential, Credential)>,
}

impl BasicAuthClient {
    /// An extension that has not started.
    pub fn new(config: ClientAuthConfig, host: &Host) -> Self {
        Self { config, host: host.clone(), credentials: OnceLock::new() }
    }

    fn load(&self) -> Result<(Credential, Credential), WatchedFileError> {
        let ClientAuthConfig { username, username_file, password, password_file } = &self.config;
        let logger = self.host.logger();
        let username = Credential::load(&Secret::new(username.clone()), username_file, logger)?;
        Ok((username, Credential::load(password, password_file, logger)?))
    }

    fn header(&self) -> Result<HeaderValue, ConsumeError> {
        let (username, password) =
            self.credentials.get().ok_or_else(|| ConsumeError::retryable("the extension has not started"))?;
        let (username, password) = (username.get(), password.get());
        if username.expose().contains(':') {
            return Err(ConsumeError::retryable(
                "invalid authorization format: the name of a user has no colon",
            ));
        }
        let encoded = STANDARD.encode(format!("{}:{}", username.expose(), password.expose()));
        let mut value = HeaderValue::try_from(format!("Basic {encoded}"))
            .expect("base64 consists of characters that headers have");
        value.set_sensitive(true);
        Ok(value)
    }
}

#[async_trait]
impl Component for BasicAuthClient {
    async fn start(&self) -> Result<(), StartError> {
        let credentials = self
            .load()
            .map_err(|error| StartError::new("failed to load the credentials").with_source(error))?;
        // A second start keeps the first credentials.
        let _ = self.credentials.set(credentials);
        Ok(())
    }
}

impl Extension for BasicAuthClient {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn ClientAuthenticator>(self);
    }
}

#[async_trait]
impl ClientAuthenticator for BasicAuthClient {
    async fn authorize(&self, headers: &mut HeaderMap, _: &Context) -> Result<(), ConsumeError> {
        headers.insert(header::AUTHORIZATION, self.header()?);
        Ok(())
    }

    /// The files may have changed since.
    async fn rejected(&self, headers: &HeaderMap) -> bool {
        self.header().is_ok_and(|now| headers.get(header::AUTHORIZATION) != Some(&now))
    }
}
