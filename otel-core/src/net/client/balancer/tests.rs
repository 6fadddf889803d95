use std::collections::HashSet;
use std::io;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::net::client::http2::Http2Error;
use crate::net::client::proxy::Proxies;

#[test]
fn pauses_grow_to_a_bound() {
    let mut pauses = Pauses::default();
    let near = |pause: Duration, seconds: f64| (pause.as_secs_f64() / seconds - 1.0).abs() <= 0.2001;
    assert!(near(pauses.next(), 1.0));
    assert!(near(pauses.next(), 1.6));
    for _ in 0..20 {
        pauses.next();
    }
    assert!(near(pauses.next(), 30.0));
}

/// A server that answers with its port as the status' place: each answer's header `port` names it.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    /// Ends each connection after one answer, in an orderly way.
    once: Arc<AtomicBool>,
    end: Arc<Notify>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, once: Arc::default(), end: Arc::default() };
        tokio::spawn(server.clone().accept(listener));
        server
    }

    async fn accept(self, listener: TcpListener) {
        let ending = Arc::clone(&self.end);
        let accepting = async {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(self.clone().serve(stream));
            }
        };
        tokio::select! {
            () = accepting => {}
            () = ending.notified() => {}
        }
    }

    async fn serve(self, stream: tokio::net::TcpStream) {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((_, mut answer))) = connection.accept().await {
            let response = Response::builder().header("port", self.address.port()).body(()).unwrap();
            answer.send_response(response, true).unwrap();
            if self.once.load(Ordering::Relaxed) {
                connection.graceful_shutdown();
            }
        }
    }
}

/// A balancer over addresses that a test changes.
struct Subject {
    balancer: Balancer,
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    looks: Arc<AtomicUsize>,
}

impl Subject {
    fn new(balancing: Balancing, servers: &[&Server]) -> Self {
        let addresses = Arc::new(Mutex::new(servers.iter().map(|server| server.address).collect::<Vec<_>>()));
        let looks = Arc::new(AtomicUsize::new(0));
        let (known, counted) = (Arc::clone(&addresses), Arc::clone(&looks));
        let resolver = Resolver::new(move |host, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            let addresses = known.lock().unwrap().clone();
            async move {
                if addresses.is_empty() {
                    let source = io::Error::new(io::ErrorKind::NotFound, "no addresses");
                    return Err(DialError::Resolve { host, source });
                }
                Ok(addresses)
            }
        });
        let balancer = Balancer::start(Plan {
            endpoint: Endpoint::parse("servers.example:4317").unwrap(),
            name: String::new(),
            secure: false,
            balancing,
            dialer: Dialer { proxies: Proxies::default(), tls: None, proxy_tls: None },
            keep_alive: None,
            gather: 1 << 10,
            resolver,
            surroundings: Surroundings::bare(),
        });
        Self { balancer, addresses, looks }
    }

    fn become_known(&self, servers: &[&Server]) {
        *self.addresses.lock().unwrap() = servers.iter().map(|server| server.address).collect();
    }

    /// The server that answers the next request.
    async fn ask(&self) -> Result<u16, Arc<str>> {
        loop {
            let connection = self.balancer.pick(false).await?;
            let request = Request::post("http://servers.example/").body(()).unwrap();
            match connection.send(request, [Bytes::from_static(b"?")]).await {
                Ok(response) => {
                    assert_eq!(response.status(), StatusCode::OK);
                    return Ok(response.headers()["port"].to_str().unwrap().parse().unwrap());
                }
                Err(Http2Error::Unsent(_)) => connection.retire(),
                Err(Http2Error::Broken(error)) => return Err(error.to_string().into()),
            }
        }
    }

    /// Asks until the servers that answer are these, each asked twice in a row.
    async fn settles_on(&self, servers: &[&Server]) {
        let expected: HashSet<u16> = servers.iter().map(|server| server.address.port()).collect();
        let settled = async {
            loop {
                let mut answered = HashSet::new();
                for _ in 0..servers.len() * 2 {
                    answered.extend(self.ask().await.ok());
                }
                if answered == expected {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        timeout(Duration::from_secs(600), settled).await.expect("the balancer settles");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_take_every_address_in_turn() {
    let (one, two, three) = (Server::start().await, Server::start().await, Server::start().await);
    let subject = Subject::new(Balancing::RoundRobin, &[&one, &two, &three]);
    subject.settles_on(&[&one, &two, &three]).await;
    let mut counts = HashMap::new();
    for _ in 0..30 {
        *counts.entry(subject.ask().await.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [10, 10, 10]);
    assert_eq!(subject.looks.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_address_that_answers_gets_everything() {
    let (one, two) = (Server::start().await, Server::start().await);
    let nobody = Server::start().await;
    nobody.end.notify_one();
    let subject = Subject::new(Balancing::PickFirst, &[&nobody, &one, &two]);
    // Whether it is gone already is for the system to know, so the first answers are not counted.
    subject.settles_on(&[&one]).await;
    one.end.notify_one();
    subject.settles_on(&[&two]).await;
}

#[tokio::test(start_paused = true)]
async fn lost_connections_lead_to_another_look_at_the_addresses() {
    let (one, two, three) = (Server::start().await, Server::start().await, Server::start().await);
    let subject = Subject::new(Balancing::RoundRobin, &[&one, &two]);
    subject.settles_on(&[&one, &two]).await;
    subject.become_known(&[&one, &three]);
    two.end.notify_one();
    subject.settles_on(&[&one, &three]).await;
    // Not found for a while: those that are connected go on.
    subject.become_known(&[]);
    three.end.notify_one();
    subject.settles_on(&[&one]).await;
}

#[tokio::test(start_paused = true)]
async fn connections_that_servers_end_in_order_cost_no_request() {
    let (one, two) = (Server::start().await, Server::start().await);
    for balancing in [Balancing::RoundRobin, Balancing::PickFirst] {
        let subject = Subject::new(balancing, &[&one, &two]);
        one.once.store(true, Ordering::Relaxed);
        two.once.store(true, Ordering::Relaxed);
        for _ in 0..20 {
            subject.ask().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_server_requests_fail_unless_they_rather_wait() {
    let server = Server::start().await;
    let subject = Subject::new(Balancing::RoundRobin, &[]);
    let told = subject.ask().await.unwrap_err();
    assert_eq!(&*told, "connection error: cannot resolve servers.example: no addresses");
    let waiting = subject.balancer.pick(true);
    let appearing = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        subject.become_known(&[&server]);
    };
    let (picked, ()) = tokio::join!(waiting, appearing);
    assert!(picked.unwrap().is_open());
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_is_told_until_it_answers() {
    let gone = Server::start().await;
    gone.end.notify_one();
    let subject = Subject::new(Balancing::RoundRobin, &[&gone]);
    let refused = async {
        loop {
            if let Err(told) = subject.ask().await {
                return told;
            }
        }
    };
    let told = timeout(Duration::from_secs(60), refused).await.unwrap();
    assert!(told.contains("cannot connect to ") || told.contains("connection"), "{told}");
    let again = TcpListener::bind(gone.address).await.unwrap();
    let server = Server { end: Arc::default(), ..gone };
    tokio::spawn(server.clone().accept(again));
    subject.settles_on(&[&server]).await;
}
