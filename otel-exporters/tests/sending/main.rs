//! The queue, retries and timeouts around an exporter, in paused time.

#[path = "../support/mod.rs"]
mod support;

mod batching;
mod config;
mod queue;
mod retry;
mod scripted;
mod shutdown;
