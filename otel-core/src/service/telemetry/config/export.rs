use std::time::Duration;

use documented::DocumentedFieldsOpt;

use crate::config::{Decode, Decoder, Fields, FromNode, KeyDocs, MapList, Node, Schema, Secret, Value};
use crate::net::{Endpoint, HttpUrl};

/// How long records of logs are collected by default.
pub(super) const LOG_DELAY: Duration = Duration::from_secs(1);
/// How long spans are collected by default.
pub(super) const SPAN_DELAY: Duration = Duration::from_secs(5);

/// What gRPC is called in the older shape of this section.
const OLD_GRPC: &str = "grpc/protobuf";

/// Where own telemetry is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination {
    /// To an OTLP server.
    Otlp(Box<OtlpConfig>),
    /// To the standard output, as OTLP/JSON, a request a line.
    Console,
}

/// An OTLP server for own telemetry.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// How to talk to it. Default: HTTP with protobuf.
    pub protocol: Protocol,
    /// Its URL. Over HTTP without a path, the signal's usual one is added.
    pub endpoint: String,
    /// No TLS where the endpoint has no scheme.
    pub insecure: bool,
    /// File with the certificates in PEM that are trusted instead of the system's, where the endpoint has TLS.
    pub certificate: String,
    /// File with the own certificate in PEM.
    pub client_certificate: String,
    /// File with its key.
    pub client_key: String,
    /// Compresses requests with gzip.
    pub gzip: bool,
    /// Sent with every request.
    pub headers: MapList<Secret>,
    /// How long a request may take. Default: 10 s.
    pub timeout: Duration,
    /// What counts of metrics begin at. Default: the start of the collector.
    pub temporality: Temporality,
}

/// How OTLP is transported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf in HTTP/1.1 requests.
    HttpProtobuf,
}

/// What sums and histograms are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temporality {
    /// From the start.
    Cumulative,
    /// From the last time, except for what also shrinks.
    Delta,
    /// From the last time for what that needs no memory for.
    LowMemory,
}

/// A way of log records or spans out of the collector: in batches, or one by one.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct BatchConfig {
    /// Where they go.
    pub destination: Destination,
    /// How long they are collected, milliseconds in YAML; zero sends each at once. Default: 1 s for logs, 5 s for spans.
    pub schedule_delay: Duration,
    /// How long sending a batch may take; milliseconds in YAML. Default: 30 s.
    pub export_timeout: Duration,
    /// So many may wait; what comes then is dropped, and counted. Default: 2048.
    pub max_queue_size: usize,
    /// So many go out at a time at most. Default: 512.
    pub max_export_batch_size: usize,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            protocol: Protocol::HttpProtobuf,
            endpoint: String::new(),
            insecure: false,
            certificate: String::new(),
            client_certificate: String::new(),
            client_key: String::new(),
            gzip: false,
            headers: MapList::default(),
            timeout: Duration::from_secs(10),
            temporality: Temporality::Cumulative,
        }
    }
}

impl BatchConfig {
    /// Batches to a destination, collected for so long.
    pub fn new(destination: Destination, schedule_delay: Duration) -> Self {
        Self {
            destination,
            schedule_delay,
            export_timeout: Duration::from_secs(30),
            max_queue_size: 2048,
            max_export_batch_size: 512,
        }
    }
}

// === decoding ===

