use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use http::Method;

use super::support::client::{Ask, gzip, span};
use otel_core::pdata::{Signal as _, Traces};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    Http,
    Grpc,
    GrpcOverHttp1,
}

/// A request that every collector is asked.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) to: To,
    pub(crate) ask: Ask,
    /// Whether it goes to a collector that cannot hand on what it takes.
    pub(crate) failing: bool,
    /// Whether each collector finds its own words for the answer.
    pub(crate) own_words: bool,
}

impl Case {
    fn http(name: &str, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            name: format!("http: {name}"),
            to: To::Http,
            ask: Ask::http(content_type, body),
            failing: false,
            own_words: false,
        }
    }

    /// With one message.
    fn grpc(name: &str, flag: u8, message: &[u8]) -> Self {
        Self {
            name: format!("grpc: {name}"),
            to: To::Grpc,
            ask: Ask::grpc(flag, message),
            failing: false,
            own_words: false,
        }
    }

    /// With this body instead.
    fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.ask.body = body.into();
        self
    }

    fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.ask.path);
        self
    }

    fn method(mut self, method: Method) -> Self {
        self.ask.method = method;
        self
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.ask = self.ask.header(name, value);
        self
    }

    fn without_header(mut self, name: &str) -> Self {
        self.ask.headers.retain(|(other, _)| *other != name);
        self
    }

    fn failing(mut self) -> Self {
        self.failing = true;
        self.own_words()
    }

    fn own_words(mut self) -> Self {
        self.own_words = true;
        self
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = http_bodies();
    cases.extend(http_requests());
    cases.extend(http_encodings());
    cases.extend(grpc_messages());
    cases.extend(grpc_requests());
    cases
}

/// One span.
fn protobuf() -> Bytes {
    Traces::from_json(span("one").as_bytes()).unwrap().to_bytes()
}

fn spans(of: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{of}}}]}}]}}]}}"#)
}

