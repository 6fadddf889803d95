use std::sync::Arc;

use async_trait::async_trait;
use otel_core::component::{Capabilities, Code, Component, Extension, Host, StartError};
use otel_core::net::Refused;
use otel_core::net::auth::{RequestHead, ServerMiddleware};
use tokio::time::Instant;

use super::limiter::Limiter;
use super::processor::refusal;

/// Refuses the requests of servers before they are read while memory is short.
#[derive(Debug)]
pub struct MemoryLimiterExtension {
    limiter: Arc<Limiter>,
    host: Host,
}

impl MemoryLimiterExtension {
    /// An extension that follows a limiter.
    pub fn new(limiter: Arc<Limiter>, host: &Host) -> Self {
        Self { limiter, host: host.clone() }
    }
}

#[async_trait]
impl Component for MemoryLimiterExtension {
    async fn start(&self) -> Result<(), StartError> {
        self.limiter.start(&self.host);
        Ok(())
    }

    async fn shutdown(&self, _deadline: Instant) {
        self.limiter.stop();
    }
}

impl Extension for MemoryLimiterExtension {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn ServerMiddleware>(self);
    }
}

#[async_trait]
impl ServerMiddleware for MemoryLimiterExtension {
    async fn admit(&self, _: &RequestHead<'_>) -> Result<(), Refused> {
        self.admit_more()
    }

    fn admit_more(&self) -> Result<(), Refused> {
        if !self.limiter.refuses() {
            return Ok(());
        }
        Err(Refused::from(&refusal().with_code(Code::ResourceExhausted)))
    }
}
