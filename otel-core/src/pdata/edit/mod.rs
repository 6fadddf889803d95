//! Changing telemetry in place: only what changes is encoded anew.
//!
//! An edit is one pass over a signal: [`Signal::edit`](super::Signal::edit) goes from item to item,
//! [`edit_resources`](super::Signal::edit_resources), [`edit_scopes`](super::Signal::edit_scopes) and
//! [`Metrics::edit_metrics`](super::Metrics::edit_metrics) from group to group. Within what is handed out, fields are
//! read and written in any order, and reading sees what was written. From an item its metric, its scope and its
//! resource can be edited too; the items that follow see that.
//!
//! ```
//! # use otel_core::pdata::build::TracesBuilder;
//! use otel_core::pdata::Signal;
//! use otel_core::pdata::edit::Verdict;
//! use otel_core::pdata::view::{AnyValue, StatusCode};
//!
//! # let mut traces = TracesBuilder::new();
//! # let mut resource = traces.resource(|resource| {
//! #     resource.attribute("service.name", "shop");
//! # });
//! # let mut scope = resource.scope(|_| {});
//! # for (name, status) in [("GET /health", 200), ("GET /cart", 502)] {
//! #     scope.span(|span| {
//! #         span.name(name).attribute("http.status_code", status).attribute("user.email", "a@b.c");
//! #     });
//! # }
//! # let mut traces = traces.finish();
//! traces.edit_resources(|resource| {
//!     resource.attributes().upsert("deployment.environment.name", "production");
//! });
//!
//! traces.edit(|span| {
//!     if span.view().name() == "GET /health" {
//!         return Verdict::Drop;
//!     }
//!     span.attributes().rename("http.status_code", "http.response.status_code").remove("user.email");
//!     if let Some(AnyValue::Int(500..)) = span.attributes().get("http.response.status_code") {
//!         span.set_status(StatusCode::ERROR, "");
//!     }
//!     Verdict::Keep
//! });
//! assert_eq!(traces.items(), 1);
//! # let span = traces.iter().next().unwrap();
//! # assert_eq!(span.item().status().code(), StatusCode::ERROR);
//! # assert_eq!(span.item().attributes().len(), 1);
//! # assert_eq!(span.resource().attributes().len(), 2);
//! ```
//!
//! # Guarantees
//! - Setting a field to the value that it has is no change. What has no change shares its bytes with what came
//!   in: an edit without any leaves the signal as it is, and allocates nothing per item.
//! - Unknown fields of what is edited stay; a value that is replaced as a whole takes its own along.
//! - A group that loses all it held by an edit goes; one that came empty stays.
//! - What was edited is valid: readers accept messages nested in a hundred others, and of a value that is set so deep
//!   that it goes beyond, the arrays and maps for which there is no room become empty values. Where not even an
//!   empty value has room, nothing is set.
//! - If a closure panics, the signal is as it was.

mod attributes;
mod draft;
mod groups;
mod header;
mod items;
mod messages;
mod pass;
mod signal;
mod value;

pub use attributes::AttributesEdit;
pub use draft::Verdict;
pub use groups::{MetricEdit, ResourceEdit, ScopeEdit};
pub use items::{ItemEdit, PointEdit};
pub use messages::{
    BucketsEdit, EntityRefEdit, EventEdit, ExemplarEdit, ExponentialHistogramDataPointEdit,
    HistogramDataPointEdit, LinkEdit, NumberDataPointEdit, StatusEdit, SummaryDataPointEdit,
    ValueAtQuantileEdit,
};
pub use value::{ArrayEdit, ValueEdit};

pub(crate) use signal::{edit_items, edit_resources, edit_scopes};
