use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use otel_core::component::{Component, Extension, Host, Overview, StartError};
use otel_core::net::Bound;
use tokio::time::Instant;

use super::ZpagesConfig;
use super::pages::{Pages, State};
use crate::extensions::server::{Servers, address};

/// Shows the collector to people.
#[derive(Debug)]
pub struct Zpages {
    config: ZpagesConfig,
    host: Host,
    state: Arc<State>,
    servers: Servers,
    bound: OnceLock<Bound>,
}

impl Zpages {
    /// An extension that does not listen yet.
    pub fn new(config: ZpagesConfig, host: &Host) -> Self {
        Self {
            config,
            host: host.clone(),
            state: Arc::new(State::new(host)),
            servers: Servers::new(host),
            bound: OnceLock::new(),
        }
    }

    /// Where the pages are, once they are.
    pub fn address(&self) -> Option<SocketAddr> {
        address(self.bound.get())
    }
}

#[async_trait]
impl Component for Zpages {
    async fn start(&self) -> Result<(), StartError> {
        let pages = Pages(Arc::clone(&self.state));
        let bound = self.servers.http(&self.config.server, pages).await?;
        self.host.logger().info("Starting zPages extension").text("endpoint", &bound).emit();
        // An extension is started once.
        let _ = self.bound.set(bound);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) {
        self.servers.shutdown(deadline).await;
    }
}

#[async_trait]
impl Extension for Zpages {
    fn attach(&self, overview: &Arc<dyn Overview>) {
        self.state.attach(overview);
    }
}
