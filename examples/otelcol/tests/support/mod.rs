//! Real collector processes, a backend for them, and clients that say exactly what they are told to.
#![allow(dead_code, reason = "each test target uses a part of it")]

use std::path::PathBuf;

use otel_core::pdata::Signal;
use otel_core::testing::compare::Compare;

pub(crate) mod backend;
pub(crate) mod client;
pub(crate) mod collector;
pub(crate) mod config;
pub(crate) mod go;
pub(crate) mod sdk;
pub(crate) mod web;

/// Where other programs are installed.
pub(crate) fn peers() -> PathBuf {
    // Cargo makes this directory in the target directory.
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers")
}

/// Asserts that two sequences of requests have the same items in the same scopes and resources, in any order.
#[track_caller]
pub(crate) fn assert_same<S: Signal>(sent: Vec<S>, received: Vec<S>) {
    Compare::new()
        .ignore_resource_order()
        .ignore_scope_order()
        .ignore_item_order()
        .merge_groups()
        .assert_equal(&S::merged(sent), &S::merged(received));
}
