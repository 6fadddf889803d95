//! The queue, retries and timeouts around an exporter, in paused time.

#[path = "../support/mod.rs"]
mod support;

mod batching;
mod config;
mod persistent;
mod queue;
mod reload;
mod retry;
mod scripted;
mod shutdown;
