//! A server of a test's own, and a key.

use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use otel_core::component::{ComponentKind, Task};
use otel_core::config::Optional;
use otel_core::net::tls::TlsServerConfig;
use otel_core::net::{Handler, HttpServerConfig, Peer, Reply, Stopper, serve};
use otel_core::testing::{TestHost, TestIdentity};
use tokio::time::Instant;

/// An RSA key for tests, which nothing else trusts.
pub(super) const RSA_KEY: &str = include_str!("testing_rsa.pem");

/// A server that answers as a test wants.
pub(super) struct Web {
    /// Where it is, without a slash at the end.
    pub(super) url: String,
    stopper: Stopper,
    task: Task,
    _host: TestHost,
}

/// A status and JSON.
pub(super) type Answers = (u16, String);

type Answer = dyn FnMut(&Parts, &str) -> Answers + Send;

#[derive(Clone)]
struct Answering {
    answer: Arc<Mutex<Answer>>,
}

impl Handler for Answering {
    async fn handle(&self, request: Request<Incoming>, _: Peer) -> Response<Reply> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let (status, json) = (self.answer.lock().unwrap())(&head, &body);
        let response = Response::builder().status(status).header("content-type", "application/json");
        response.body(Reply::new(json)).unwrap()
    }
}

impl Web {
    /// Serves HTTP, with TLS where there is a certificate.
    pub(super) async fn serve(
        identity: Option<&TestIdentity>,
        answer: impl FnMut(&Parts, &str) -> Answers + Send + 'static,
    ) -> Self {
        let host = TestHost::new(ComponentKind::Extension, "web");
        let mut config = HttpServerConfig::at("127.0.0.1:0");
        if let Some(identity) = identity {
            let mut tls = TlsServerConfig::default();
            tls.common.cert_pem = identity.certificate.as_str().into();
            tls.common.key_pem = identity.key.as_str().into();
            config.tls = Optional::some(tls);
        }
        let options = config.options(host.host().logger()).unwrap();
        let listener = config.listen(&host.host()).await.unwrap();
        let scheme = if identity.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.bound()).replace("127.0.0.1", "localhost");
        let stopper = Stopper::default();
        let handler = Answering { answer: Arc::new(Mutex::new(answer)) };
        let stop = stopper.listen();
        let task = host.host().spawn("web", async move {
            serve(listener, options, handler, stop).await;
            Ok(())
        });
        Self { url, stopper, task, _host: host }
    }

    /// Ends it.
    pub(super) async fn stop(self) {
        self.stopper.stop(Instant::now());
        self.task.ended().await;
    }
}
