//! HTTP/2 connections that requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::{Request, Response};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{Surroundings, Wire};

/// What a server may send on a stream before it is read: answers are short.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all streams together.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// The headers of an answer in bytes.
const HEADERS: u32 = 64 << 10;
/// What is gathered before it is written where the configuration does not say.
pub(super) const GATHER: usize = 256 << 10;

/// How silent connections are found to be dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeepAlive {
    /// After so long without a word from the server it is asked for one.
    pub(super) time: Duration,
    /// How long its answer may take.
    pub(super) timeout: Duration,
    /// Also while no request waits for an answer.
    pub(super) always: bool,
}

/// A connection. Cloning shares it; it ends with its last clone, when what was begun has ended.
#[derive(Debug, Clone)]
pub(super) struct Http2 {
    send: SendRequest<Bytes>,
    waiting: Arc<AtomicUsize>,
    ended: Arc<watch::Sender<Option<Arc<str>>>>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Http2Error {
    /// The server has not begun with it: it may be sent again.
    #[error("the connection is closing")]
    Unsent(#[source] h2::Error),
    /// Nobody knows what became of it.
    #[error("the connection failed")]
    Broken(#[source] h2::Error),
}

impl Http2 {
    /// Begins to speak HTTP/2.
    pub(super) async fn start(
        surroundings: &Surroundings,
        mut wire: Wire,
        keep_alive: Option<KeepAlive>,
        gather: usize,
    ) -> Result<Self, h2::Error> {
        wire.gather(gather);
        let heard = wire.heard();
        let (send, mut connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEADERS)
            .enable_push(false)
            .handshake::<_, Bytes>(wire)
            .await?;
        let ping = connection.ping_pong();
        let waiting = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(watch::Sender::new(None));
        let told = Arc::clone(&ended);
        let pinging = ping.zip(keep_alive);
        let asking = Arc::clone(&waiting);
        surroundings.spawn("http2 connection", async move {
            let reason = drive(connection, pinging, &heard, &asking).await;
            told.send_replace(Some(reason.into()));
        });
        Ok(Self { send, waiting, ended })
    }

    /// Whether requests can be sent.
    pub(super) fn is_open(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Waits for the end of the connection, and says why it ended.
    pub(super) async fn ended(&self) -> Arc<str> {
        let mut ended = self.ended.subscribe();
        // The sender is held by this connection.
        ended.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone()).unwrap_or_default()
    }

    /// Counts as ended: the server takes no new requests. Those that were begun go on.
    pub(super) fn retire(&self) {
        self.ended.send_replace(Some("the server is closing the connection".into()));
    }

    /// Sends a request and waits for the head of its answer. All of the body is handed over at once: it is in memory
    /// anyway, and goes out as the server's windows allow. Dropping the future resets the stream.
    pub(super) async fn send(
        &self,
        request: Request<()>,
        body: impl IntoIterator<Item = Bytes>,
    ) -> Result<Response<RecvStream>, Http2Error> {
        let _waiting = Waiting::new(&self.waiting);
        let mut send = self.send.clone().ready().await.map_err(Http2Error::Unsent)?;
        let (response, mut stream) = send.send_request(request, false).map_err(Http2Error::Unsent)?;
        let mut slices = body.into_iter().filter(|slice| !slice.is_empty()).peekable();
        let mut sent = Ok(());
        if slices.peek().is_none() {
            sent = stream.send_data(Bytes::new(), true);
        }
        while let (true, Some(slice)) = (sent.is_ok(), slices.next()) {
            sent = stream.send_data(slice, slices.peek().is_none());
        }
        // A server may answer and end the stream before it has read everything, so its answer comes first.
        answered(response, sent.err()).await
    }
}

async fn answered(
    response: ResponseFuture,
    unsent: Option<h2::Error>,
) -> Result<Response<RecvStream>, Http2Error> {
    response.await.map_err(|error| {
        let untouched = error.reason() == Some(Reason::REFUSED_STREAM)
            || error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR);
        if untouched { Http2Error::Unsent(error) } else { Http2Error::Broken(unsent.unwrap_or(error)) }
    })
}

/// The next piece of a body, for which the server then gets new room.
pub(super) async fn next_piece(body: &mut RecvStream) -> Option<Result<Bytes, h2::Error>> {
    let piece = body.data().await?;
    if let Ok(piece) = &piece {
        // Fails only where the stream is over, which then needs no room.
        let _ = body.flow_control().release_capacity(piece.len());
    }
    Some(piece)
}

/// Runs a connection until it ends, and says why.
async fn drive(
    connection: Connection<Wire, Bytes>,
    pinging: Option<(PingPong, KeepAlive)>,
    heard: &AtomicBool,
    waiting: &AtomicUsize,
) -> String {
    let silent = async {
        match pinging {
            Some((ping, keep_alive)) => ask_when_silent(ping, keep_alive, heard, waiting).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = connection => match ended {
            Ok(()) => "the server closed the connection".to_owned(),
            Err(error) => error.to_string(),
        },
        () = silent => "the server is silent: keepalive ping failed to receive ACK within timeout".to_owned(),
    }
}

/// Returns when the server does not answer a ping.
async fn ask_when_silent(
    mut ping: PingPong,
    keep_alive: KeepAlive,
    heard: &AtomicBool,
    waiting: &AtomicUsize,
) {
    loop {
        heard.store(false, Ordering::Relaxed);
        sleep(keep_alive.time).await;
        let idle = waiting.load(Ordering::Relaxed) == 0 && !keep_alive.always;
        if idle || heard.load(Ordering::Relaxed) {
            continue;
        }
        match timeout(keep_alive.timeout, ping.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            // The connection is over anyway, which is told by itself.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return,
        }
    }
}

/// A request that waits for its answer.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;

    use super::*;

    /// A connection to somebody who says that HTTP/2 is spoken and then `answers` to pings, or nothing more.
    async fn connected(keep_alive: KeepAlive, answers: bool) -> Http2 {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        tokio::spawn(async move {
            if answers {
                let mut connection = h2::server::handshake(theirs).await.unwrap();
                let _streams = connection.accept().await;
                let _ = connection.accept().await;
                return;
            }
            theirs.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
            while theirs.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
        });
        Http2::start(&Surroundings::bare(), Wire::unix(ours), Some(keep_alive), 1024).await.unwrap()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_no_ping_is_left() {
        let keep_alive = KeepAlive { time: 10 * SECOND, timeout: 5 * SECOND, always: false };
        let connection = connected(keep_alive, false).await;
        let begun = tokio::time::Instant::now();
        let request = Request::post("http://server/").body(()).unwrap();
        let error = connection.send(request, []).await.unwrap_err();
        assert!(matches!(error, Http2Error::Broken(_)));
        assert!((10..=25).contains(&begun.elapsed().as_secs()));
        assert!(connection.ended().await.contains("silent"));
    }

    #[tokio::test(start_paused = true)]
    async fn without_requests_only_those_who_want_it_are_asked() {
        let keep_alive = KeepAlive { time: 10 * SECOND, timeout: 5 * SECOND, always: false };
        let connection = connected(keep_alive, false).await;
        assert!(timeout(100 * SECOND, connection.ended()).await.is_err());
        let connection = connected(KeepAlive { always: true, ..keep_alive }, false).await;
        timeout(100 * SECOND, connection.ended()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_pings_may_take_its_time() {
        let keep_alive = KeepAlive { time: 10 * SECOND, timeout: 5 * SECOND, always: true };
        let connection = connected(keep_alive, true).await;
        let request = Request::post("http://server/").body(()).unwrap();
        assert!(timeout(1000 * SECOND, connection.send(request, [])).await.is_err());
        assert!(connection.is_open());
    }
}
