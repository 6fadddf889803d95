//! Connections to the addresses of a gRPC server.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::dial::resolve;
use super::endpoint::{Address, Endpoint};
use super::http2::{Http2, KeepAlive};
use super::{DialError, Dialer, Surroundings, Wire, error_chain};

/// The least time between two looks at the addresses of a host, as in Go.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);
/// The pauses between attempts to connect to an address that failed.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const PAUSE_FACTOR: f64 = 1.6;
const PAUSE_JITTER: f64 = 0.2;

/// How connections are spread over the addresses of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Balancing {
    /// Each address has a connection, and requests take them in turn.
    #[default]
    RoundRobin,
    /// The first address that answers gets everything.
    PickFirst,
}

/// What connections are made with.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) endpoint: Endpoint,
    /// The host that a certificate has to be for.
    pub(super) name: String,
    pub(super) secure: bool,
    pub(super) balancing: Balancing,
    pub(super) dialer: Dialer,
    pub(super) keep_alive: Option<KeepAlive>,
    pub(super) gather: usize,
    pub(super) resolver: Resolver,
    pub(super) surroundings: Surroundings,
}

/// Finds the addresses of a host and port.
#[derive(Clone)]
pub(super) struct Resolver(Arc<dyn Fn(String, u16) -> BoxFuture<'static, Addresses> + Send + Sync>);

type Addresses = Result<Vec<SocketAddr>, DialError>;

/// The connections to one server, made with the first request and whenever one is lost. They end with it.
#[derive(Debug)]
pub(super) struct Balancer {
    choice: watch::Receiver<Choice>,
    demand: Arc<Notify>,
    turn: AtomicUsize,
}

/// What requests may take.
#[derive(Debug, Clone, Default)]
struct Choice {
    ready: Arc<[Http2]>,
    /// Why there is nothing, once that is known.
    failure: Option<Arc<str>>,
}

/// A place to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Way {
    /// Nowhere, because the host has no addresses.
    Unresolved,
    /// Wherever the dialer finds the host: at a Unix socket, through a proxy, at any of its addresses.
    Dialed,
    /// One address.
    Address(SocketAddr),
}

enum Phase {
    Connecting,
    Ready(Http2),
    Failed(Arc<str>),
}

/// What is known of each way.
struct Board {
    phases: Mutex<BTreeMap<Way, Phase>>,
    choice: watch::Sender<Choice>,
    /// Told when a connection was lost, or could not be made: the addresses may be others now.
    lost: Notify,
}

// === impl Resolver ===

impl Resolver {
    pub(super) fn new<F>(find: impl Fn(String, u16) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Addresses> + Send + 'static,
    {
        Self(Arc::new(move |host, port| Box::pin(find(host, port))))
    }

    async fn find(&self, host: &str, port: u16) -> Addresses {
        (self.0)(host.to_owned(), port).await
    }
}

/// The system's.
impl Default for Resolver {
    fn default() -> Self {
        Self::new(|host, port| async move { resolve(&host, port).await })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

// === impl Balancer ===

impl Balancer {
    /// Nothing is connected yet.
    pub(super) fn start(plan: Plan) -> Self {
        let demand = Arc::new(Notify::new());
        let (sender, choice) = watch::channel(Choice::default());
        let board = Arc::new(Board { phases: Mutex::default(), choice: sender, lost: Notify::new() });
        let asked = Arc::clone(&demand);
        let surroundings = plan.surroundings.clone();
        surroundings.spawn("grpc connections", async move {
            let closed = Arc::clone(&board);
            tokio::select! {
                () = closed.choice.closed() => {}
                () = connect(plan, board, &asked) => {}
            }
        });
        Self { choice, demand, turn: AtomicUsize::new(0) }
    }

    /// A connection for a request, in turn. Waits while the first attempts to connect last; where they failed, that is
    /// the answer, unless the request rather waits.
    pub(super) async fn pick(&self, wait: bool) -> Result<Http2, Arc<str>> {
        if let Some(ready) = self.turn(&self.choice.borrow()) {
            return Ok(ready);
        }
        let mut choice = self.choice.clone();
        loop {
            {
                let now = choice.borrow_and_update();
                if let Some(ready) = self.turn(&now) {
                    return Ok(ready);
                }
                if let (false, Some(failure)) = (wait, &now.failure) {
                    return Err(Arc::clone(failure));
                }
            }
            self.demand.notify_one();
            if choice.changed().await.is_err() {
                return Err("the client's connections were broken off".into());
            }
        }
    }

    fn turn(&self, choice: &Choice) -> Option<Http2> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = choice.ready.len();
        let from = |offset| &choice.ready[(turn.wrapping_add(offset)) % count];
        (0..count).map(from).find(|connection| connection.is_open()).cloned()
    }
}

// === impl Board ===

impl Board {
    fn set(&self, way: &Way, phase: Phase) {
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        phases.insert(way.clone(), phase);
        self.publish(&phases);
    }

    fn remove(&self, way: &Way) {
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        phases.remove(way);
        self.publish(&phases);
    }

