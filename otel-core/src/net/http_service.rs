//! What an HTTP server does around its handler.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use super::auth::ResolveError;
use super::guarded::Guarded;
use super::{CorsConfig, Handler, HttpServerConfig, Peer, Reply};
use crate::component::Host;

const PREFLIGHT_VARY: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
const VARY: HeaderValue = HeaderValue::from_static("Origin");
const DEFAULT_HEADERS: [&str; 3] = ["accept", "content-type", "x-requested-with"];

/// A handler within what the configuration of its server says: the headers of every answer, and cross-origin resource
/// sharing, whose preflight requests are answered here. Nothing of a request that may not come in is read; what an
/// authenticator found out is among the extensions of the request, as `Arc<dyn Authentication>`.
#[derive(Debug, Clone)]
pub struct HttpService<H> {
    handler: Guarded<H>,
    around: Option<Arc<Around>>,
}

#[derive(Debug)]
struct Around {
    headers: HeaderMap,
    cors: Option<Cors>,
}

#[derive(Debug)]
struct Cors {
    /// The parts before and after the `*` of each origin, in lower case; nothing for any origin.
    origins: Option<Vec<(String, Option<String>)>>,
    /// In lower case; nothing for any.
    headers: Option<Vec<String>>,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

impl<H> HttpService<H> {
    /// The handler within what the configuration says. Call it when the component starts.
    ///
    /// # Errors
    /// An extension that the configuration names does not run or does something else.
    pub fn new(config: &HttpServerConfig, host: &Host, handler: H) -> Result<Self, ResolveError> {
        let handler = Guarded::http(config, host, handler)?;
        let cors = config.cors.get().filter(|cors| !cors.allowed_origins.is_empty()).map(Cors::new);
        let headers = config.headers();
        let around = (cors.is_some() || !headers.is_empty()).then(|| Arc::new(Around { headers, cors }));
        Ok(Self { handler, around })
    }
}

impl<H: Handler> Handler for HttpService<H> {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let Some(around) = &self.around else { return self.handler.handle(request, peer).await };
        let mut headers = around.headers.clone();
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = match &around.cors {
            Some(cors) if preflight => {
                cors.preflight(request.headers(), &mut headers);
                let mut response = Response::new(Reply::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            Some(cors) => {
                cors.actual(request.method(), request.headers(), &mut headers);
                self.handler.handle(request, peer).await
            }
            None => self.handler.handle(request, peer).await,
        };
        // What the handler says of its answer wins.
        for (name, value) in response.headers() {
            headers.insert(name, value.clone());
        }
        *response.headers_mut() = headers;
        response
    }
}

impl Cors {
    fn new(config: &CorsConfig) -> Self {
        let any = |list: &[String]| list.iter().any(|item| item == "*");
        let origin = |origin: &String| {
            let origin = origin.to_ascii_lowercase();
            match origin.split_once('*') {
                Some((start, end)) => (start.to_owned(), Some(end.to_owned())),
                None => (origin, None),
            }
        };
        let headers: Vec<String> = if config.allowed_headers.is_empty() {
            DEFAULT_HEADERS.map(str::to_owned).into()
        } else {
            config.allowed_headers.iter().map(|name| name.to_ascii_lowercase()).collect()
        };
        let exposed = config.exposed_headers.join(", ");
        Self {
            origins: (!any(&config.allowed_origins))
                .then(|| config.allowed_origins.iter().map(origin).collect()),
            headers: (!any(&config.allowed_headers)).then_some(headers),
            exposed: HeaderValue::from_str(&exposed).ok().filter(|value| !value.is_empty()),
            max_age: (config.max_age != 0).then(|| HeaderValue::from(config.max_age.max(0))),
        }
    }

    fn preflight(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        answer.append(header::VARY, PREFLIGHT_VARY);
        let Some(origin) = self.allowed_origin(request) else { return };
        let method = request.get(header::ACCESS_CONTROL_REQUEST_METHOD);
        let Some(method) = method.filter(|method| is_allowed_method(method.as_bytes())) else { return };
        let wanted: Vec<&HeaderValue> =
            request.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter().collect();
        if !wanted.iter().all(|names| self.allows_headers(names)) {
            return;
        }
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        for names in wanted.into_iter().filter(|names| !names.is_empty()) {
            answer.append(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        if let Some(max_age) = &self.max_age {
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, max_age.clone());
        }
        share(origin, answer);
    }

    fn actual(&self, method: &Method, request: &HeaderMap, answer: &mut HeaderMap) {
        answer.append(header::VARY, VARY);
        let Some(origin) = self.allowed_origin(request) else { return };
        if !is_allowed_method(method.as_str().as_bytes()) {
            return;
        }
        if let Some(exposed) = &self.exposed {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        share(origin, answer);
    }

    /// The origin with which the answer may be shared.
    fn allowed_origin(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(header::ORIGIN).filter(|origin| !origin.is_empty())?;
        let Some(origins) = &self.origins else { return Some(HeaderValue::from_static("*")) };
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        let allowed = origins.iter().any(|(start, end)| match end {
            None => text == *start,
            Some(end) => {
                text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
            }
        });
        allowed.then(|| origin.clone())
    }

    fn allows_headers(&self, names: &HeaderValue) -> bool {
        let Some(allowed) = &self.headers else { return true };
        let Ok(names) = names.to_str() else { return false };
        let mut names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.all(|name| allowed.iter().any(|allowed| name.eq_ignore_ascii_case(allowed)))
    }
}

fn is_allowed_method(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"POST" | b"HEAD" | b"OPTIONS")
}

fn share(origin: HeaderValue, answer: &mut HeaderMap) {
    const TRUE: HeaderValue = HeaderValue::from_static("true");
    const CREDENTIALS: HeaderName = header::ACCESS_CONTROL_ALLOW_CREDENTIALS;
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(CREDENTIALS, TRUE);
}
