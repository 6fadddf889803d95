//! Export requests as SDKs send them, made with prost from a seed: the same telemetry on every run.
//!
//! Each request is one resource with a few scopes and 1,000 items: spans of about 440 bytes with 10 attributes,
//! log records of about 500 bytes with 10 attributes, or data points of the five kinds. In every item the third
//! attribute is `http.response.status_code`; one item in twenty has a status of 500 or above.

mod logs;
mod metrics;
mod traces;

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use rand::RngExt;
use rand::rngs::StdRng;

pub use logs::logs;
pub use metrics::metrics;
pub use traces::traces;

/// Items in a request.
pub const ITEMS: usize = 1_000;

/// Distinct requests that a benchmark takes in turn, so that no branch predictor learns one by heart.
pub const DISTINCT: u64 = 4;

/// The attribute that every item has in third place.
pub const STATUS_CODE: &str = "http.response.status_code";

/// The requests of seeds 0 to [`DISTINCT`].
pub fn requests<M>(make: fn(u64) -> M) -> Vec<M> {
    (0..DISTINCT).map(make).collect()
}

/// As [`requests`], encoded.
pub fn encoded<M: Message>(make: fn(u64) -> M) -> Vec<Bytes> {
    requests(make).iter().map(|request| Bytes::from(request.encode_to_vec())).collect()
}

/// An attribute.
pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

pub(crate) fn text(value: impl Into<String>) -> Value {
    Value::StringValue(value.into())
}

pub(crate) fn int(value: i64) -> Value {
    Value::IntValue(value)
}

/// One of `values`.
pub(crate) fn pick<T: Copy>(rng: &mut StdRng, values: &[T]) -> T {
    values[rng.random_range(0..values.len())]
}

/// A random id.
pub(crate) fn id<const N: usize>(rng: &mut StdRng) -> Vec<u8> {
    rng.random::<[u8; N]>().to_vec()
}

/// A status code: one in twenty is 500 or above.
pub(crate) fn status_code(rng: &mut StdRng) -> i64 {
    if rng.random_ratio(1, 20) {
        pick(rng, &[500, 502, 503])
    } else {
        pick(rng, &[200, 200, 201, 204, 302, 404])
    }
}

/// The resource of one service instance.
pub(crate) fn resource(rng: &mut StdRng) -> Resource {
    Resource {
        attributes: vec![
            attribute("service.name", text(pick(rng, &["checkout", "cart", "frontend", "recommendation"]))),
            attribute("service.namespace", text("shop")),
            attribute("service.instance.id", text(format!("checkout-{:016x}", rng.random::<u64>()))),
            attribute("telemetry.sdk.language", text("java")),
            attribute("telemetry.sdk.name", text("opentelemetry")),
            attribute("telemetry.sdk.version", text("1.61.0")),
            attribute("k8s.pod.name", text(format!("checkout-{:08x}-x2x7p", rng.random::<u32>()))),
            attribute("process.pid", int(rng.random_range(1..60_000))),
        ],
        ..Default::default()
    }
}

/// The scope of one instrumentation library.
pub(crate) fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope { name: name.into(), version: "2.27.0-alpha".into(), ..Default::default() }
}

/// The libraries of which each request has a scope.
pub(crate) const SCOPES: [&str; 4] = [
    "io.opentelemetry.tomcat-10.0",
    "io.opentelemetry.jdbc",
    "io.opentelemetry.kafka-clients-2.6",
    "com.shop.checkout",
];

/// The ten attributes of a request that a server handled: the third is [`STATUS_CODE`].
pub(crate) fn http_attributes(rng: &mut StdRng, status: i64) -> Vec<KeyValue> {
    let route = pick(rng, &["/api/cart", "/api/products/{id}", "/api/checkout", "/api/users/{user}/orders"]);
    vec![
        attribute("http.request.method", text(pick(rng, &["GET", "GET", "GET", "POST", "DELETE"]))),
        attribute("url.scheme", text("https")),
        attribute(STATUS_CODE, int(status)),
        attribute("http.route", text(route)),
        attribute("url.path", text(path(rng, route))),
        attribute("server.address", text(pick(rng, &["shop.example.com", "api.shop.example.com"]))),
        attribute("server.port", int(pick(rng, &[443, 8443, 80]))),
        attribute("network.protocol.version", text(pick(rng, &["1.1", "2"]))),
        attribute("user.id", text(format!("u-{}", rng.random_range(1_000..9_999_999)))),
        attribute(
            "user_agent.original",
            text(pick(rng, &["okhttp/4.12.0 (Android 15; Pixel 9)", "Mozilla/5.0 (X11; Linux x86_64)"])),
        ),
    ]
}

/// A path that matches the route; one in a hundred is not ASCII.
fn path(rng: &mut StdRng, route: &str) -> String {
    let place = if rng.random_ratio(1, 100) {
        "crème-brûlée".to_owned()
    } else {
        rng.random_range(1..100_000).to_string()
    };
    route.replace("{id}", &place).replace("{user}", &place)
}
