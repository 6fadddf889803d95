//! Strategies for telemetry of every shape that OTLP has.
//!
//! ```
//! use otel_core::pdata::{Interop, Signal, Traces};
//! use otel_core::testing::generate;
//! use proptest::prelude::*;
//!
//! proptest!(ProptestConfig::with_cases(16), |(odd in generate::odd::<Traces>())| {
//!     let traces = Traces::from_bytes(odd.bytes).unwrap();
//!     prop_assert_eq!(traces.to_request(), odd.request);
//! });
//! ```

mod common;
mod metrics;
mod records;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::{mangle, raw};
use crate::pdata::{Interop, Logs, Metrics, Traces};

/// A signal of which requests can be generated.
pub trait Generate: Interop {
    /// See [`requests`].
    #[doc(hidden)]
    fn requests() -> BoxedStrategy<Self::Request>;
}

/// An encoded request as few encoders write it, and what it means.
#[derive(Debug, Clone)]
pub struct Odd<S: Interop> {
    /// The encoding.
    pub bytes: Bytes,
    /// What prost decodes it to. What it does not know is in the bytes only, see [`raw`].
    pub request: S::Request,
}

/// Requests in which every field takes every kind of value: all metric types, exemplars, nested and absent
/// values, duplicate keys, empty containers, no containers, strings beyond ASCII, extreme numbers.
///
/// No double is NaN, so that a request equals itself.
pub fn requests<S: Generate>() -> BoxedStrategy<S::Request> {
    S::requests()
}

/// Requests in odd encodings: unknown fields of every wire type at every level, singular fields repeated,
/// members of a oneof that are superseded, packed and unpacked scalars mixed, explicit zeros, numbers with
/// more bytes or bits than needed, fields in any order.
pub fn odd<S: Generate>() -> BoxedStrategy<Odd<S>> {
    requests::<S>()
        .prop_perturb(|request, mut rng| {
            let tree = raw::Tree::parse(S::KIND, &request.encode_to_vec()).expect("prost encodes protobuf");
            let fields = mangle::mangle(raw::request(S::KIND), tree.fields, &mut rng);
            let mut bytes = Vec::new();
            mangle::encode_padded(&fields, &mut rng, &mut bytes);
            Odd { bytes: bytes.into(), request }
        })
        .boxed()
}

impl Generate for Traces {
    fn requests() -> BoxedStrategy<Self::Request> {
        records::traces().boxed()
    }
}

impl Generate for Metrics {
    fn requests() -> BoxedStrategy<Self::Request> {
        metrics::metrics().boxed()
    }
}

impl Generate for Logs {
    fn requests() -> BoxedStrategy<Self::Request> {
        records::logs().boxed()
    }
}

#[cfg(test)]
mod tests;
