//! Reading what is at a URL.

use std::io;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::tls::TlsClient;

/// The most redirections that are followed, as in Go.
const MAX_REDIRECTS: usize = 10;

/// Something at a URL that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL is not one to read from, or redirects to one that isn't.
    #[error("invalid URL, allowed: http://host[:port]/path or https://…")]
    Url,
    /// There is no connection.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The connection ended, or what came is not HTTP.
    #[error("the connection failed")]
    Connection(#[from] hyper::Error),
    /// The server did not answer with 200.
    #[error("status code: {}", .0.as_u16())]
    Status(StatusCode),
    /// The body broke off, or is longer than allowed.
    #[error("the answer could not be read: {0}")]
    Body(String),
    /// One redirection led to the next too often.
    #[error("stopped after {MAX_REDIRECTS} redirects")]
    Redirects,
}

/// Reads what is at a URL of `http` or `https`, at most `limit` bytes, following redirections. Dropping the future ends
/// the connection. There is no other bound on the time it takes.
///
/// # Errors
/// There is nothing to read, or not within the limit.
pub async fn fetch(url: &str, tls: &TlsClient, limit: usize) -> Result<Bytes, FetchError> {
    let mut url: Uri = url.parse().map_err(|_| FetchError::Url)?;
    for _ in 0..=MAX_REDIRECTS {
        match get(&url, tls, limit).await? {
            Answer::Body(body) => return Ok(body),
            Answer::Elsewhere(location) => url = resolve(&url, &location)?,
        }
    }
    Err(FetchError::Redirects)
}

enum Answer {
    Body(Bytes),
    Elsewhere(String),
}

async fn get(url: &Uri, tls: &TlsClient, limit: usize) -> Result<Answer, FetchError> {
    let (host, secure) = match (url.host(), url.scheme_str()) {
        (Some(host), Some("http")) => (host, false),
        (Some(host), Some("https")) => (host, true),
        _ => return Err(FetchError::Url),
    };
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let address = format!("{host}:{port}");
    let failed = |source| FetchError::Connect { address: address.clone(), source };
    let stream = TcpStream::connect(&address).await.map_err(failed)?;
    if secure {
        let stream = tls.connect(host, stream).await.map_err(failed)?;
        exchange(url, stream, limit).await
    } else {
        exchange(url, stream, limit).await
    }
}

async fn exchange<S>(url: &Uri, stream: S, limit: usize) -> Result<Answer, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let (head, body) = sender.send_request(request(url)?).await?.into_parts();
        if head.status.is_redirection() && head.headers.contains_key(header::LOCATION) {
            let location = head.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
            return location.map(|to| Answer::Elsewhere(to.to_owned())).ok_or(FetchError::Url);
        }
        if head.status != StatusCode::OK {
            return Err(FetchError::Status(head.status));
        }
        let body = Limited::new(body, limit).collect().await;
        let body = body.map_err(|error| FetchError::Body(error.to_string()))?;
        Ok(Answer::Body(body.to_bytes()))
    };
    tokio::pin!(answer, connection);
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            // Where the connection ends the answer does so too, with what has come or with an error.
            _ = &mut connection, if open => open = false,
        }
    }
}

fn request(url: &Uri) -> Result<Request<Empty<Bytes>>, FetchError> {
    let authority = url.authority().ok_or(FetchError::Url)?.as_str();
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().uri(path).header(header::HOST, host);
    if let Some(user) = user {
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, user);
        let mut value = HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| FetchError::Url)?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    request.body(Empty::new()).map_err(|_| FetchError::Url)
}

/// Where a redirection leads: another URL, or another path of the same server.
fn resolve(from: &Uri, location: &str) -> Result<Uri, FetchError> {
    if location.starts_with("http:") || location.starts_with("https:") {
        return location.parse().map_err(|_| FetchError::Url);
    }
    let mut parts = from.clone().into_parts();
    let path = if location.starts_with('/') {
        location.to_owned()
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{location}")
    };
    parts.path_and_query = Some(path.parse().map_err(|_| FetchError::Url)?);
    Uri::from_parts(parts).map_err(|_| FetchError::Url)
}