impl Decode for OtlpConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            protocol,
            endpoint,
            insecure,
            certificate,
            client_certificate,
            client_key,
            gzip,
            headers,
            timeout,
            temporality,
        } = self;
        take_choice(
            fields,
            "protocol",
            protocol,
            &[
                ("grpc", Protocol::Grpc),
                ("http/protobuf", Protocol::HttpProtobuf),
                (OLD_GRPC, Protocol::Grpc),
            ],
        );
        if let Some(node) = fields.node("protocol").filter(|node| node.text() == Some(OLD_GRPC)) {
            let message = format!("`{OLD_GRPC}` is now called `grpc`");
            fields.decoder().at("protocol", |decoder| decoder.warning(node, message).clone());
        }
        fields.required("endpoint", endpoint);
        fields.take("insecure", insecure);
        fields.take("certificate", certificate);
        fields.take("client_certificate", client_certificate);
        fields.take("client_key", client_key);
        check_pair(fields, client_certificate, client_key);
        take_choice(fields, "compression", gzip, &[("gzip", true), ("none", false), ("", false)]);
        fields.describe_former("headers_list", Schema::secret(), "`headers` has a line for each");
        if let Some(node) = fields.node("headers_list") {
            fields.decoder().at("headers_list", |decoder| take_list(node, decoder, headers));
        }
        fields.take("headers", headers);
        take_millis(fields, "timeout", timeout);
        take_choice(
            fields,
            "temporality_preference",
            temporality,
            &[
                ("cumulative", Temporality::Cumulative),
                ("delta", Temporality::Delta),
                ("lowmemory", Temporality::LowMemory),
            ],
        );
        let mut aggregation = ();
        take_choice(
            fields,
            "default_histogram_aggregation",
            &mut aggregation,
            &[("explicit_bucket_histogram", ())],
        );
        fields.says("compression", "How requests are compressed: `gzip` or `none`.");
        fields.says("temporality_preference", "What sums and histograms are counted from.");
        fields.says("default_histogram_aggregation", "How histograms are counted.");
        if endpoint.is_empty() {
            return;
        }
        if !endpoint.contains("://") {
            *endpoint = format!("{}://{endpoint}", if *insecure { "http" } else { "https" });
        }
        let problem = match protocol {
            Protocol::Grpc => Endpoint::parse(endpoint).err().map(|error| error.to_string()),
            Protocol::HttpProtobuf => HttpUrl::parse(endpoint).err().map(|error| error.to_string()),
        };
        if let Some(problem) = problem {
            let node = fields.node("endpoint").unwrap_or(fields.map());
            fields.decoder().at("endpoint", |decoder| decoder.error(node, problem).clone());
        }
    }
}

/// Exactly one exporter.
impl FromNode for Destination {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.fields(node, |fields| {
            let otlp = fields.node("otlp");
            let console = fields.node("console");
            let refused = fields.contains("zipkin");
            fields.unsupported("zipkin", "spans can be sent by otlp");
            match (otlp, console) {
                (Some(otlp), None) => {
                    let read = fields.decoder().at("otlp", |decoder| OtlpConfig::from_node(otlp, decoder))?;
                    Some(Destination::Otlp(Box::new(read)))
                }
                (None, Some(_)) => Some(Destination::Console),
                (None, None) if refused => None,
                _ => {
                    let map = fields.map();
                    fields.decoder().error(map, "exactly one exporter is needed: otlp or console");
                    None
                }
            }
        })?
    }

    fn schema() -> Schema {
        let console = Schema::keys::<&str>([]).described("To the standard output.");
        Schema::keys([
            ("otlp", OtlpConfig::schema().described("To a server, over OTLP.")),
            ("console", console),
        ])
    }

    fn value(&mut self) -> Value {
        match self {
            Self::Otlp(config) => Value::map([("otlp", config.value())]),
            Self::Console => Value::map([("console", Value::map::<&str>([]))]),
        }
    }
}

/// Takes the list `processors` of logs or traces.
pub(super) fn take_processors(fields: &mut Fields<'_>, delay: Duration, processors: &mut Vec<BatchConfig>) {
    let present = processors.iter_mut().map(processor_value).collect();
    fields.describe("processors", Schema::list(processor_schema(delay)), Value::List(present));
    let Some(node) = fields.node("processors") else { return };
    let Some(items) = node.sequence() else {
        if !node.is_null() {
            fields.decoder().at("processors", |decoder| decoder.mismatch(node, "a list").clone());
        }
        return;
    };
    fields.decoder().at("processors", |decoder| {
        let read = |(index, item)| decoder.at(index, |decoder| processor(item, decoder, delay));
        *processors = items.iter().enumerate().filter_map(read).collect();
    });
}

fn processor(node: &Node, decoder: &mut Decoder, delay: Duration) -> Option<BatchConfig> {
    decoder.fields(node, |fields| {
        let (batch, simple) = (fields.node("batch"), fields.node("simple"));
        match (batch, simple) {
            (Some(batch), None) => fields
                .decoder()
                .at("batch", |decoder| decoder.fields(batch, |fields| read_batch(fields, delay)))?,
            (None, Some(simple)) => {
                let exporter = |fields: &mut Fields<'_>| exporter(fields, None);
                let destination =
                    fields.decoder().at("simple", |decoder| decoder.fields(simple, exporter))??;
                Some(BatchConfig::new(destination, Duration::ZERO))
            }
            _ => {
                let map = fields.map();
                fields.decoder().error(map, "a processor is either `batch` or `simple`");
                None
            }
        }
    })?
}