fn http_bodies() -> Vec<Case> {
    let with_id = |length: usize| {
        // resource_spans.scope_spans.spans.trace_id, each the first field of a message but for the numbers.
        let mut bytes = vec![0x0a, length as u8];
        bytes.extend(std::iter::repeat_n(7, length));
        for tag in [0x12, 0x12, 0x0a] {
            let len = bytes.len() as u8;
            bytes.splice(0..0, [tag, len]);
        }
        bytes
    };
    let name_of_bytes = |bytes: &[u8]| {
        let mut span = vec![0x2a, bytes.len() as u8];
        span.extend(bytes);
        for tag in [0x12, 0x12, 0x0a] {
            let len = span.len() as u8;
            span.splice(0..0, [tag, len]);
        }
        span
    };
    vec![
        Case::http("protobuf", PROTOBUF, protobuf()),
        Case::http("json", JSON, span("one")),
        Case::http("protobuf, empty", PROTOBUF, ""),
        Case::http("json, an empty request", JSON, "{}"),
        Case::http("json, nothing", JSON, "").own_words(),
        Case::http("json, null", JSON, "null").own_words(),
        Case::http("json, an array", JSON, "[]").own_words(),
        Case::http("json, not JSON", JSON, "{\"resourceSpans\"").own_words(),
        Case::http("json, more than one value", JSON, "{} {}").own_words(),
        Case::http("json, unknown keys", JSON, spans(r#""name":"one","colour":"red""#)),
        Case::http("json, keys in snake case", JSON, r#"{"resource_spans":[]}"#),
        Case::http("json, metrics as traces", JSON, r#"{"resourceMetrics":[]}"#),
        Case::http("json, an enum by its name", JSON, spans(r#""kind":"SPAN_KIND_SERVER""#)),
        Case::http("json, an enum by an unknown name", JSON, spans(r#""kind":"BIG""#)).own_words(),
        Case::http("json, an enum by an unknown number", JSON, spans(r#""kind":77"#)),
        Case::http("json, an id that is too short", JSON, spans(r#""traceId":"abcd""#)).own_words(),
        Case::http("json, an id that is not hex", JSON, spans(r#""spanId":"zzzzzzzzzzzzzzzz""#)).own_words(),
        Case::http("json, an empty id", JSON, spans(r#""spanId":"""#)),
        Case::http("json, a number as a text", JSON, spans(r#""startTimeUnixNano":"7""#)),
        Case::http(
            "json, a number that is too large",
            JSON,
            spans(r#""startTimeUnixNano":"99999999999999999999""#),
        )
        .own_words(),
        Case::http("json, a text for a list", JSON, r#"{"resourceSpans":"all"}"#).own_words(),
        Case::http("protobuf, garbage", PROTOBUF, vec![0xff; 64]).own_words(),
        Case::http("protobuf, cut", PROTOBUF, protobuf().slice(..protobuf().len() - 1)).own_words(),
        Case::http("protobuf, JSON", PROTOBUF, span("one")).own_words(),
        Case::http("json, protobuf", JSON, protobuf()).own_words(),
        Case::http("protobuf, an unknown field", PROTOBUF, vec![0xfa, 0x7f, 1, b'x']),
        Case::http("protobuf, an id of 16 bytes", PROTOBUF, with_id(16)),
        Case::http("protobuf, an id of 15 bytes", PROTOBUF, with_id(15)).own_words(),
        Case::http("protobuf, a name that is not UTF-8", PROTOBUF, name_of_bytes(b"\xffone")),
        Case::http("protobuf, too long", PROTOBUF, vec![0; (20 << 20) + 1]).own_words(),
        Case::http("protobuf, that cannot be handed on", PROTOBUF, protobuf()).failing(),
        Case::http("json, that cannot be handed on", JSON, span("one")).failing(),
        Case::http("protobuf, empty, where nothing can be handed on", PROTOBUF, "").failing(),
    ]
}

fn http_requests() -> Vec<Case> {
    let mut cases = vec![
        Case::http("metrics", PROTOBUF, "").path("/v1/metrics"),
        Case::http("a signal without a pipeline", PROTOBUF, "").path("/v1/logs"),
        Case::http("an unknown path", PROTOBUF, protobuf()).path("/v1/spans"),
        Case::http("the root", PROTOBUF, protobuf()).path("/"),
        Case::http("a path with a slash at its end", PROTOBUF, protobuf()).path("/v1/traces/"),
        Case::http("a path with a query", PROTOBUF, protobuf()).path("/v1/traces?tenant=blue"),
        Case::http("a path in capitals", PROTOBUF, protobuf()).path("/V1/TRACES"),
        Case::http("no content type", PROTOBUF, protobuf()).without_header("content-type"),
        Case::http("an unknown method at an unknown path", PROTOBUF, "").path("/x").method(Method::DELETE),
    ];
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
        cases.push(Case::http(&format!("{method}"), PROTOBUF, "").method(method));
    }
    for content_type in [
        "application/x-protobuf; charset=utf-8",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/protobuf",
        "text/plain",
        "application/json, application/x-protobuf",
        "*/*",
        "",
    ] {
        let body = if content_type.to_lowercase().contains("json") { span("one").into() } else { protobuf() };
        cases.push(Case::http(&format!("content type {content_type:?}"), content_type, body));
    }
    cases
}

fn http_encodings() -> Vec<Case> {
    let plain = protobuf();
    let bomb = vec![0; (20 << 20) + 1];
    let mut cases: Vec<Case> = Vec::new();
    for (encoding, body) in [
        ("gzip", gzip(&plain)),
        ("zstd", zstd(&plain)),
        ("zlib", zlib(&plain)),
        ("deflate", zlib(&plain)),
        ("snappy", snappy(&plain)),
        ("x-snappy-framed", snappy_framed(&plain)),
        ("lz4", lz4(&plain)),
        ("", plain.clone()),
    ] {
        let case = Case::http(&format!("encoding {encoding:?}"), PROTOBUF, body);
        cases.push(case.header("content-encoding", encoding));
    }
    for (what, encoding, body) in [
        ("identity", "identity", plain.clone()),
        ("in capitals", "GZIP", gzip(&plain)),
        ("unknown", "br", plain.clone()),
        ("two", "gzip, gzip", gzip(&gzip(&plain))),
        ("deflate without a header", "deflate", deflate(&plain)),
        ("gzip of nothing", "gzip", gzip(b"")),
        ("gzip, nothing", "gzip", Bytes::new()),
        ("gzip, not gzip", "gzip", plain.clone()),
        ("gzip, cut", "gzip", gzip(&plain).slice(..20)),
        ("gzip, two members", "gzip", [gzip(&plain), gzip(&plain)].concat().into()),
        ("gzip, garbage behind it", "gzip", [&gzip(&plain)[..], b"garbage"].concat().into()),
        ("zstd, not zstd", "zstd", plain.clone()),
        ("zlib, not zlib", "zlib", plain.clone()),
        ("snappy, not snappy", "snappy", plain.clone()),
        ("x-snappy-framed, not snappy", "x-snappy-framed", plain.clone()),
        ("lz4, not lz4", "lz4", plain.clone()),
        ("gzip, too long", "gzip", gzip(&bomb)),
        ("zstd, too long", "zstd", zstd(&bomb)),
        ("zlib, too long", "zlib", zlib(&bomb)),
        ("snappy, too long", "snappy", snappy(&bomb)),
        ("x-snappy-framed, too long", "x-snappy-framed", snappy_framed(&bomb)),
        ("lz4, too long", "lz4", lz4(&bomb)),
    ] {
        let case = Case::http(&format!("encoding, {what}"), PROTOBUF, body);
        cases.push(case.header("content-encoding", encoding).own_words());
    }
    let case = Case::http("encoding, unknown, json", JSON, span("one"));
    cases.push(case.header("content-encoding", "br").own_words());
    cases
}

fn grpc_messages() -> Vec<Case> {
    let plain = protobuf();
    let long = vec![0; (4 << 20) + 1];
    let with = |name: &str, body: fn(&[u8]) -> Vec<u8>| {
        let case = Case::grpc(name, 0, &plain).own_words();
        let body = body(&case.ask.body);
        case.body(body)
    };
    let mut cases = vec![
        Case::grpc("a message", 0, &plain),
        Case::grpc("an empty message", 0, b""),
        with("no message", |_| Vec::new()),
        with("half a header", |good| good[..3].to_vec()),
        with("a cut message", |good| good[..good.len() - 1].to_vec()),
        with("two messages", |good| good.repeat(2)),
        Case::grpc("garbage", 0, &[0xff; 64]).own_words(),
        Case::grpc("an unknown format", 2, &plain).own_words(),
        Case::grpc("a long message", 0, &long),
        with("a message that claims to be long", |_| vec![0, 1, 0, 0, 0]),
        Case::grpc("compressed, no encoding", 1, &gzip(&plain)).own_words(),
        Case::grpc("that cannot be handed on", 0, &plain).failing(),
        Case::grpc("an empty message where nothing can be handed on", 0, b"").failing(),
    ];
    for (name, encoding, flag, message) in [
        ("identity", "identity", 0, plain.clone()),
        ("identity, compressed", "identity", 1, gzip(&plain)),
        ("gzip", "gzip", 1, gzip(&plain)),
        ("gzip, a plain message", "gzip", 0, plain.clone()),
        ("gzip, not gzip", "gzip", 1, plain.clone()),
        ("gzip, long", "gzip", 1, gzip(&long)),
        ("zstd", "zstd", 1, zstd(&plain)),
        ("zstd, long", "zstd", 1, zstd(&long)),
        ("snappy", "snappy", 1, snappy_framed(&plain)),
        ("snappy, long", "snappy", 1, snappy_framed(&long)),
        ("an unknown encoding", "br", 1, plain.clone()),
    ] {
        let case = Case::grpc(&format!("encoding, {name}"), flag, &message);
        cases.push(case.header("grpc-encoding", encoding).own_words());
    }
    cases
}

fn grpc_requests() -> Vec<Case> {
    let service =
        |signal: &str, kind: &str| format!("/opentelemetry.proto.collector.{signal}.v1.{kind}Service/Export");
    let case = |name: &str| Case::grpc(name, 0, &protobuf());
    let mut cases = vec![
        Case::grpc("metrics", 0, b"").path(&service("metrics", "Metrics")),
        case("a signal without a pipeline").path(&service("logs", "Logs")),
        case("an unknown service").path("/shop.Orders/Export"),
        case("an unknown method").path(&service("trace", "Trace").replace("Export", "Import")),
        case("a service alone").path("/shop.Orders").own_words(),
        case("no path").path("/").own_words(),
        case("a path of OTLP/HTTP").path("/v1/traces"),
        case("GET").body("").method(Method::GET).own_words(),
        case("PUT").method(Method::PUT).own_words(),
        case("no te header").without_header("te"),
        case("no content type").without_header("content-type").own_words(),
        case("no time left").header("grpc-timeout", "0n").own_words(),
        case("a timeout").header("grpc-timeout", "10S"),
        case("a malformed timeout").header("grpc-timeout", "soon").own_words(),
        case("a timeout with too many digits").header("grpc-timeout", "123456789S").own_words(),
    ];
    for content_type in [
        "application/grpc+proto",
        "application/grpc+json",
        "application/grpc;x",
        "application/grpcweb",
        JSON,
        PROTOBUF,
    ] {
        let case = case(&format!("content type {content_type}"));
        cases.push(case.without_header("content-type").header("content-type", content_type).own_words());
    }
    let mut over_http1 = case("over HTTP/1.1");
    over_http1.to = To::GrpcOverHttp1;
    cases.push(over_http1);
    cases
}

fn compressed<W: Write>(bytes: &[u8], mut encoder: W, finish: fn(W) -> Vec<u8>) -> Bytes {
    encoder.write_all(bytes).unwrap();
    finish(encoder).into()
}

fn deflate(bytes: &[u8]) -> Bytes {
    let encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    compressed(bytes, encoder, |encoder| encoder.finish().unwrap())
}

fn zlib(bytes: &[u8]) -> Bytes {
    let encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    compressed(bytes, encoder, |encoder| encoder.finish().unwrap())
}

fn lz4(bytes: &[u8]) -> Bytes {
    compressed(bytes, lz4_flex::frame::FrameEncoder::new(Vec::new()), |encoder| encoder.finish().unwrap())
}

fn snappy_framed(bytes: &[u8]) -> Bytes {
    compressed(bytes, snap::write::FrameEncoder::new(Vec::new()), |encoder| encoder.into_inner().unwrap())
}

fn snappy(bytes: &[u8]) -> Bytes {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap().into()
}

fn zstd(bytes: &[u8]) -> Bytes {
    zstd::encode_all(bytes, 1).unwrap().into()
}
