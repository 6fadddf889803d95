//! What stands between a pipeline and an exporter that sends: an in-memory queue, retries, a timeout per attempt.
//!
//! [`Sending`] wraps any exporter. The exporter sends once and says whether a failure is permanent, and after which
//! delay a retry makes sense; the rest happens here:
//!
//! - With the queue (`sending_queue`, on by default) data is taken at once and sent by `num_consumers` tasks. A
//!   full queue refuses with a retryable error, or with `block_on_overflow` lets the caller wait until its deadline. What is
//!   being sent counts against the size until it is done.
//! - A retryable failure is tried again (`retry_on_failure`, on by default), later and later, until `max_elapsed_time`.
//! - At shutdown waiting for a retry ends, what is queued is tried once each, and what is left at the deadline is
//!   dropped and counted as `shutdown`.

mod backoff;
mod config;
mod exporter;
mod metrics;
mod queue;
mod sender;

pub use config::{QueueConfig, RetryConfig, SendingConfig, Sizer};
pub use exporter::Sending;