fn processor_schema(delay: Duration) -> Schema {
    let batch = Schema::of(|fields| drop(read_batch(fields, delay)));
    let simple = Schema::of(|fields| drop(exporter(fields, None)));
    Schema::keys([("batch", batch.described("In batches.")), ("simple", simple.described("One by one."))])
}

fn processor_value(processor: &mut BatchConfig) -> Value {
    let (key, value) = if processor.schedule_delay.is_zero() {
        ("simple", Value::of(|fields| drop(exporter(fields, Some(&mut processor.destination)))))
    } else {
        let read = |fields: &mut Fields<'_>| {
            take_batch(fields, processor);
            exporter(fields, Some(&mut processor.destination));
        };
        ("batch", Value::of(read))
    };
    Value::map([(key, value)])
}

fn take_batch(fields: &mut Fields<'_>, batch: &mut BatchConfig) {
    take_millis(fields, "schedule_delay", &mut batch.schedule_delay);
    take_millis(fields, "export_timeout", &mut batch.export_timeout);
    fields.take("max_queue_size", &mut batch.max_queue_size);
    fields.take("max_export_batch_size", &mut batch.max_export_batch_size);
    fields.document(KeyDocs::of::<BatchConfig>());
}

fn read_batch(fields: &mut Fields<'_>, delay: Duration) -> Option<BatchConfig> {
    let mut read = BatchConfig::new(Destination::Console, delay);
    take_batch(fields, &mut read);
    if read.max_queue_size == 0 || read.max_export_batch_size == 0 {
        let map = fields.map();
        fields.decoder().error(map, "max_queue_size and max_export_batch_size must be positive");
    }
    read.destination = exporter(fields, None)?;
    Some(read)
}

/// Takes the key `exporter`, which has to be there; `present` is what it is, for who asks.
pub(super) fn exporter(fields: &mut Fields<'_>, present: Option<&mut Destination>) -> Option<Destination> {
    fields.describe("exporter", Destination::schema(), present.map_or(Value::Null, Destination::value));
    fields.says("exporter", "Where they go.");
    let Some(node) = fields.node("exporter") else {
        let map = fields.map();
        fields.decoder().error(map, "key `exporter` is required");
        return None;
    };
    fields.decoder().at("exporter", |decoder| Destination::from_node(node, decoder))
}

/// Takes a number of milliseconds.
pub(super) fn take_millis(fields: &mut Fields<'_>, key: &'static str, duration: &mut Duration) {
    let mut millis = u64::try_from(duration.as_millis()).ok();
    fields.take(key, &mut millis);
    if let Some(millis) = millis {
        *duration = Duration::from_millis(millis);
    }
}

/// Takes one of a few words. Nothing changes nothing.
pub(super) fn take_choice<T: Clone + PartialEq>(
    fields: &mut Fields<'_>,
    key: &'static str,
    value: &mut T,
    choices: &[(&str, T)],
) {
    fields.describe(key, Schema::one_of(choices), Value::one_of(value, choices));
    if let Some(node) = fields.node(key)
        && !node.is_null()
        && let Some(read) = fields.decoder().at(key, |decoder| decoder.one_of(node, choices))
    {
        *value = read;
    }
}

/// A certificate has a key, and a key a certificate.
fn check_pair(fields: &mut Fields<'_>, certificate: &str, key: &str) {
    let (at, problem) = match (certificate.is_empty(), key.is_empty()) {
        (false, true) => {
            ("client_certificate", "client certificate was provided but no client key was provided")
        }
        (true, false) => ("client_key", "client key was provided but no client certificate was provided"),
        _ => return,
    };
    let node = fields.node(at).unwrap_or(fields.map());
    fields.decoder().at(at, |decoder| decoder.error(node, problem).clone());
}

/// Headers in one text: `name=value,name=value`.
fn take_list(node: &Node, decoder: &mut Decoder, headers: &mut MapList<Secret>) {
    decoder.mask(node);
    let Some(text) = decoder.text(node) else { return };
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        match pair.split_once('=') {
            Some((name, value)) => {
                headers.0.insert(name.trim().to_owned(), Secret::new(value.trim()));
            }
            None => {
                decoder.error(node, "expected headers such as name=value,other=value");
            }
        }
    }
}
