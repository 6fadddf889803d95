//! Asking the servers of extensions.

use std::net::SocketAddr;

use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What a server answered.
pub(super) struct Answer {
    pub(super) code: StatusCode,
    pub(super) content_type: String,
    pub(super) body: String,
}

/// Gets a page, over a connection of its own.
pub(super) async fn get(address: SocketAddr, path: &str) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header("host", "localhost").body(Empty::<bytes::Bytes>::new());
    let (head, body) = send.send_request(request.unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    connection.abort();
    let content_type = head.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
    let (content_type, body) = (content_type.to_owned(), String::from_utf8(body.to_vec()).unwrap());
    Answer { code: head.status, content_type, body }
}
