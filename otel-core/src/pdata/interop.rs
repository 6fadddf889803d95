//! Conversions from and to the prost types of the `opentelemetry-proto` crate.
//!
//! They decode and encode whole object trees, so they are for tests and for code that already works on those
//! types; unknown fields do not survive them.

use std::fmt;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::{InvalidData, Logs, Metrics, Signal, Traces};

/// A signal with its prost request.
///
/// ```
/// use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
/// use otel_core::pdata::{Interop, Signal, Traces};
///
/// let request = ExportTraceServiceRequest::default();
/// let traces = Traces::try_from(&request)?;
/// assert_eq!(traces.to_request(), request);
/// # Ok::<(), otel_core::pdata::InvalidData>(())
/// ```
pub trait Interop: Signal {
    /// The export request as `opentelemetry-proto` has it.
    type Request: Message + Default + fmt::Debug + Clone + PartialEq + 'static;

    /// Encodes the request and validates it.
    ///
    /// # Errors
    /// What prost's types allow and OTLP does not: ids of the wrong length, values nested too deeply.
    fn from_request(request: &Self::Request) -> Result<Self, InvalidData> {
        Self::from_bytes(Bytes::from(request.encode_to_vec()))
    }

    /// Decodes the whole signal. Unknown fields are lost.
    fn to_request(&self) -> Self::Request {
        Self::Request::decode(self.to_bytes()).expect("what validation lets through decodes")
    }
}

/// `interop!(Signal, Request)` implements [`Interop`] and the standard conversions of the pair.
macro_rules! interop {
    ($signal:ident, $request:ident) => {
        impl Interop for $signal {
            type Request = $request;
        }

        impl TryFrom<&$request> for $signal {
            type Error = InvalidData;

            fn try_from(request: &$request) -> Result<Self, InvalidData> {
                Self::from_request(request)
            }
        }

        impl TryFrom<$request> for $signal {
            type Error = InvalidData;

            fn try_from(request: $request) -> Result<Self, InvalidData> {
                Self::from_request(&request)
            }
        }

        impl From<&$signal> for $request {
            fn from(signal: &$signal) -> Self {
                signal.to_request()
            }
        }

        impl From<$signal> for $request {
            fn from(signal: $signal) -> Self {
                signal.to_request()
            }
        }
    };
}

interop!(Traces, ExportTraceServiceRequest);
interop!(Metrics, ExportMetricsServiceRequest);
interop!(Logs, ExportLogsServiceRequest);
