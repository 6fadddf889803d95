use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use http::HeaderMap;
use otel_core::ComponentId;
use otel_core::component::{Capabilities, Component, ConsumeError, Context, Extension, Host, StartError};
use otel_core::net::Rpc;
use otel_core::net::auth::{ClientAuthenticator, client_authenticator};

use super::HeadersSetterConfig;
use super::header::Setter;

/// Sets headers of requests.
#[derive(Debug)]
pub struct HeadersSetter {
    config: HeadersSetterConfig,
    host: Host,
    started: OnceLock<Started>,
}

#[derive(Debug)]
struct Started {
    setters: Vec<Setter>,
    additional: Option<Arc<dyn ClientAuthenticator>>,
}

/// Which extension of a collector has which authenticate first, so that none waits for itself.
#[derive(Debug, Default)]
struct Chains(Mutex<HashMap<ComponentId, ComponentId>>);

impl HeadersSetter {
    /// An extension that sets nothing before it is started.
    pub fn new(config: HeadersSetterConfig, host: &Host) -> Self {
        Self { config, host: host.clone(), started: OnceLock::new() }
    }

    /// The extension that authenticates first.
    fn resolve(&self) -> Result<Option<Arc<dyn ClientAuthenticator>>, StartError> {
        let chains = self.host.lasting::<Chains>();
        let mut chains = chains.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(id) = &self.config.additional_auth else {
            chains.remove(self.host.id());
            return Ok(None);
        };
        chains.insert(self.host.id().clone(), id.clone());
        let mut next = Some(id);
        for _ in 0..=chains.len() {
            next = next.and_then(|id| chains.get(id));
        }
        if next.is_some() {
            return Err(StartError::new(format!("additional_auth {id} leads back here")));
        }
        let found = client_authenticator(&self.host, id, Rpc::Http);
        found.map(Some).map_err(|error| StartError::new("additional_auth cannot be used").with_source(error))
    }

    fn additional(&self) -> Option<&Arc<dyn ClientAuthenticator>> {
        self.started.get()?.additional.as_ref()
    }
}

#[async_trait]
impl Component for HeadersSetter {
    async fn start(&self) -> Result<(), StartError> {
        let additional = self.resolve()?;
        let setters = self.config.headers.iter().map(|header| {
            if header.action.is_none() {
                let message = "The action was not provided, using 'upsert'. In future versions, we'll require this to \
                               be explicitly set";
                self.host.logger().warn(message).field("key", header.key.as_str()).emit();
            }
            Setter::new(header, &self.host)
        });
        let setters = setters.collect::<Result<_, _>>()?;
        let started = Started { setters, additional };
        // An instance is started once.
        let _ = self.started.set(started);
        Ok(())
    }
}

impl Extension for HeadersSetter {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn ClientAuthenticator>(self);
    }
}

#[async_trait]
impl ClientAuthenticator for HeadersSetter {
    async fn authorize(&self, headers: &mut HeaderMap, context: &Context) -> Result<(), ConsumeError> {
        if let Some(additional) = self.additional() {
            additional.authorize(headers, context).await?;
        }
        let setters = self.started.get().map_or(&[][..], |started| &started.setters);
        setters.iter().try_for_each(|setter| setter.apply(headers, context))
    }

    fn needs_secure_transport(&self) -> bool {
        self.additional().is_some_and(|additional| additional.needs_secure_transport())
    }

    async fn rejected(&self, headers: &HeaderMap) -> bool {
        match self.additional() {
            Some(additional) => additional.rejected(headers).await,
            None => false,
        }
    }
}
