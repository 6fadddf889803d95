use http::header;
use http::request::Parts;
use std::sync::Arc;

use otel_core::component::{
    Authentication, ClientInfo, Code, ConsumeError, Context, Metadata, Next, Outputs, TraceContext,
};
use otel_core::net::auth::ServerMiddlewares;
use otel_core::net::{Message, Peer, ReadLimits, Refused, Rejections, Status};
use otel_core::pdata::{Signal, SignalKind};

use super::InvalidUtf8;
use super::metrics::TransportMetrics;

/// The way of a request into the pipelines, for one protocol.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) outputs: Outputs,
    pub(super) limits: ReadLimits,
    pub(super) invalid_utf8: InvalidUtf8,
    pub(super) include_metadata: bool,
    pub(super) metrics: TransportMetrics,
    pub(super) rejections: Rejections,
}

/// How the telemetry in a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

/// Why a request did not get in.
pub(super) enum Refusal {
    /// It is not a valid request, or cannot be read.
    Rejected(Refused),
    /// It is not valid telemetry.
    Invalid(String),
    /// The pipeline said no.
    Pipeline(Status),
    /// No pipeline takes the signal.
    Unserved,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Refusal::Rejected(refused)
    }
}

impl Intake {
    /// Validates a message and hands it to the pipelines of its signal. The message counts as in flight until they
    /// have answered.
    pub(super) async fn take(
        &self,
        signal: SignalKind,
        encoding: Encoding,
        message: Message,
        context: Context,
    ) -> Result<(), Refusal> {
        match signal {
            SignalKind::Traces => {
                self.take_as(self.outputs.traces.as_ref(), encoding, message, context).await
            }
            SignalKind::Metrics => {
                self.take_as(self.outputs.metrics.as_ref(), encoding, message, context).await
            }
            SignalKind::Logs => self.take_as(self.outputs.logs.as_ref(), encoding, message, context).await,
            _ => Err(Refusal::Unserved),
        }
    }

    async fn take_as<S: Signal>(
        &self,
        next: Option<&Next<S>>,
        encoding: Encoding,
        message: Message,
        context: Context,
    ) -> Result<(), Refusal> {
        let next = next.ok_or(Refusal::Unserved)?;
        let Message { bytes, charge } = message;
        let data: S = match encoding {
            Encoding::Json => S::from_json(&bytes).map_err(|error| Refusal::Invalid(error.to_string()))?,
            Encoding::Protobuf => match self.invalid_utf8 {
                InvalidUtf8::Reject => {
                    S::from_bytes(bytes).map_err(|error| Refusal::Invalid(error.to_string()))?
                }
                InvalidUtf8::Repair => {
                    let (data, repaired) = S::from_bytes_repairing(bytes)
                        .map_err(|error| Refusal::Invalid(error.to_string()))?;
                    if repaired.strings > 0 {
                        self.metrics.repaired.add(repaired.strings as u64);
                    }
                    data
                }
            },
        };
        if data.items() == 0 {
            return Ok(());
        }
        let taken = self.metrics.report.consume(next, data, context).await;
        drop(charge);
        taken.map_err(|error| Refusal::Pipeline(Status::from(&error)))
    }

    /// Whether the middlewares let more of a request come, and the pipelines of its signal would take something now, as
    /// far as can be told without it.
    pub(super) fn admit(&self, signal: SignalKind, head: &Parts) -> Result<(), Refused> {
        head.extensions.get::<ServerMiddlewares>().map_or(Ok(()), ServerMiddlewares::admit_more)?;
        let admitted = match signal {
            SignalKind::Traces => admits(self.outputs.traces.as_ref()),
            SignalKind::Metrics => admits(self.outputs.metrics.as_ref()),
            SignalKind::Logs => admits(self.outputs.logs.as_ref()),
            _ => Ok(()),
        };
        admitted.map_err(|error| Refused::from(&error))
    }

    /// What a client is told of a refusal, of which the rest is recorded. What is invalid gets the protocol's own code.
    pub(super) fn status(&self, refusal: Refusal, invalid: Code, peer: Peer) -> Status {
        let refused = match refusal {
            Refusal::Pipeline(status) => return status,
            Refusal::Rejected(refused) => refused,
            Refusal::Invalid(error) => Refused::new("invalid", invalid, error),
            Refusal::Unserved => {
                Refused::new("unserved", Code::Unimplemented, "no pipeline takes this signal")
            }
        };
        self.rejections.record(&refused, peer);
        refused.status
    }

    /// What the pipelines are told of a request.
    pub(super) fn context(&self, peer: Peer, head: &Parts) -> Context {
        let mut context = match peer.address {
            Some(address) => Context::new().with_client(ClientInfo::new(address)),
            None => Context::new(),
        };
        if let Some(trace) = head.extensions.get::<TraceContext>() {
            context = context.with_trace(*trace);
        }
        if let Some(authentication) = head.extensions.get::<Arc<dyn Authentication>>() {
            context = context.with_authentication(Arc::clone(authentication));
        }
        if !self.include_metadata {
            return context;
        }
        let mut metadata = Metadata::new();
        for (name, value) in &head.headers {
            // Not left out where it is no text: it would look as if the client had not said it.
            metadata.append(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
        // HTTP/2 has a field of its own for it.
        if let Some(host) = head.uri.authority().filter(|_| !head.headers.contains_key(header::HOST)) {
            metadata.append("host", host.as_str());
        }
        context.with_metadata(metadata)
    }
}

fn admits<S: Signal>(next: Option<&Next<S>>) -> Result<(), ConsumeError> {
    next.map_or(Ok(()), |next| next.admit(&S::default()))
}
