//! Connections that are kept for the next request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::http2::Http2;
use crate::net::Outgoing;

/// A scheme, a host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

/// How many connections are kept, and how long. Zero is no bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolLimits {
    pub(super) idle: usize,
    pub(super) idle_per_host: usize,
    pub(super) per_host: usize,
    pub(super) idle_timeout: Duration,
}

/// The connections of a client.
#[derive(Debug)]
pub(super) struct Pool {
    limits: PoolLimits,
    places: Mutex<HashMap<Origin, Arc<Place>>>,
}

/// The connections to one origin.
#[derive(Debug)]
pub(super) struct Place {
    state: Mutex<State>,
    /// Held while a connection is made of which it is not known yet whether others will share it.
    pub(super) first: tokio::sync::Mutex<()>,
    permits: Option<Arc<Semaphore>>,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Idle>,
    shared: Option<Http2>,
    /// The server does not speak HTTP/2.
    http1: bool,
}

#[derive(Debug)]
struct Idle {
    connection: Http1,
    since: Instant,
}

/// An HTTP/1 connection, which has one request at a time.
pub(super) type Http1 = SendRequest<Outgoing>;

// === impl Pool ===

impl Pool {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self { limits, places: Mutex::default() }
    }

    /// The connections to an origin.
    pub(super) fn place(&self, origin: &Origin) -> Arc<Place> {
        let mut places = self.places();
        if let Some(place) = places.get(origin) {
            return Arc::clone(place);
        }
        let permits = Some(self.limits.per_host).filter(|most| *most > 0);
        let permits = permits.map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))));
        let place =
            Arc::new(Place { state: Mutex::default(), first: tokio::sync::Mutex::default(), permits });
        places.insert(origin.clone(), Arc::clone(&place));
        place
    }

    /// Keeps a connection for the next request, unless there are enough.
    pub(super) fn keep(&self, place: &Place, connection: Http1) {
        let limits = self.limits;
        let bounded = |most: usize, now: usize| most > 0 && now >= most;
        let all = || self.places().values().map(|place| place.state().idle.len()).sum();
        if connection.is_closed() || limits.idle > 0 && bounded(limits.idle, all()) {
            return;
        }
        let mut state = place.state();
        if !bounded(limits.idle_per_host, state.idle.len()) {
            state.idle.push(Idle { connection, since: Instant::now() });
        }
    }

    /// Closes what has not been used for too long, and forgets what is closed.
    pub(super) fn tidy(&self) {
        let now = Instant::now();
        for place in self.places().values() {
            let mut state = place.state();
            let old = |idle: &Idle| now.duration_since(idle.since) >= self.limits.idle_timeout;
            state.idle.retain(|idle| !idle.connection.is_closed() && !old(idle));
            if state.shared.as_ref().is_some_and(|shared| !shared.is_open()) {
                state.shared = None;
            }
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Origin, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Place ===

impl Place {
    /// A connection that was used before, the youngest first.
    pub(super) fn idle(&self) -> Option<Http1> {
        let mut state = self.state();
        while let Some(idle) = state.idle.pop() {
            if !idle.connection.is_closed() {
                return Some(idle.connection);
            }
        }
        None
    }

    /// The connection that requests share.
    pub(super) fn shared(&self) -> Option<Http2> {
        self.state().shared.clone().filter(Http2::is_open)
    }

    /// Whether the server was found not to speak HTTP/2.
    pub(super) fn is_http1(&self) -> bool {
        self.state().http1
    }

    pub(super) fn found_http1(&self) {
        self.state().http1 = true;
    }

    pub(super) fn share(&self, connection: &Http2) {
        self.state().shared = Some(connection.clone());
    }

    /// Waits until one more connection may be in use.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(self.permits.as_ref()?).acquire_owned().await.ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
