use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::pending,
    io, mem,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use otel_core::{component::Code, net::Status};
use prost::Message as _;
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep, timeout},
};
use tokio_util::io::InspectWriter;

use super::{
    Excuse, ItemId, Ledger, Life,
    items::{Contents, decode},
    mood::{Behaviour, Mood},
    port::Port,
};
use crate::e2e::{Signal, unframe};

/// Longer than the collector waits for an answer: see the configurations.
const TOO_LATE: Duration = Duration::from_secs(3);
/// A message that took so long to get through this machine is not taken: whoever sent it may have given up.
const STALE: Duration = Duration::from_secs(1);
/// So that answers given before reach the collector before the connection ends.
const LAST_WORDS: Duration = Duration::from_millis(40);

/// A backend for OTLP over gRPC that has moods, and writes down what it takes.
///
/// What it takes, it takes whole and in the moment in which it answers, so that it sends no answer for what it did not
/// take, and never ends between the two by chance.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    ledger: Arc<Ledger>,
    chance: Mutex<StdRng>,
    mood: watch::Sender<Mood>,
    behaviours: Mutex<BTreeMap<Behaviour, u64>>,
    arrivals: AtomicU64,
}

/// Whether a connection is to end.
type Doom = watch::Sender<bool>;

/// A connection of the collector.
#[derive(Debug)]
struct Connection {
    doom: Doom,
    /// The process that opened it.
    from: Option<Life>,
    /// What was taken, and is said to be with the next bytes of the connection.
    unsaid: Mutex<Vec<(Signal, Vec<ItemId>)>>,
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl Backend {
    /// Listens at a free port, in a healthy mood that stays until [`moody`](Self::moody).
    pub fn start(ledger: Arc<Ledger>, seed: u64) -> io::Result<Self> {
        let port = Port::reserve()?;
        let address = port.address();
        let shared = Arc::new(Shared {
            ledger,
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            mood: watch::Sender::new(Mood::Healthy),
            behaviours: Mutex::default(),
            arrivals: AtomicU64::new(0),
        });
        let mut server = JoinSet::new();
        server.spawn(listen(port, Arc::clone(&shared)));
        Ok(Self { address, shared, _server: server })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes its mood now and then, for ever.
    pub async fn moody(&self, mut chance: StdRng) -> Infallible {
        loop {
            let (mood, time) = Mood::draw(&mut chance);
            self.shared.mood.send_replace(mood);
            sleep(time).await;
        }
    }

    /// Takes everything from now on.
    pub fn recover(&self) {
        self.shared.mood.send_replace(Mood::Healthy);
    }

    /// The number of messages that it took something from.
    pub fn arrivals(&self) -> u64 {
        self.shared.arrivals.load(Relaxed)
    }

    /// How often it behaved how.
    pub fn behaviours(&self) -> BTreeMap<Behaviour, u64> {
        self.shared.behaviours.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Listens while the mood allows.
async fn listen(port: Port, shared: Arc<Shared>) {
    let mut mood = shared.mood.subscribe();
    loop {
        if mood.wait_for(|mood| *mood != Mood::Down).await.is_err() {
            return;
        }
        let listener = match port.listen() {
            Ok(listener) => listener,
            Err(error) => {
                eprintln!("the backend cannot listen: {error}");
                return;
            }
        };
        let down = Arc::new(Doom::new(false));
        let mut connections = JoinSet::new();
        let mut until = shared.mood.subscribe();
        tokio::select! {
            () = accept(&listener, &mut connections, &shared, &down) => {}
            _ = until.wait_for(|mood| *mood == Mood::Down) => {}
        }
        drop(listener);
        down.send_replace(true);
        connections.join_all().await;
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &mut JoinSet<()>,
    shared: &Arc<Shared>,
    down: &Arc<Doom>,
) {
    loop {
        // A connection that could not be accepted is its client's to notice.
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(serve(stream, Arc::clone(shared), Arc::clone(down)));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves a connection until it ends, is doomed, or the backend is.
async fn serve(stream: TcpStream, shared: Arc<Shared>, down: Arc<Doom>) {
    // A failure costs time only.
    let _ = stream.set_nodelay(true);
    let (doom, from) = (Doom::new(false), shared.ledger.life());
    let client = Arc::new(Connection { doom, from, unsaid: Mutex::default() });
    let (mut doomed, mut downed) = (client.doom.subscribe(), down.subscribe());
    let stream = InspectWriter::new(stream, {
        let (shared, client) = (Arc::clone(&shared), Arc::clone(&client));
        move |_: &[u8]| shared.said(&client)
    });
    let service = service_fn(move |request| answer(request, Arc::clone(&shared), Arc::clone(&client)));
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        _ = &mut connection => true,
        _ = doomed.wait_for(|doomed| *doomed) => false,
        _ = downed.wait_for(|downed| *downed) => false,
    };
    if !ended {
        let _ = timeout(LAST_WORDS, connection).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    client: Arc<Connection>,
) -> Result<Answer, hyper::Error> {
    let Some(signal) = Signal::of_path(request.uri().path()) else {
        return Ok(status(&Status::new(Code::Unimplemented, "no such method")));
    };
    let begun = Instant::now();
    let body = request.into_body().collect().await?.to_bytes();
    // Elsewhere, so that the answers to others do not wait for it: what a collector has no answer for yet when it is killed
    // it sends again.
    let contents = spawn_blocking(move || match unframe(&body) {
        Ok((message, false)) => decode(signal, message),
        _ => Contents::malformed(),
    });
    let contents = contents.await.expect("decoding does not panic");
    if !contents.damaged.is_empty() {
        shared.ledger.damaged(contents.damaged);
    }
    let behaviour = if begun.elapsed() < STALE { shared.draw() } else { Behaviour::Stall };
    Ok(shared.behave(behaviour, signal, &contents.intact, &client).await)
}

impl Shared {
    fn draw(&self) -> Behaviour {
        let mood = *self.mood.borrow();
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let behaviour = mood.behaviour(&mut chance);
        drop(chance);
        let mut behaviours = self.behaviours.lock().unwrap_or_else(PoisonError::into_inner);
        *behaviours.entry(behaviour).or_default() += 1;
        behaviour
    }

    /// Does with a message what it is to do, and answers accordingly.
    async fn behave(
        &self,
        behaviour: Behaviour,
        signal: Signal,
        items: &[ItemId],
        client: &Connection,
    ) -> Answer {
        let unavailable = || status(&Status::new(Code::Unavailable, "come back later"));
        match behaviour {
            Behaviour::Take => self.take_if_heard(signal, items, client).await,
            Behaviour::TakeSlowly => {
                sleep(Duration::from_millis(150)).await;
                self.take_if_heard(signal, items, client).await
            }
            Behaviour::Unavailable => unavailable(),
            Behaviour::Exhausted => {
                let status_ = Status::new(Code::ResourceExhausted, "too much");
                status(&status_.with_retry_after(Duration::from_millis(300)))
            }
            Behaviour::RefuseForGood => {
                self.ledger.excused(signal, items, Excuse::Refused);
                status(&Status::new(Code::InvalidArgument, "not wanted"))
            }
            Behaviour::TakePartially => {
                let (taken, rejected) = items.split_at(items.len() / 2);
                self.ledger.excused(signal, rejected, Excuse::Rejected);
                self.take(signal, taken, client);
                success(rejected.len() as i64)
            }
            Behaviour::TakeAndFail => {
                self.took(signal, items);
                unavailable()
            }
            Behaviour::TakeAndStall => {
                self.took(signal, items);
                sleep(TOO_LATE).await;
                success(0)
            }
            Behaviour::Stall => {
                sleep(TOO_LATE).await;
                unavailable()
            }
            Behaviour::TakeAndReset => {
                self.took(signal, items);
                client.doom.send_replace(true);
                pending().await
            }
            Behaviour::TakeAndBreakOff => {
                self.took(signal, items);
                client.doom.send_replace(true);
                broken_off()
            }
            Behaviour::Reset => {
                client.doom.send_replace(true);
                pending().await
            }
        }
    }

    async fn take_if_heard(&self, signal: Signal, items: &[ItemId], client: &Connection) -> Answer {
        if *client.doom.borrow() {
            // The answer might not arrive any more.
            pending::<()>().await;
        }
        self.take(signal, items, client);
        success(0)
    }

    /// Takes items, and will say so.
    fn take(&self, signal: Signal, items: &[ItemId], client: &Connection) {
        self.took(signal, items);
        client.unsaid.lock().unwrap_or_else(PoisonError::into_inner).push((signal, items.to_vec()));
    }

    /// Something was written to the client.
    fn said(&self, client: &Connection) {
        let said = mem::take(&mut *client.unsaid.lock().unwrap_or_else(PoisonError::into_inner));
        for (signal, items) in said {
            self.ledger.acknowledged(signal, &items, client.from);
        }
    }

    fn took(&self, signal: Signal, items: &[ItemId]) {
        self.ledger.took(signal, items);
        self.arrivals.fetch_add(1, Relaxed);
    }
}

/// An answer of success, for all but so many items. The three signals' responses have the same fields.
fn success(rejected: i64) -> Answer {
    let partial = (rejected > 0).then(|| ExportTracePartialSuccess {
        rejected_spans: rejected,
        error_message: "half is enough".into(),
    });
    let response = ExportTraceServiceResponse { partial_success: partial };
    let trailers = Status::new(Code::Ok, "").to_grpc_headers();
    grpc(Full::new(framed(&response)).with_trailers(async { Some(Ok(trailers)) }).boxed_unsync())
}

/// An answer of which the end does not come.
fn broken_off() -> Answer {
    let body = Full::new(framed(&ExportTraceServiceResponse::default()));
    grpc(body.with_trailers(pending()).boxed_unsync())
}

fn status(status: &Status) -> Answer {
    let trailers: HeaderMap = status.to_grpc_headers();
    grpc(Full::default().with_trailers(async { Some(Ok(trailers)) }).boxed_unsync())
}

fn framed(response: &ExportTraceServiceResponse) -> Bytes {
    let message = response.encode_to_vec();
    [&[0], &(message.len() as u32).to_be_bytes()[..], &message].concat().into()
}

fn grpc(body: UnsyncBoxBody<Bytes, Infallible>) -> Answer {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
