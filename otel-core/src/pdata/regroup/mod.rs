//! Regrouping telemetry on the wire: merge, split, retain, partition, group by a key.
//!
//! The operations are methods of [`Signal`](super::Signal). Nothing is decoded. What stays together keeps its
//! bytes and moves as a slice of them; only a resource group that is torn apart is copied, and its parts carry
//! all that the original said of resource, scope and metric. Items keep their order. An operation that keeps
//! everything shares the bytes of what came in.
//!
//! ```
//! use otel_core::pdata::view::{AnyValue, Item};
//! use otel_core::pdata::{Signal, Traces};
//!
//! # fn main() -> Result<(), otel_core::pdata::InvalidData> {
//! # let request = |name: &[u8; 4], route: &[u8; 2]| {
//! #     [b"\x0a\x1e\x12\x1c\x12\x1a\x2a\x04", name.as_slice(), b"\x4a\x12\x0a\x0ahttp.route\x12\x04\x0a\x02", route].concat()
//! # };
//! # let (first, second) = (request(b"list", b"/a"), request(b"show", b"/b"));
//! // Two requests of one span each, with the routes `/a` and `/b`.
//! let mut traces = Traces::from_bytes(first.into())?;
//! traces.merge(Traces::from_bytes(second.into())?);
//! assert_eq!(traces.items(), 2);
//!
//! let (one, rest) = traces.clone().split_items(1);
//! assert_eq!((one.items(), rest.items()), (1, 1));
//!
//! let by_route = traces.clone().group_by(|at| {
//!     at.item().attributes().get("http.route").and_then(AnyValue::as_str).map(str::to_owned)
//! });
//! let routes: Vec<_> = by_route.iter().map(|(route, traces)| (route.as_deref(), traces.items())).collect();
//! assert_eq!(routes, [(Some("/a"), 1), (Some("/b"), 1)]);
//!
//! traces.retain(|at| at.item().name() == "show");
//! assert_eq!(traces.items(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Empty groups and unknown fields
//!
//! A resource group, scope group or metric that loses its last item goes; one that came without items stays.
//! Where items go several ways, what belongs to no item — such a group, or an unknown field of the request
//! itself — goes with the first part.
//!
//! # Memory
//!
//! A slice keeps the whole buffer alive that it was received in. What a filter keeps of a buffer is therefore
//! copied where it is less than a quarter of it.

mod chunks;
mod cut;
mod output;
mod plan;
mod select;

pub use chunks::Chunks;

pub(crate) use cut::{split_bytes, split_items};
pub(crate) use select::{Above, Rest, group_by, group_by_level, partition, partition_level};
