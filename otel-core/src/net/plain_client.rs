//! Requests over HTTP/1.1, for what is sent now and then.

use std::io;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The longest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// Posts to one URL, with a connection for each request.
#[derive(Debug, Clone)]
pub struct PlainHttpClient {
    url: Uri,
    headers: HeaderMap,
}

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlainClientError {
    /// The URL is not one to post to.
    #[error("invalid URL \"{url}\", allowed: http://host[:port][/path]")]
    Url {
        /// The URL.
        url: String,
    },
    /// There is no connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The connection ended, or what came is not HTTP.
    #[error("the connection failed: {0}")]
    Connection(#[from] hyper::Error),
    /// The server refused the request.
    #[error("the server answered {status}: {body}")]
    Status {
        /// The status.
        status: http::StatusCode,
        /// What it said.
        body: String,
    },
}

impl PlainHttpClient {
    /// A client for a URL; where that has no path, `path` is appended.
    ///
    /// # Errors
    /// The URL is not one of HTTP.
    pub fn new(url: &str, path: &str, mut headers: HeaderMap) -> Result<Self, PlainClientError> {
        let invalid = || PlainClientError::Url { url: url.to_owned() };
        let complete = match url.parse::<Uri>() {
            Ok(parsed) if matches!(parsed.path(), "" | "/") => format!("{}{path}", url.trim_end_matches('/')),
            _ => url.to_owned(),
        };
        let parsed: Uri = complete.parse().map_err(|_| invalid())?;
        let authority = parsed.authority().ok_or_else(invalid)?;
        if parsed.scheme_str() != Some("http") || authority.as_str().contains('@') {
            return Err(invalid());
        }
        let host = HeaderValue::try_from(authority.as_str()).map_err(|_| invalid())?;
        headers.insert(header::HOST, host);
        Ok(Self { url: parsed, headers })
    }

    /// Posts a body and gives the answer's. Dropping the future ends the connection.
    ///
    /// # Errors
    /// The server could not be reached, or did not answer with success.
    pub async fn post(&self, body: Bytes) -> Result<Bytes, PlainClientError> {
        let host = self.url.host().unwrap_or_default();
        let port = self.url.port_u16().unwrap_or(80);
        let address = format!("{host}:{port}");
        let stream = TcpStream::connect(&address)
            .await
            .map_err(|source| PlainClientError::Connect { address, source })?;
        self.send(stream, body).await
    }

    async fn send<T>(&self, stream: T, body: Bytes) -> Result<Bytes, PlainClientError>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.path().parse().unwrap_or_default();
        *request.headers_mut() = self.headers.clone();
        let exchange = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body =
                Limited::new(body, MAX_ANSWER).collect().await.map(http_body_util::Collected::to_bytes);
            Ok((head.status, body.unwrap_or_default()))
        };
        tokio::pin!(exchange, connection);
        let mut open = true;
        let answered: Result<_, hyper::Error> = loop {
            tokio::select! {
                biased;
                answered = &mut exchange => break answered,
                // Where the connection ends, the exchange does so too, with its answer or its error.
                _ = &mut connection, if open => open = false,
            }
        };
        let (status, body) = answered?;
        if status.is_success() {
            return Ok(body);
        }
        let body = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        Err(PlainClientError::Status { status, body })
    }
}
