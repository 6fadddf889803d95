//! Answers over HTTP.

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use otel_core::component::Status;
use otel_core::config::format_duration;
use otel_core::net::{Handler, Peer, Reply};
use serde_json::{Map, Value, json};

use super::extension::State;
use super::health::Aggregate;
use super::{HealthCheckConfig, ResponseBody};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers yes or no.
#[derive(Clone)]
pub(super) struct LegacyHandler {
    state: Arc<State>,
    path: Arc<str>,
    body: Option<ResponseBody>,
}

impl LegacyHandler {
    pub(super) fn new(state: Arc<State>, config: &HealthCheckConfig) -> Self {
        Self { state, path: config.path.as_str().into(), body: config.response_body.clone() }
    }
}

impl Handler for LegacyHandler {
    async fn handle(&self, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        let path = request.uri().path();
        // A path that ends with a slash stands for everything below it.
        if path != &*self.path && !(self.path.ends_with('/') && path.starts_with(&*self.path)) {
            return answer(StatusCode::NOT_FOUND, TEXT, "404 page not found\n".to_owned());
        }
        let available = self.state.available();
        let code = if available.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        if let Some(ResponseBody { healthy, unhealthy }) = &self.body {
            let body = if available.is_ok() { healthy } else { unhealthy };
            return answer(code, TEXT, body.clone());
        }
        let body = match available {
            Ok(ready) => json!({
                "status": "Server available",
                "upSince": rfc3339(ready.since),
                "uptime": format_duration(ready.begun.elapsed()),
            }),
            Err(reason) => {
                let mut body = json!({"status": "Server not available", "upSince": "0001-01-01T00:00:00Z", "uptime": ""});
                if let Some(reason) = reason {
                    body["reason"] = Value::from(reason);
                }
                body
            }
        };
        answer(code, JSON, body.to_string())
    }
}

/// Answers with the status of the collector or of a pipeline.
#[derive(Clone)]
pub(super) struct StatusHandler {
    state: Arc<State>,
    path: Option<Arc<str>>,
}

impl StatusHandler {
    pub(super) fn new(state: Arc<State>, path: Option<&str>) -> Self {
        Self { state, path: path.map(Arc::from) }
    }
}

impl Handler for StatusHandler {
    async fn handle(&self, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        if self.path.as_deref() != Some(request.uri().path()) {
            return answer(StatusCode::NOT_FOUND, TEXT, "404 page not found\n".to_owned());
        }
        let query = Query::read(request.uri().query().unwrap_or_default());
        let Some(health) = self.state.health(query.pipeline.as_deref()) else {
            return Response::builder()
                .status(StatusCode::NOT_FOUND)
                .body(Reply::default())
                .expect("the status is a constant");
        };
        let code = StatusCode::from_u16(health.http_status()).expect("these codes are valid");
        let mut body = Map::new();
        body.insert("start_time".to_owned(), Value::from(rfc3339(self.state.created())));
        self.describe(&health, query.verbose, &mut body);
        answer(code, JSON, Value::Object(body).to_string())
    }
}

impl StatusHandler {
    fn describe(&self, health: &Aggregate, verbose: bool, out: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
        put("healthy", self.state.is_healthy(health).into());
        put("status", health.status.as_ref().map_or("StatusNone", Status::as_str).into());
        if let Some(error) = health.error() {
            put("error", error.into());
        }
        put("status_time", rfc3339(health.time).into());
        put("attributes", Value::Object(Map::new()));
        if verbose && !health.parts.is_empty() {
            let parts = health.parts.iter().map(|(name, part)| {
                let mut described = Map::new();
                self.describe(part, verbose, &mut described);
                (name.clone(), Value::Object(described))
            });
            put("components", Value::Object(parts.collect()));
        }
    }
}

/// What is asked for.
#[derive(Debug, Default, PartialEq)]
struct Query {
    pipeline: Option<String>,
    verbose: bool,
}

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "pipeline" if !value.is_empty() => {
                    query.pipeline = Some(value.replace("%2F", "/").replace("%2f", "/"));
                }
                "verbose" => query.verbose = value != "false",
                _ => {}
            }
        }
        query
    }
}

fn answer(code: StatusCode, content_type: HeaderValue, body: String) -> Response<Reply> {
    let response = Response::builder().status(code).header(header::CONTENT_TYPE, content_type);
    response.body(Reply::new(body)).expect("the headers are constants")
}

fn rfc3339(time: SystemTime) -> String {
    // A clock beyond the year 9999 shows as the beginning of time.
    jiff::Timestamp::try_from(time).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_pipeline_and_asks_for_details() {
        let query = Query::read("verbose&pipeline=traces%2Feu");
        assert_eq!(query, Query { pipeline: Some("traces/eu".to_owned()), verbose: true });
        assert_eq!(Query::read("verbose=false&pipeline="), Query::default());
    }
}
