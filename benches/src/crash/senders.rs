use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Ledger, items::encode};
use crate::e2e::{Client, Compression, Endpoints, Protocol, SendError, Signal, Target, frame};

/// Senders over gRPC. Each has a connection of its own and one request in flight.
const OVER_GRPC: usize = 10;
/// And over HTTP.
const OVER_HTTP: usize = 2;
const DEADLINE: Duration = Duration::from_secs(5);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(20);
/// A sender that fell behind its rate by more than this does not catch up.
const MOST_BEHIND: Duration = Duration::from_secs(1);

/// Clients that send requests of all sizes and signals, and write down what was answered.
///
/// None sends anything twice, whatever the answer: what arrives more than once was not sent more than once.
#[derive(Debug)]
pub struct Senders {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// With success.
    Accepted,
    /// With an error after which a client tries again, as OTLP says.
    Retryable(String),
    /// With any other error.
    Permanent(String),
    /// With a success that is none for some items.
    Partial,
    /// The connection could not be made, or broke.
    Broken,
    /// Not in time.
    Unanswered,
}

#[derive(Debug)]
struct Shared {
    ledger: Arc<Ledger>,
    endpoints: Endpoints,
    outcomes: Mutex<BTreeMap<Outcome, u64>>,
    last_accepted: Mutex<Instant>,
}

impl Senders {
    /// Starts to send about so many items a second.
    pub fn start(ledger: Arc<Ledger>, endpoints: Endpoints, items_per_second: f64, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            ledger,
            endpoints,
            outcomes: Mutex::default(),
            last_accepted: Mutex::new(Instant::now()),
        });
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        let senders = OVER_GRPC + OVER_HTTP;
        for number in 0..senders {
            let protocol = if number < OVER_GRPC { Protocol::Grpc } else { Protocol::Http };
            let chance = StdRng::seed_from_u64(seed.wrapping_add(number as u64));
            let pace = Duration::from_secs_f64(senders as f64 / items_per_second);
            let sending = send(Arc::clone(&shared), protocol, pace, chance);
            let mut stopped = stop.subscribe();
            tasks.spawn(async move {
                // The request that is cut off is one without an answer.
                tokio::select! {
                    () = sending => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            });
        }
        Self { shared, stop, tasks }
    }

    /// When a request was last answered with success.
    pub fn last_accepted(&self) -> Instant {
        *self.shared.last_accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops at once, and returns how many requests ended how.
    pub async fn stop(self) -> BTreeMap<Outcome, u64> {
        self.stop.send_replace(true);
        self.tasks.join_all().await;
        std::mem::take(&mut self.shared.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Outcome {
    fn of(result: &Result<(), SendError>) -> Self {
        match result {
            Ok(()) => Self::Accepted,
            Err(SendError::GrpcStatus { code, .. }) => {
                let name = format!("gRPC status {code}");
                // CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS
                if matches!(code.as_str(), "1" | "4" | "8" | "10" | "11" | "14" | "15") {
                    Self::Retryable(name)
                } else {
                    Self::Permanent(name)
                }
            }
            Err(SendError::HttpStatus(code)) => {
                let name = format!("HTTP status {}", code.as_u16());
                match *code {
                    StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT => Self::Retryable(name),
                    _ => Self::Permanent(name),
                }
            }
            Err(SendError::PartialSuccess { .. }) => Self::Partial,
            Err(SendError::Connect { .. } | SendError::Connection(_)) => Self::Broken,
            Err(error @ SendError::MalformedAnswer) => Self::Permanent(error.to_string()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("success"),
            Self::Retryable(status) | Self::Permanent(status) => f.write_str(status),
            Self::Partial => f.write_str("partial success"),
            Self::Broken => f.write_str("no connection"),
            Self::Unanswered => f.write_str("no answer in time"),
        }
    }
}

/// Sends for ever.
async fn send(shared: Arc<Shared>, protocol: Protocol, pace: Duration, mut chance: StdRng) {
    let mut connection = None;
    let mut due = Instant::now();
    loop {
        sleep_until(due).await;
        let signal = Signal::ALL[chance.random_range(0..3)];
        let items = size(&mut chance);
        let connected = match connection.take() {
            Some(client) => Ok(client),
            None => Client::connect(shared.target(protocol, signal)).await,
        };
        let Ok(mut client) = connected else {
            sleep(PAUSE_AFTER_FAILURE).await;
            continue;
        };
        client.retarget(signal);
        let request = shared.ledger.open(signal, items);
        let encoding = spawn_blocking(move || Bytes::from(encode(signal, request, items)));
        let message = encoding.await.expect("encoding does not panic");
        let body = if protocol == Protocol::Grpc { frame(&message, Compression::None) } else { message };
        let outcome = match timeout(DEADLINE, client.send(body)).await {
            Ok(result) => Outcome::of(&result),
            Err(_) => Outcome::Unanswered,
        };
        if outcome == Outcome::Accepted {
            shared.ledger.accepted(request);
            *shared.last_accepted.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        } else {
            sleep(PAUSE_AFTER_FAILURE).await;
        }
        if !matches!(outcome, Outcome::Broken | Outcome::Unanswered) {
            connection = Some(client);
        }
        *shared.outcomes.lock().unwrap_or_else(PoisonError::into_inner).entry(outcome).or_default() += 1;
        let earliest = Instant::now().checked_sub(MOST_BEHIND);
        due = earliest.map_or(due, |earliest| due.max(earliest)) + pace * u32::from(items);
    }
}

/// Most requests are small; one in a hundred has thousands of items.
fn size(chance: &mut StdRng) -> u16 {
    match chance.random_range(0..100) {
        0..60 => chance.random_range(1..20),
        60..95 => chance.random_range(20..200),
        95..99 => chance.random_range(200..1_000),
        _ => chance.random_range(1_000..4_000),
    }
}

impl Shared {
    fn target(&self, protocol: Protocol, signal: Signal) -> Target {
        let address = if protocol == Protocol::Grpc { self.endpoints.grpc } else { self.endpoints.http };
        Target { address, signal, protocol, compression: Compression::None }
    }
}
