use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::{Handler, Listener, Peer, Reply, ServerOptions, Stopper, Transport, serve};

const LONG: Duration = Duration::from_secs(20);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// Answers `/`, panics at `/panic`, and never answers anything else.
#[derive(Clone, Default)]
struct Scripted {
    running: Arc<AtomicUsize>,
}

struct Run(Arc<AtomicUsize>);

impl Drop for Run {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Handler for Scripted {
    async fn handle(&self, request: Request<Incoming>, _: Peer) -> Response<Reply> {
        self.running.fetch_add(1, Ordering::SeqCst);
        let _run = Run(Arc::clone(&self.running));
        match request.uri().path() {
            "/" => Response::new(Reply::new("hello")),
            "/panic" => panic!("as told"),
            _ => std::future::pending().await,
        }
    }
}

type Bound = fn(&mut ServerOptions) -> &mut Duration;

struct Server {
    address: SocketAddr,
    handler: Scripted,
    stopper: Stopper,
    task: JoinHandle<()>,
}

async fn start(options: ServerOptions) -> Server {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.address().unwrap();
    let (handler, stopper) = (Scripted::default(), Stopper::default());
    let task = tokio::spawn(serve(listener, options, handler.clone(), stopper.listen()));
    Server { address, handler, stopper, task }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Waits until that many requests are being answered.
    async fn runs(&self, requests: usize) {
        let running = async {
            while self.handler.running.load(Ordering::SeqCst) != requests {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, running).await.unwrap();
    }
}

/// Everything that comes until the end of the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("the connection ends");
    String::from_utf8(rest).unwrap()
}

#[tokio::test]
async fn nothing_runs_any_more_when_the_server_has_ended() {
    let server = start(ServerOptions::default()).await;
    let mut one = server.connect().await;
    one.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let io = TokioIo::new(server.connect().await);
    let (mut two, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = || Request::get("http://x/never").body(Empty::<Bytes>::new()).unwrap();
    let answers = [two.send_request(request()), two.send_request(request())].map(tokio::spawn);
    server.runs(3).await;

    server.stopper.stop(Instant::now());
    timeout(LONG, server.task).await.unwrap().unwrap();
    assert_eq!(server.handler.running.load(Ordering::SeqCst), 0);
    for answer in answers {
        assert!(answer.await.unwrap().is_err());
    }
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_and_counted() {
    let options = ServerOptions { max_connections: 1, ..ServerOptions::default() };
    let refused = options.failures.refused.clone();
    let server = start(options).await;
    let mut first = server.connect().await;
    first.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.runs(1).await;
    assert_eq!(rest(&mut server.connect().await).await, "");
    assert_eq!(refused.value(), 1);
}

#[tokio::test]
async fn a_panic_ends_its_connection_only() {
    let options = ServerOptions::default();
    let panicked = options.failures.panicked.clone();
    let server = start(options).await;
    let mut other = server.connect().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(panicked.value(), 1);
    other.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(rest(&mut other).await.ends_with("hello"));
}

#[tokio::test]
async fn silent_idle_old_and_late_connections_end() {
    let soon = Duration::from_millis(50);
    let cases: [(&[u8], bool, Bound); 5] = [
        (b"", true, |options| &mut options.handshake_timeout),
        (b"GET / HTTP/1.1\r\nho", true, |options| &mut options.read_header_timeout),
        (GET, false, |options| &mut options.idle_timeout),
        (GET, false, |options| &mut options.max_age),
        (b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n", true, |options| &mut options.answer_timeout),
    ];
    for (bytes, is_failure, bound) in cases {
        let mut options = ServerOptions::default();
        *bound(&mut options) = soon;
        let timeouts = options.failures.timeout.clone();
        let server = start(options).await;
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        assert_eq!(rest(&mut stream).await.ends_with("hello"), bytes == GET);
        assert_eq!(timeouts.value(), u64::from(is_failure));
    }
}

#[tokio::test]
async fn old_connections_have_their_grace_and_no_more() {
    let soon = Duration::from_millis(20);
    let options = ServerOptions { max_age: soon, max_age_grace: soon, ..ServerOptions::default() };
    let server = start(options).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    server.runs(0).await;
}

#[tokio::test]
async fn a_unix_socket_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = Listener::bind_to(Transport::Unix, path.to_str().unwrap()).await.unwrap();
    let stopper = Stopper::default();
    let options = ServerOptions::default();
    let server = tokio::spawn(serve(listener, options, Scripted::default(), stopper.listen()));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut answer = vec![0; 15];
    timeout(LONG, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    stopper.stop(Instant::now() + LONG);
    timeout(LONG, server).await.unwrap().unwrap();
    assert!(!path.exists());
}
