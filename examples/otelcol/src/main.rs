//! A collector with the components of this workspace. Copy it, and register your own beside them or instead of them.

use std::process::ExitCode;

use otel_core::cli::CommandLine;
use otel_core::component::BuildInfo;
use otel_core::service::Registry;

fn main() -> ExitCode {
    let mut registry = Registry::new();
    otel_receivers::register(&mut registry);
    otel_processors::register(&mut registry);
    otel_exporters::register(&mut registry);
    let command_line = CommandLine::new(&registry, BuildInfo::default());
    command_line.example(include_str!("../quickstart.yaml")).main()
}
