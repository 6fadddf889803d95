//! Operations on telemetry as wire bytes against the same with prost: ids are
//! `pdata/<operation>/<signal>/<wire|prost|memcpy>`, so that the ratio is read off one run.
//!
//! A module per group of operations. The time is that of one request of 1,000 items; criterion's throughput is
//! in items.

mod build;
mod edit;
mod json;
mod prost_ops;
mod regroup;
mod validate;
mod view;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    pdata,
    validate::validate,
    view::find,
    regroup::merge_split,
    regroup::retain,
    edit::resource_upsert,
    edit::item_upsert,
    build::build,
    json::json
);
criterion_main!(pdata);
