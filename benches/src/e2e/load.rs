use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{Requests, SendError, Target, client::Client};

/// After a refusal, so that a collector that refuses is not kept busy with refusing.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(10);
/// The timer's granularity: the rest of a wait is spent yielding.
const TIMER_GRANULARITY: Duration = Duration::from_millis(2);

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// A closed loop: a new request as soon as another one is answered.
    Closed,
    /// An open loop: on a schedule, whatever the answers do. A request that comes late because all that may be in
    /// flight are is measured from when it was due.
    Open {
        /// The rate of the schedule.
        items_per_second: f64,
    },
}

/// How a load is generated.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where to.
    pub target: Target,
    /// gRPC connections. Over HTTP every request in flight has its own.
    pub connections: usize,
    /// The most requests in flight.
    pub in_flight: usize,
    /// Closed or open loop.
    pub pace: Pace,
}

/// A running load generator; dropping it stops it without waiting.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    workers: JoinSet<Vec<Duration>>,
}

/// What a load came to.
#[derive(Debug, Default)]
pub struct LoadOutcome {
    /// Items answered with success.
    pub answered: u64,
    /// Items answered with an error, or not at all.
    pub failed: u64,
    /// The first of the errors.
    pub first_error: Option<String>,
    /// The latencies of the requests that were answered with success while recording, in rising order.
    pub latencies: Vec<Duration>,
}

/// When which items of an open loop are due.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// When the first request is.
    pub first: Instant,
    /// From one request to the next.
    pub interval: Duration,
    /// Items in a request.
    pub items: u64,
}

#[derive(Debug)]
struct Shared {
    bodies: Vec<Bytes>,
    items: u64,
    next: AtomicUsize,
    schedule: Option<Schedule>,
    stopped: AtomicBool,
    recording: AtomicBool,
    answered: AtomicU64,
    failed: AtomicU64,
    first_error: std::sync::Mutex<Option<String>>,
}

impl Load {
    /// Connects and starts to send.
    pub async fn start(requests: &Requests, options: &LoadOptions) -> Result<Self, SendError> {
        let target = options.target;
        let bodies = requests.bodies(target.protocol, target.compression);
        let clients = connect(options).await?;
        let shared = Arc::new(Shared {
            bodies,
            items: requests.items() as u64,
            next: AtomicUsize::new(0),
            schedule: Schedule::new(options.pace, requests.items()),
            stopped: AtomicBool::new(false),
            recording: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            first_error: std::sync::Mutex::new(None),
        });
        let mut workers = JoinSet::new();
        for client in clients {
            workers.spawn(work(client, Arc::clone(&shared)));
        }
        Ok(Self { shared, workers })
    }

    /// When the items of the schedule of an open loop are due, in order: the first ones at once.
    pub fn schedule(&self) -> Option<Due> {
        let schedule = self.shared.schedule.as_ref()?;
        Some(Due { first: schedule.first, interval: schedule.interval, items: self.shared.items })
    }

    /// Items answered with success so far.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Relaxed)
    }

    /// Starts or stops to record latencies.
    pub fn record(&self, on: bool) {
        self.shared.recording.store(on, Relaxed);
    }

    /// Sends nothing new, and waits for the answers to what is in flight.
    pub async fn stop(self) -> LoadOutcome {
        let Self { shared, workers } = self;
        shared.stopped.store(true, Relaxed);
        let mut latencies: Vec<Duration> = workers.join_all().await.into_iter().flatten().collect();
        latencies.sort_unstable();
        LoadOutcome {
            answered: shared.answered.load(Relaxed),
            failed: shared.failed.load(Relaxed),
            first_error: shared.first_error.lock().expect("no holder of the lock panics").take(),
            latencies,
        }
    }
}

/// One client for each request in flight, spread over the connections.
async fn connect(options: &LoadOptions) -> Result<Vec<Client>, SendError> {
    let mut clients: Vec<Client> = Vec::with_capacity(options.in_flight);
    for index in 0..options.in_flight {
        clients.push(if index < options.connections {
            Client::connect(options.target).await?
        } else {
            clients[index % options.connections].another().await?
        });
    }
    Ok(clients)
}

async fn work(mut client: Client, shared: Arc<Shared>) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while !shared.stopped.load(Relaxed) {
        let due = match &shared.schedule {
            Some(schedule) => match schedule.wait(&shared.stopped).await {
                Some(due) => due,
                None => break,
            },
            None => Instant::now(),
        };
        let body = shared.bodies[shared.next.fetch_add(1, Relaxed) % shared.bodies.len()].clone();
        match client.send(body).await {
            Ok(()) => {
                shared.answered.fetch_add(shared.items, Relaxed);
                if shared.recording.load(Relaxed) {
                    latencies.push(due.elapsed());
                }
            }
            Err(error) => {
                shared.failed.fetch_add(shared.items, Relaxed);
                shared
                    .first_error
                    .lock()
                    .expect("no holder of the lock panics")
                    .get_or_insert_with(|| error.to_string());
                if error.is_connection() {
                    break;
                }
                sleep(PAUSE_AFTER_REFUSAL).await;
            }
        }
    }
    latencies
}

/// The times at which requests of an open loop are due.
#[derive(Debug)]
struct Schedule {
    first: Instant,
    interval: Duration,
    next: Mutex<Instant>,
}

impl Schedule {
    fn new(pace: Pace, items: usize) -> Option<Self> {
        match pace {
            Pace::Closed => None,
            Pace::Open { items_per_second } => {
                let first = Instant::now();
                let interval = Duration::from_secs_f64(items as f64 / items_per_second);
                Some(Self { first, interval, next: Mutex::new(first) })
            }
        }
    }

    /// Waits until the next request is due, and returns when that was; nothing once stopped. One worker waits for the
    /// clock, the others for their turn.
    async fn wait(&self, stopped: &AtomicBool) -> Option<Instant> {
        let mut next = self.next.lock().await;
        let due = *next;
        sleep_until(due.checked_sub(TIMER_GRANULARITY).unwrap_or(due)).await;
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        if stopped.load(Relaxed) {
            return None;
        }
        *next = due + self.interval;
        Some(due)
    }
}