    fn publish(&self, phases: &BTreeMap<Way, Phase>) {
        let mut ready = Vec::new();
        let (mut connecting, mut failure) = (false, None);
        for phase in phases.values() {
            match phase {
                Phase::Connecting => connecting = true,
                Phase::Ready(connection) => ready.push(connection.clone()),
                Phase::Failed(why) => failure = Some(Arc::clone(why)),
            }
        }
        let failure = failure.filter(|_| !connecting && ready.is_empty());
        self.choice.send_replace(Choice { ready: ready.into(), failure });
    }
}

/// Keeps connections for as long as it runs.
async fn connect(plan: Plan, board: Arc<Board>, demand: &Notify) {
    demand.notified().await;
    let spread = matches!(plan.endpoint.address(), Address::Host { spread: true, .. });
    match plan.endpoint.address() {
        Address::Host { host, port, .. } if spread && !plan.is_proxied() => match plan.balancing {
            Balancing::RoundRobin => everywhere(&plan, &board, host, *port).await,
            Balancing::PickFirst => first(&plan, &board, host, *port, demand).await,
        },
        _ => keep(&plan, &board, &Way::Dialed).await,
    }
}

/// Keeps a connection to every address of a host.
async fn everywhere(plan: &Plan, board: &Arc<Board>, host: &str, port: u16) {
    // Dropping a sender ends the task that keeps the connection.
    let mut kept: HashMap<Way, watch::Sender<()>> = HashMap::new();
    let mut pauses = Pauses::default();
    loop {
        let resolved = Instant::now();
        match plan.resolver.find(host, port).await {
            Ok(addresses) => {
                pauses = Pauses::default();
                let ways: Vec<_> = addresses.into_iter().map(Way::Address).collect();
                kept.retain(|way, _| ways.contains(way));
                for way in ways {
                    let Entry::Vacant(place) = kept.entry(way) else { continue };
                    let (keeping, kept_on) = watch::channel(());
                    // Before the task runs, so that nobody takes the way for one that is not there.
                    board.set(place.key(), Phase::Connecting);
                    let task = keep_on(plan.clone(), Arc::clone(board), place.key().clone(), kept_on);
                    plan.surroundings.spawn("grpc connection", task);
                    place.insert(keeping);
                }
                board.remove(&Way::Unresolved);
            }
            Err(error) if kept.is_empty() => {
                board.set(&Way::Unresolved, failed(&error));
                sleep(pauses.next()).await;
                continue;
            }
            // Those that are connected go on, whatever the name server says.
            Err(_) => {}
        }
        board.lost.notified().await;
        sleep_until(resolved + RESOLVE_INTERVAL).await;
    }
}

/// Keeps a connection until the other end of `kept_on` is dropped.
async fn keep_on(plan: Plan, board: Arc<Board>, way: Way, mut kept_on: watch::Receiver<()>) {
    tokio::select! {
        () = keep(&plan, &board, &way) => {}
        _ = kept_on.changed() => board.remove(&way),
    }
}

/// Keeps a connection, and connects anew when it is lost.
async fn keep(plan: &Plan, board: &Board, way: &Way) {
    let mut pauses = Pauses::default();
    loop {
        match plan.connect(way).await {
            Ok(connection) => {
                pauses = Pauses::default();
                board.set(way, Phase::Ready(connection.clone()));
                connection.ended().await;
                board.set(way, Phase::Connecting);
                board.lost.notify_one();
            }
            // It counts as failed until it is connected, so that requests do not wait for each attempt.
            Err(error) => {
                board.set(way, failed(&*error));
                board.lost.notify_one();
                sleep(pauses.next()).await;
            }
        }
    }
}

/// Keeps a connection to the first address that answers, and connects anew when a request comes after it is lost.
async fn first(plan: &Plan, board: &Board, host: &str, port: u16, demand: &Notify) {
    let mut pauses = Pauses::default();
    loop {
        let failure = match plan.resolver.find(host, port).await {
            Ok(addresses) => first_of(plan, board, addresses).await,
            Err(error) => Some(failed(&error)),
        };
        match failure {
            None => {
                pauses = Pauses::default();
                demand.notified().await;
            }
            Some(failure) => {
                board.set(&Way::Dialed, failure);
                sleep(pauses.next()).await;
            }
        }
    }
}

/// Tries the addresses one after the other. Returns when a connection was there and is lost, or why there is none.
async fn first_of(plan: &Plan, board: &Board, addresses: Vec<SocketAddr>) -> Option<Phase> {
    let mut failure = None;
    for address in addresses {
        match plan.connect(&Way::Address(address)).await {
            Ok(connection) => {
                board.set(&Way::Dialed, Phase::Ready(connection.clone()));
                connection.ended().await;
                board.set(&Way::Dialed, Phase::Connecting);
                return None;
            }
            Err(error) => failure = Some(failed(&*error)),
        }
    }
    failure
}

fn failed(error: &dyn std::error::Error) -> Phase {
    Phase::Failed(format!("connection error: {}", error_chain(error)).into())
}

impl Plan {
    fn is_proxied(&self) -> bool {
        let port = self.endpoint.port().unwrap_or_default();
        self.dialer.proxies.on_the_way(self.secure, self.endpoint.host(), port).is_some()
    }

    async fn connect(&self, way: &Way) -> Result<Http2, Box<dyn std::error::Error + Send + Sync>> {
        let wire = self.dial(way).await?;
        Ok(Http2::start(&self.surroundings, wire, self.keep_alive, self.gather).await?)
    }

    async fn dial(&self, way: &Way) -> Result<Wire, DialError> {
        match (way, self.endpoint.address()) {
            (Way::Address(address), _) => self.dialer.address(self.secure, &self.name, *address).await,
            (_, Address::Unix(path)) => self.dialer.unix(self.secure, &self.name, path).await,
            (_, Address::Host { host, port, .. }) => {
                self.dialer.host_as(self.secure, host, *port, &self.name).await
            }
        }
    }
}

/// Growing pauses between attempts.
#[derive(Default)]
struct Pauses(Duration);

impl Pauses {
    fn next(&mut self) -> Duration {
        self.0 = if self.0.is_zero() { FIRST_PAUSE } else { self.0.mul_f64(PAUSE_FACTOR).min(LONGEST_PAUSE) };
        let jitter = (rand::random::<f64>() * 2.0 - 1.0) * PAUSE_JITTER;
        self.0.mul_f64(1.0 + jitter)
    }
}

#[cfg(test)]
mod tests;
