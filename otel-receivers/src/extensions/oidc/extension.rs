use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures_util::future::join_all;
use http::{HeaderName, HeaderValue, header};
use otel_core::component::{Authentication, Capabilities, Component, Extension, Host, StartError};
use otel_core::net::auth::{AuthenticationError, AuthenticationFailure, RequestHead, ServerAuthenticator};
use tokio::time::Instant;

use super::OidcConfig;
use super::identity::Identity;
use super::provider::Provider;
use super::token::{Token, cut};
use crate::extensions::headers;

/// Lets clients in by tokens of OpenID providers.
#[derive(Debug)]
pub struct Oidc {
    config: OidcConfig,
    header: HeaderName,
    host: Host,
    providers: OnceLock<Vec<Provider>>,
}

impl Oidc {
    /// An extension that lets nobody in until it is started.
    pub fn new(config: OidcConfig, host: &Host) -> Self {
        let header = config.header().unwrap_or(header::AUTHORIZATION);
        Self { config, header, host: host.clone(), providers: OnceLock::new() }
    }

    async fn identify(&self, request: &RequestHead<'_>) -> Result<Identity, AuthenticationError> {
        let unauthenticated = |message: String| AuthenticationError::unauthenticated(message);
        let Some(value) = headers::only(request.headers, &self.header)? else {
            return Err(unauthenticated("authentication didn't succeed".to_owned()));
        };
        let value = std::str::from_utf8(value).ok();
        let raw = match value.and_then(|value| value.split_once(' ')) {
            Some((_, raw)) if !raw.contains(' ') => raw,
            _ => return Err(unauthenticated("invalid authorization header format".to_owned())),
        };
        let token = Token::parse(raw)
            .map_err(|error| unauthenticated(format!("failed to parse the token: {error}")))?;
        let issuer =
            token.issuer().map_err(|error| unauthenticated(format!("failed to parse the token: {error}")))?;
        let provider = self.provider(issuer).ok_or_else(|| {
            let issuer = cut(issuer);
            unauthenticated(format!(
                "failed to resolve OIDC provider for the issuer {issuer:?}: no OIDC provider configured for the issuer \
                 {issuer:?}"
            ))
        })?;
        provider.identify(raw, token).await
    }

    /// The provider of the tokens of an issuer. A single one takes them all, and compares the issuer itself.
    fn provider(&self, issuer: &str) -> Option<&Provider> {
        match self.providers.get()?.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|provider| provider.issuer() == issuer),
        }
    }
}

#[async_trait]
impl Component for Oidc {
    /// Asks every issuer where its keys are, for 5 seconds at most.
    async fn start(&self) -> Result<(), StartError> {
        let starting = self.config.all_providers().map(|provider| Provider::start(provider, &self.host));
        let (mut providers, mut failure) = (Vec::new(), None);
        for started in join_all(starting).await {
            match started {
                Ok(provider) => providers.push(provider),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(error) = failure {
            for provider in providers {
                provider.shutdown().await;
            }
            let message = "failed to get configuration from at least one configured auth server";
            return Err(StartError::new(message).with_source(error));
        }
        if providers.is_empty() {
            self.host.logger().warn("No OIDC provider is configured, so nobody gets in").emit();
        }
        // An instance is started once.
        let _ = self.providers.set(providers);
        Ok(())
    }

    async fn shutdown(&self, _: Instant) {
        for provider in self.providers.get().into_iter().flatten() {
            provider.shutdown().await;
        }
    }
}

impl Extension for Oidc {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn ServerAuthenticator>(self);
    }
}

#[async_trait]
impl ServerAuthenticator for Oidc {
    async fn authenticate(
        &self,
        request: &RequestHead<'_>,
    ) -> Result<Option<Arc<dyn Authentication>>, AuthenticationError> {
        match self.identify(request).await {
            Ok(identity) => Ok(Some(Arc::new(identity))),
            Err(error) if error.failure() == AuthenticationFailure::Unauthenticated => {
                Err(error.with_challenge(HeaderValue::from_static("Bearer")))
            }
            Err(error) => Err(error),
        }
    }
}
