//! The command line of a collector binary. Such a binary is a few lines:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use otel_core::component::BuildInfo;
//! use otel_core::service::Registry;
//!
//! fn main() -> ExitCode {
//!     let mut registry = Registry::new();
//!     // otel_receivers::register(&mut registry); and so on.
//!     otel_core::cli::main(&registry, BuildInfo::default())
//! }
//! ```

mod arguments;
mod changes;
mod command;
mod load;
#[cfg(unix)]
mod open_files;
mod report;
mod signals;

pub use command::{CommandLine, main, run};
