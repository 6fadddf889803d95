//! What clients need of where they run.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use crate::ComponentId;
use crate::component::{Host, ProxySettings};
use crate::net::Rpc;
use crate::net::auth::{ClientAuthenticator, ResolveError, client_authenticator};
use crate::telemetry::{Clock, Logger, SystemClock};

type Spawn = dyn Fn(&'static str, Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync;

/// What clients need of where they run: tasks for their connections, the log, the clock and the proxies. A component's
/// host makes one. Cloning is a reference count.
#[derive(Clone)]
pub struct Surroundings(Arc<Parts>);

struct Parts {
    spawn: Box<Spawn>,
    logger: Logger,
    clock: Arc<dyn Clock>,
    proxies: ProxySettings,
    host: Option<Host>,
}

impl Surroundings {
    /// For what runs beside the engine: tasks run unsupervised on the runtime that calls, nothing is logged, and no proxies
    /// are known.
    pub fn bare() -> Self {
        Self::behind(ProxySettings::default())
    }

    /// As [`bare`](Self::bare), with proxies.
    pub fn behind(proxies: ProxySettings) -> Self {
        let spawn = |_: &'static str, task| {
            tokio::spawn(task);
        };
        Self(Arc::new(Parts {
            spawn: Box::new(spawn),
            logger: Logger::none(),
            clock: Arc::new(SystemClock),
            proxies,
            host: None,
        }))
    }

    pub(super) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        (self.0.spawn)(name, Box::pin(task));
    }

    pub(super) fn logger(&self) -> &Logger {
        &self.0.logger
    }

    pub(super) fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// What authenticates a client.
    pub(super) fn authenticator(
        &self,
        id: &ComponentId,
        protocol: Rpc,
    ) -> Result<Arc<dyn ClientAuthenticator>, ResolveError> {
        let host = self.0.host.as_ref().ok_or(ResolveError::NoExtensions)?;
        client_authenticator(host, id, protocol)
    }

    pub(super) fn proxies(&self) -> &ProxySettings {
        &self.0.proxies
    }
}

impl From<&Host> for Surroundings {
    fn from(host: &Host) -> Self {
        let spawner = host.clone();
        let spawn = move |name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>| {
            // A task whose handle is dropped runs on.
            drop(spawner.spawn(name, async move {
                task.await;
                Ok(())
            }));
        };
        Self(Arc::new(Parts {
            spawn: Box::new(spawn),
            logger: host.logger().clone(),
            clock: Arc::clone(host.telemetry().clock()),
            proxies: host.proxies().clone(),
            host: Some(host.clone()),
        }))
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("proxies", &self.0.proxies).finish_non_exhaustive()
    }
}
